# The documentation site, built offline.
.PHONY: docs docs-reference docs-serve

docs: setup docs-reference ## the documentation site, into site/ (mkdocs-material; nothing is fetched)
	NO_MKDOCS_2_WARNING=1 $(RUN) --group docs mkdocs build --strict

docs-reference: setup ## the generated reference: command line, study file, strategies
	$(PYTHON) docs/generate.py

docs-serve: setup ## the documentation site at http://127.0.0.1:8000, rebuilt as you write
	$(RUN) --group docs mkdocs serve
