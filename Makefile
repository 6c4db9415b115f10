# `make` alone lists the targets. Each makes the virtual environment that it needs.
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PYTHON ?= python3
PYTEST := $(BIN)/python -m pytest --durations=10
WORKERS := -n 4
OTHER_PYTHONS := 3.12 3.13
SEED ?= 1
MINUTES ?= 1
ROWS ?=
SBOM ?= sbom.json

.DEFAULT_GOAL := help
.PHONY: help
help: ## list the targets
	@awk -F ' *## *' '/^# [A-Z][a-z ]*:$$/ { sub(/^# /, ""); print (n++ ? "\n" : "") $$0 } \
		/^[a-z-]+:.* ## / { split($$1, name, ":"); printf "  make %-10s %s\n", name[1], $$2 }' Makefile

# Start here:

.PHONY: install demo up
# Bytecode is kept even where the environment says not to: each process of the stack would compile everything again.
demo up: export PYTHONDONTWRITEBYTECODE :=
install: $(READY) ## make .venv with the locked packages, hashes checked
demo: $(READY) ## sell tickets on the whole stack, prove it, stop everything
	$(BIN)/boxoffice demo

up: $(READY) ## start the whole stack with shows to buy, and keep it running; its state is in data/
	$(BIN)/boxoffice up --data-dir data --seed

# While you work:

.PHONY: quick check format coverage golden docs
# Bytecode is kept even where the environment says not to: each worker would compile every test again.
quick test coverage: export PYTHONDONTWRITEBYTECODE :=
quick: $(READY) ## the fast tests: units, workflows on fakes, replay, architecture
	$(PYTEST) --quick -n 3 --dist worksteal

check: $(READY) ## ruff, mypy, the import contracts and the audit
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/boxoffice audit --brief

format: $(READY) ## put the code into shape
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

# Drawn examples do not count: they may reach a branch or not. Nor does what an earlier run left: it is erased first.
coverage: $(READY) ## every branch of domain/ and workflows/ is reached by the fast tests, with those marked slow
	$(BIN)/python -m coverage erase
	$(BIN)/python -m coverage run -m pytest -q --quick -m "not nightly" -n 3 --dist worksteal
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report

golden: $(READY) ## accept the commands that the workflows issue today
	$(BIN)/python -m tests.replay.record --golden

docs: $(READY) ## write openapi.json, acts.md, door.md, problems.md, scopes.md, states.md and events/
	$(BIN)/python -m tests.docs.events
	$(BIN)/python -m api.openapi > docs/openapi.json
	$(BIN)/python -m tests.docs.acts > docs/acts.md
	$(BIN)/python -m tests.docs.door > docs/door.md
	$(BIN)/python -m tests.docs.problems > docs/problems.md
	$(BIN)/python -m tests.docs.scopes > docs/scopes.md
	$(BIN)/python -m tests.docs.states > docs/states.md

# Before a change lands:

.PHONY: test pythons record lock sbom
test: $(READY) ## every test but those of the night
	$(PYTEST) $(WORKERS) --dist loadfile --no-loadscope-reorder -m "not nightly"

pythons: $(READY) ## the fast tests on every other supported Python that is installed
	@for version in $(OTHER_PYTHONS); do $(MAKE) --no-print-directory python-$$version || exit 1; done

record: $(READY) ## record the histories of every outcome on the real stack
	$(BIN)/python -m tests.replay.record

COMPILE = $(BIN)/uv pip compile --quiet --universal --fork-strategy fewest --generate-hashes --no-header --no-annotate
lock: $(READY) ## write requirements*.txt: every package with its hashes
	$(COMPILE) pyproject.toml --all-extras --group build -o requirements.txt
	$(COMPILE) pyproject.toml --constraint requirements.txt -o requirements-production.txt
	$(COMPILE) --group build --constraint requirements.txt -o requirements-build.txt

