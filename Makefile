# make setup | demo | app | test | bench: each works alone on a machine with Python 3.11+, pip and make.

PYTHON ?= python3
VENV := .venv
READY := $(VENV)/.ready

.PHONY: setup demo app test lint bench clean

setup: $(READY)

$(READY): pyproject.toml requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,fiftyone]'
	-$(VENV)/bin/python -m runner.fields.mongod
	-$(VENV)/bin/runner doctor --compile
	touch $@

demo: $(READY)
	$(VENV)/bin/runner demo

app: $(READY)
	$(VENV)/bin/python -m plugin.demo_app

lint: $(READY)
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy

test: lint
	$(VENV)/bin/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

bench: $(READY)
	for benchmark in tests/benchmarks/*.py; do echo "== $$benchmark"; $(VENV)/bin/python "$$benchmark" || exit 1; done

clean:
	rm -rf $(VENV) demo-results .pytest_cache .mypy_cache .ruff_cache
