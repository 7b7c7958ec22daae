# Reports, boards and the pictures of the documentation.
.PHONY: bench-report images vendor

bench-report: setup ## time and size of reports of 60, 1,000 and 10,000 trials
	$(PYTHON) -m benchmarks.report $(ARGS)

images: setup ## the documentation's pictures, from a run on the embedded data (needs Chromium)
	$(PYTHON) docs/images/make.py $(ARGS)

UPLOT := 1.6.32
vendor: ## fetch the plotting library of the report's page again, and check its hashes (needs npm)
	folder=$$(mktemp -d) && cd $$folder && npm pack --silent uplot@$(UPLOT) && tar xzf uplot-$(UPLOT).tgz && \
	cp package/dist/uPlot.iife.min.js package/dist/uPlot.min.css package/LICENSE $(CURDIR)/app/perch/report/assets/vendor/uplot/
	cd app/perch/report/assets/vendor && grep -E '^[0-9a-f]{64}  ' README.md | sha256sum --check