# The tool warns that a lock does not say which package asks for which.
sbom: $(READY) ## write sbom.json: the packages of the image, as CycloneDX
	PYTHONWARNINGS=ignore $(BIN)/cyclonedx-py requirements requirements-production.txt --pyproject pyproject.toml \
		--output-reproducible --output-file $(SBOM)

# The long proofs:

.PHONY: matrix mutants chaos clients wheel nightly
matrix: $(READY) ## every step of every way, with every fault; writes docs/fault-matrix.md
	rm -f .matrix.json
	-MATRIX=.matrix.json $(BIN)/python -m pytest tests/matrix $(WORKERS) --dist worksteal --timeout 900
	$(BIN)/python -m tests.matrix.write .matrix.json

mutants: $(READY) ## seed each known bug in a copy and show that its test catches it
	$(BIN)/python -m tests.mutants.run

chaos: $(READY) ## buyers and failures on the real stack, planned from SEED, for MINUTES
	$(BIN)/python -m tests.chaos --seed $(SEED) --minutes $(MINUTES)

clients: $(READY) ## generate clients in Python and TypeScript and buy with them
	PATH="$(CURDIR)/$(BIN):$$PATH" CLIENTS=1 $(BIN)/python -m pytest -q tests/clients

wheel: $(READY) ## install the wheel, and run the image's recipe, in clean environments
	$(BIN)/python -m pytest -q tests/packaging

nightly: $(READY) ## all of these, long; writes docs/results/DATE.md
	$(BIN)/python -m tests.nightly

# Figures:

.PHONY: bench measure
bench: $(READY) .venv-bench/.ready ## throughput and latency beside a control; ROWS chooses
	$(BIN)/python -m bench --rows "$(ROWS)"; status=$$?; $(BIN)/python -m bench.model && exit $$status

measure: $(READY) .venv-bench/.ready ## everything in docs/performance.md, on a quiet machine: about an hour
	-$(BIN)/python -m bench
	-$(BIN)/python -m bench.recovery
	$(BIN)/python -m bench.resources
	-$(BIN)/python -m bench.growth
	$(BIN)/python -m bench.model

# Environments. The installer itself is taken from the lock as well; the project is built by the locked build system.
$(READY): requirements.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	sed -n '/^uv==/,/[^\\]$$/p' requirements.txt > $(VENV)/uv.txt
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps --requirement $(VENV)/uv.txt
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	$(BIN)/python -m compileall -q -j 0 *.py $(filter-out bench/ data/ docs/ tests/,$(wildcard */))
	touch $@

.venv-bench/.ready: pyproject.toml $(READY)
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv-bench
	$(BIN)/uv pip install --quiet --compile-bytecode --python .venv-bench/bin/python --require-hashes -r requirements.txt
	$(BIN)/uv pip install --quiet --compile-bytecode --python .venv-bench/bin/python --constraint requirements.txt --group bench
	touch $@

# Where pyenv manages the versions, its commands answer only for the one that PYENV_VERSION names.
FIND = PYENV_VERSION=$$(pyenv latest $* 2>/dev/null) $(BIN)/uv python find --no-python-downloads --system $* 2>/dev/null
.PHONY: $(OTHER_PYTHONS:%=python-%)
$(OTHER_PYTHONS:%=python-%): python-%: $(READY)
	@if $(FIND) >/dev/null; then $(MAKE) --no-print-directory .venv-$*/.ready && \
		.venv-$*/bin/python -m pytest --quick $(WORKERS) --dist worksteal; \
	else echo "Python $* is not installed: skipped"; fi

.venv-%/.ready: requirements.txt pyproject.toml $(READY)
	$(BIN)/uv venv --quiet --clear --python "$$($(FIND))" .venv-$*
	$(BIN)/uv pip install --quiet --compile-bytecode --python .venv-$*/bin/python --require-hashes -r requirements.txt
	$(BIN)/uv pip install --quiet --python .venv-$*/bin/python --no-deps --no-build-isolation -e .
	touch $@
