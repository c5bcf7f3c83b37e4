# `make lab` and `make test` do all the set-up themselves; `make` alone lists what there is.
# Everything is installed into .venv beside this file, and works from any folder: make -f "some where/Makefile" lab

HERE := $(shell cd "$$(dirname "$(strip $(MAKEFILE_LIST))")" && pwd)
.DEFAULT_GOAL := help
.PHONY: help lab studio test notebooks clean

ifneq ($(CURDIR),$(HERE))

help lab studio test notebooks clean:
	@$(MAKE) --no-print-directory -C "$(HERE)" $@

else

PYTHON ?= python3
RUN = .venv/bin/python
READY = .venv/.ready
TESTS_READY = .venv/.ready_test
PORT ?= 8866

help:  ## list the commands
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 18

# Linux gives memory back after every step and asks for it again in the next; keeping it makes a step about a tenth faster.
lab studio: export MALLOC_TRIM_THRESHOLD_ = 1000000000
lab studio: export MALLOC_MMAP_THRESHOLD_ = 1000000000
# A thread that waits for another one shall sleep soon: beside a busy browser, two threads are three times as fast so.
lab studio: export OMP_WAIT_POLICY = PASSIVE
lab studio: export GOMP_SPINCOUNT = 2000
lab: $(READY)  ## open the lessons in JupyterLab (the first time, install what they need)
	$(RUN) -m jupyterlab --ServerApp.root_dir=. --LabApp.default_url=/lab/tree/notebooks/01_preprocessing.ipynb $(LAB_OPTIONS)

studio: $(READY)  ## serve the live studio alone, on this computer only, at the address it prints
	@token=$$($(RUN) -c "import secrets; print(secrets.token_hex(16))") && \
	printf '\n  http://localhost:$(PORT)/?token=%s\n  (for a projector: add &projector=1)\n\n' $$token && \
	cd notebooks/studio && exec ../../$(RUN) -m voila panel.ipynb --port=$(PORT) --token=$$token $(STUDIO_OPTIONS)

test: export OMP_NUM_THREADS = 1  # two processes run beside each other, one thread each
test: $(TESTS_READY)  ## run unit tests, execute every notebook and compare its outputs, try the studio in Chromium
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m pytest -q -n 2 --dist loadfile --ignore=tests/browser tests
	$(RUN) -m pytest -q -n 2 --dist loadfile -W default --nbval --nbval-current-env notebooks
	$(RUN) -m pytest -q tests/browser

notebooks: $(READY)  ## execute all notebooks again and store their outputs
	$(RUN) notebooks/execute.py

# .ready is newer than pyproject.toml once everything is installed: a second run does no work.
$(READY): pyproject.toml
	@test -x $(RUN) || $(PYTHON) -m venv .venv
	$(RUN) -m pip install --quiet --editable '.[notebooks]'
	@touch $(READY)

$(TESTS_READY): $(READY)
	$(RUN) -m pip install --quiet --editable '.[notebooks,test]'
	@touch $(TESTS_READY)

clean:  ## remove .venv and everything that was built
	rm -rf .venv build dist *.egg-info .pytest_cache .hypothesis
	find . \( -name __pycache__ -o -name .ruff_cache \) -type d -prune -exec rm -rf {} +

endif
