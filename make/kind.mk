# The Helm chart, the manifests and the Kubernetes tests. Helm and its friends come from PATH, or from the lab's cache.
KIND_LAB := ../shared/lab/kind
export PATH := $(PATH):$(HOME)/.cache/hpo-lab/bin

.PHONY: chart chart-tools chart-docs chart-schema manifests chart-test e2e-kind e2e-kind-smoke workflows

chart: chart-schema chart-docs manifests chart-test ## everything that follows from the chart, then its tests

CHART_TOOLS := helm kubeconform helm-docs helm-unittest actionlint

chart-tools: ## Helm and what the chart's tests need beside it, as far as they are missing and Go is there to build them
	@missing=; for tool in $(CHART_TOOLS); do command -v $$tool >/dev/null || missing+=" $$tool"; done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if ! command -v go >/dev/null; then echo "no Go to build$$missing: the chart's tests that need them are skipped"; exit 0; fi; \
	echo "building$$missing (minutes, the first time)"; \
	if [ -x $(KIND_LAB)/tools ]; then $(KIND_LAB)/tools charts; else TOOLS_BIN=$(HOME)/.cache/hpo-lab/bin .github/scripts/tools $$missing; fi

chart-docs: ## the chart's README from the comments in values.yaml
	helm-docs --chart-search-root charts/perch --sort-values-order file --ignore-non-descriptions --skip-version-footer

chart-schema: setup ## the strategies that the chart's schema offers and the study's keys that it checks, from Perch itself
	$(PYTHON) charts/strategy_enum.py
	$(PYTHON) charts/study_schema.py

manifests: setup ## the plain manifests, from the chart
	$(PYTHON) charts/render_manifests.py

chart-test: setup ## lint, unit tests, schemas and drift of the chart; needs no cluster
	$(RUN) pytest tests/unit/charts $(ARGS)

workflows: ## actionlint and zizmor over the workflows
	actionlint
	$(UV) tool run zizmor --offline .github/workflows

e2e-kind: setup ## the whole on a real cluster: restricted namespace, faults, TensorBoard, uninstall
	$(RUN) pytest -m kind tests/e2e/kind $(ARGS)

e2e-kind-smoke: setup ## one study through the chart on a real cluster
	$(RUN) pytest -m kind tests/e2e/kind/test_smoke.py --log-cli-level=INFO $(ARGS)
