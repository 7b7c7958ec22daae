SLURM_LAB ?= ../shared/lab
SLURM_SCRATCH ?= /tmp/scratch

.PHONY: slurm-lab e2e-slurm e2e-slurm-smoke slurm-launch-benchmark

slurm-lab: ## bring up the Slurm lab beside the repository, with the image as a SIF on it
	tests/e2e/slurm/lab-up $(SLURM_LAB) $(SLURM_SCRATCH) $(IMAGE)

e2e-slurm: setup ## end-to-end tests on a real Slurm: the lab's, or PERCH_SLURM_SHARED, PERCH_SLURM_LOGIN, PERCH_SLURM_SIF
	@[ -n "$${PERCH_SLURM_SHARED:-}" ] || $(MAKE) slurm-lab
	$(RUN) pytest -q -m slurm tests/e2e/slurm $(ARGS)

e2e-slurm-smoke: setup ## one small two-node job on the lab; skips with the reason where it cannot be
	@tests/e2e/slurm/smoke $(SLURM_LAB) $(SLURM_SCRATCH) $(IMAGE) "$(RUN)"

slurm-launch-benchmark: setup ## ours beside ray symmetric-run and head/worker scripts with sleeps, on the lab
	$(RUN) python -m benchmarks.slurm_launch
