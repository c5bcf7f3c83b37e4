# `make lab` and `make test` do all the set-up themselves; `make` alone lists what there is.
#
# Everything runs in .venv beside this file. "make -C FOLDER lab" works from anywhere, also when FOLDER has spaces.

PYTHON ?= python3
VENV = .venv
RUN = $(VENV)/bin/python
READY = $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help lab test notebooks clean

help:  ## list the commands
	@grep -hE '^[a-z]+:.*## ' Makefile | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 20

lab: $(READY)  ## install what is needed and open the lessons in JupyterLab
	$(RUN) -m jupyterlab $(LAB_OPTIONS) notebooks/06_training_loop.ipynb

test: $(READY)  ## install what is needed, run the unit tests, then execute every notebook and compare its outputs
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m pytest -q -n 2 --dist loadfile tests
	$(RUN) -m pytest -q --nbval --nbval-current-env -n 2 --dist loadfile -W default notebooks

notebooks: $(READY)  ## execute all notebooks again and store their outputs
	$(RUN) notebooks/execute.py

# .ready is newer than pyproject.toml once the packages are there: a second run does no work.
$(READY): pyproject.toml
	@test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --editable '.[test]'
	@touch $(READY)

clean:  ## remove .venv and everything that was built
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
