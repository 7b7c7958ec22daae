# The data part: benchmark of neighbour lists and graphs, and the embedded set made anew.

EMBEDDED_WORK ?= embedded-work

.PHONY: bench-graphs embedded-check embedded

bench-graphs: setup ## time neighbour lists and graphs: ASE, matscipy, vesin, Perch
	$(UV) run --frozen --with matscipy==1.3.1 python benchmarks/graphs.py $(ARGS)

embedded-check: | $(if $(findstring .tools,$(UV)),.tools/bin/uv) ## make 20 systems of the embedded set anew and compare energies (an environment of its own; resumable)
	$(UV) run --script studies/embedded/make.py --work $(EMBEDDED_WORK) check --number 20 $(ARGS)

embedded: | $(if $(findstring .tools,$(UV)),.tools/bin/uv) ## make the whole embedded set anew (hours; resumable)
	$(UV) run --script studies/embedded/make.py --work $(EMBEDDED_WORK) make $(ARGS)
	$(UV) run --script studies/embedded/make.py --work $(EMBEDDED_WORK) pack $(EMBEDDED_WORK)/adsorption.extxyz.gz
