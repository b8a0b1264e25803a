# make setup | demo | app | test | check | faults | fuzz | bench: each works alone on a machine with Python 3.11+, pip and make.

PYTHON ?= python3
VENV := .venv
READY := $(VENV)/.ready

.PHONY: setup demo app lint test check faults fuzz bench clean

setup: $(READY)

$(READY): pyproject.toml requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,fiftyone]'
	-$(VENV)/bin/python -m runner.integrations.fiftyone.mongod
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

PYTEST := $(VENV)/bin/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

# what every change is tried with
test: lint
	$(PYTEST) -m 'not check'
	$(VENV)/bin/python -m tests.faults --seconds 60 --seed 42

# the rest that must hold at every commit
check: $(READY)
	$(PYTEST) -m check
	SEEDS=4 $(VENV)/bin/python -m pytest tests/perturbation/campaign.py

# faults by a seed that is printed: make faults, make faults SEED=7, make faults KILLS=200 ALL=1
faults: $(READY)
	$(VENV)/bin/python -m tests.faults --seconds 2400 $(if $(SEED),--seed $(SEED)) $(if $(KILLS),--kills $(KILLS)) $(if $(ALL),--all)

# every parser with whatever it may be given: make fuzz, make fuzz MINUTES=5, make fuzz SEED=7
fuzz: $(READY)
	$(VENV)/bin/python -m tests.fuzz --minutes $(or $(MINUTES),60) $(if $(SEED),--seed $(SEED))

bench: $(READY)
	for benchmark in tests/benchmarks/*.py; do echo "== $$benchmark"; $(VENV)/bin/python "$$benchmark" || exit 1; done

clean:
	rm -rf $(VENV) demo-results .pytest_cache .mypy_cache .ruff_cache
