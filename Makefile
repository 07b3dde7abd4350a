# Everything runs from .venv, which the first target that needs it makes. `make demo` installs the program alone,
# `make test` and the others the development tools too. PYTHON=... chooses the interpreter.

PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
SIZE ?= full
PIP := .venv/bin/python -m pip install --quiet --quiet --disable-pip-version-check -c constraints.txt

.PHONY: demo test lint bench soak mutants catalogue schema golden validate docs clean

demo: .venv/.core
	@.venv/bin/ecssim demo

test: .venv/.dev
	@.venv/bin/python -m pytest tests -m "not slow"

lint: .venv/.dev
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports

bench: .venv/.dev
	@.venv/bin/python benchmarks/run.py --size $(SIZE)

soak: .venv/.dev
	@HYPOTHESIS_PROFILE=soak .venv/bin/python -m pytest tests

# Do the tests of decisions and world bite? 200 random changes of one place, each against its module's own tests.
mutants: .venv/.dev
	@.venv/bin/python scripts/mutants.py --count 200 --seed 1 --workers 2

# The tables of the catalogue, written again from the packages that carry them.
catalogue: .venv/.catalogue
	@.venv/bin/python scripts/make_catalogue.py

# The JSON Schema of scenarios, for editors.
schema: .venv/.core
	@mkdir -p docs
	@.venv/bin/ecssim schema > ecssim/scenario/scenario.schema.json

# The summaries of the scenarios; a commit that changes one says which number moved and why.
golden: .venv/.dev
	@.venv/bin/python -m tests.golden

# Published measurements as scenarios: docs/validation.md, simulated against measured.
validate: .venv/.dev
	@.venv/bin/python scripts/make_validation.py

docs: schema .venv/.dev
	@.venv/bin/python scripts/make_fidelity.py
	@.venv/bin/python scripts/make_lifecycle.py

clean:
	@rm -rf build dist ecssim-demo .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -not -path './.venv/*' -exec rm -rf {} +
	@if [ -L .venv ]; then rm .venv; else rm -rf .venv; fi

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "ecssim needs Python 3.11 or newer: name one with make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "$(PYTHON) cannot make virtual environments: install the package python3-venv (apt-get install python3-venv)"; exit 1; }
	@echo "making .venv with $(PYTHON)"
	@$(PYTHON) -m venv .venv

.venv/.core: pyproject.toml constraints.txt | .venv/bin/python
	@echo "installing ecssim"
	@$(PIP) -e .
	@touch $@

.venv/.dev: pyproject.toml constraints.txt | .venv/bin/python
	@echo "installing ecssim and its development tools"
	@$(PIP) -e '.[dev]'
	@touch $@ .venv/.core

.venv/.catalogue: .venv/.dev
	@$(PIP) -e '.[catalogue]'
	@touch $@
