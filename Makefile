# The two commands of a newcomer are `make demo` and `make test`; each makes the virtual environment it needs.
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready


.PHONY: install check test demo up bench measure chaos lock record golden format mutants nightly matrix coverage
.DEFAULT_GOAL := test

# Libraries are compiled once: where Python may not keep its bytecode, each process of a stack would compile all libraries again.
$(READY): requirements.txt pyproject.toml
	python3 -m venv $(VENV)
	$(BIN)/python -m pip install --quiet 'uv==0.13.9'
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -r requirements.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e .
	touch $(READY)

install: $(READY)

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

test: $(READY)
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

# Every branch of domain/ and workflows/; drawn examples do not count, since they may reach a branch or not.
coverage: $(READY)
	$(BIN)/python -m coverage run -m pytest -q tests/unit tests/workflow tests/replay
	$(BIN)/python -m coverage report

matrix: $(READY)
	rm -f .matrix.json
	-MATRIX=.matrix.json $(BIN)/python -m pytest tests/matrix -n 3 --dist worksteal --timeout 900
	$(BIN)/python -m tests.matrix.write .matrix.json

demo: $(READY)
	$(BIN)/boxoffice demo

up: $(READY)
	$(BIN)/boxoffice up --data-dir data

SEED ?= 1
MINUTES ?= 1
chaos: $(READY)
	$(BIN)/python -m tests.chaos --seed $(SEED) --minutes $(MINUTES)

PEER := .venv-bench
$(PEER)/.ready: pyproject.toml $(READY)
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(PEER)
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(PEER)/bin/python --group bench
	touch $@

bench: $(READY) $(PEER)/.ready
	$(BIN)/python -m bench --rows "$(ROWS)"

# Everything that docs/performance.md speaks of, on a machine that does nothing else: about an hour.
measure: $(READY) $(PEER)/.ready
	-$(BIN)/python -m bench
	-$(BIN)/python -m bench.recovery
	$(BIN)/python -m bench.resources
	$(BIN)/python -m bench.growth

format: $(READY)
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

# Histories of every outcome from the real stack, then the golden commands; `golden` accepts today's commands only.
record: $(READY)
	$(BIN)/python -m tests.replay.record

golden: $(READY)
	$(BIN)/python -m tests.replay.record --golden

lock: $(READY)
	$(BIN)/uv pip compile --quiet pyproject.toml --extra devstack --extra rush --extra dev --no-header --no-annotate -o requirements.txt

mutants: $(READY)
	$(BIN)/python -m tests.mutants.run

nightly: $(READY)
	$(BIN)/python -m tests.nightly
