.PHONY: bench-strategies

bench-strategies: setup ## how long strategies take to decide, Ray's scheduler beside them (a minute)
	$(PYTHON) benchmarks/strategies.py $(ARGS)
