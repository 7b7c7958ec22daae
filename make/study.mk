# The shipped studies, scaled to two cores. Every target resumes: stop it at any time and make it again.
SEEDS ?= 10
TIME ?= 3m
STUDY_OUT ?= results
CPU_SHARE ?= 0.9

.PHONY: study study-both study-1 study-2 study-checkpoints study-cmr study-pbt bench-statistics

study: study-both study-checkpoints study-cmr study-pbt ## the scaled studies on two cores (hours; SEEDS=3 TIME=1m is short)

COMPARE = $(RUN) perch compare --seeds $(SEEDS) --time-budget $(TIME) --out $(STUDY_OUT) --min-cpu-share $(CPU_SHARE)

# Both scaled studies search the same space, so one comparison runs asha once for both: five runs a block in place of six.
# The two questions are fixed here and not by the results: each has its own reference, targets and correction for several tests.
study-both: setup dragonfly ## studies 1 and 2 in one comparison
	$(COMPARE) --run-id study-both --strategies asha,ahb,rs,asha-bo,asha-gp studies/study-1-two-cores.yaml
	$(RUN) perch compare $(STUDY_OUT)/study-both --strategies asha,ahb,rs --reference rs --run-id study-both-1
	$(RUN) perch compare $(STUDY_OUT)/study-both --strategies asha,asha-bo,asha-gp --reference asha --run-id study-both-2

study-1: setup ## asha, ahb and rs by time-to-solution
	$(COMPARE) --run-id study-1 --strategies asha,ahb,rs studies/study-1-two-cores.yaml

study-2: setup dragonfly ## asha against asha with Bayesian optimisation
	$(COMPARE) --run-id study-2 --strategies asha,asha-bo,asha-gp --reference asha studies/study-2-two-cores.yaml

study-checkpoints: setup ## what checkpoints at every epoch cost
	$(COMPARE) --run-id study-checkpoints --strategies asha,asha+checkpoints=all --reference asha studies/study-1-two-cores.yaml

# The database is not part of Perch: CMR=cmr_adsorption.db says where it lies. Without it the target says so and `make study` goes on.
study-cmr: TIME = 2m
study-cmr: setup ## study 1 on DFT energies (CMR=DATABASE)
	@if [ -z "$(CMR)" ]; then echo "study-cmr is skipped: no database; name it by CMR=cmr_adsorption.db"; \
	else $(COMPARE) --run-id study-cmr --strategies asha,ahb,rs --set data.path=$(abspath $(CMR)) studies/cmr-two-cores.yaml; fi

study-pbt: setup ## a population, its schedule, and whether the gain is real
	$(RUN) perch run --out $(STUDY_OUT) --run-id study-pbt studies/pbt-two-cores.yaml
	$(RUN) perch schedule $(STUDY_OUT)/study-pbt --validate 5

bench-statistics: setup ## coverage of a comparison's intervals on synthetic truth
	$(PYTHON) -m benchmarks.coverage

.PHONY: bench-rehearsal
bench-rehearsal: setup ## the published study 1 in simulated time, on constructed learning curves
	$(PYTHON) benchmarks/rehearsal.py
