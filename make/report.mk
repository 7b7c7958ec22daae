# Reports, boards and the pictures of the documentation.
.PHONY: bench-report images

bench-report: setup ## time and size of a report of 10,000 trials of 81 epochs
	$(PYTHON) -m benchmarks.report $(ARGS)

images: setup ## the documentation's pictures, from a run on the embedded data (needs Chromium)
	$(PYTHON) docs/images/make.py $(ARGS)
