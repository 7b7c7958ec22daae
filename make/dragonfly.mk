.PHONY: dragonfly

dragonfly: app/dragonfly/.venv/.ready ## build Dragonfly's own environment (Bayesian optimisation: bo, asha-bo)

app/dragonfly/.venv/.ready: app/dragonfly/pyproject.toml app/dragonfly/uv.lock | $(if $(findstring .tools,$(UV)),.tools/bin/uv)
	$(UV) sync --frozen --project app/dragonfly
	app/dragonfly/.venv/bin/python -W ignore -c "import dragonfly"
	@touch $@
