# Everything runs in .venv, which the first target that needs it creates. One file per fact: versions stand in requirements.txt.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help install demo studio test check bench fuzz space space-studio lock audit clean

VENV := .venv
PY := $(VENV)/bin/python
PIP_INSTALL := $(PY) -m pip install --quiet --no-input --disable-pip-version-check --no-compile
PIP := $(PIP_INSTALL) -c constraints.txt
PIP_HASHED := $(PIP_INSTALL) --require-hashes --no-deps
# pip compiles on one core, this on all. Some packages carry files of other Python versions, so errors are left unsaid.
COMPILE := $(PY) -m compileall -qq -j 0 $(VENV)/lib || true
PINS := requirements.txt constraints.txt
WORKERS := 3
FAULTS := https://pypi.org/pypi/numpy/2.0.0/json

help:  ## what there is (this list)
	@sed -n 's/^\([a-z-]*\):[^#]*## */\1|/p' Makefile | while IFS='|' read -r name text; do printf '  make %-12s %s\n' "$$name" "$$text"; done

install: $(VENV)/.all  ## create .venv and install everything (HASHES=1: only wheels of hashes.txt, Linux x86-64, Python 3.11)

demo: $(VENV)/.serving  ## the live demo on 127.0.0.1:7860 (ARGS="--port 7861 --model DIR")
	$(PY) -m apps.webcam $(ARGS)

studio: $(VENV)/.all  ## the evaluation studio on 127.0.0.1:8501 (ARGS="mine.csv --images DIR")
	$(PY) -m apps.studio $(ARGS)

test: $(VENV)/.all  ## all tests, three at a time (ARGS="tests/core -x", WORKERS=0 for one at a time)
	$(PY) -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

check: $(VENV)/.all  ## ruff and mypy
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy core evaluation train apps scripts

bench: $(VENV)/.all  ## speed and memory: model, demo, metrics, studio at a million rows (ARGS="--json", STUDIO="--rows 10000000")
	$(PY) -m evaluation bench $(ARGS)
	$(PY) -m apps.studio.benchmark $(STUDIO)

fuzz: $(VENV)/.all  ## hostile input for all that reads input of others, seeded, counted (ARGS="tables --minutes 10 --json")
	$(PY) -m scripts.fuzz $(ARGS)

space: $(VENV)/.serving  ## write the Hugging Face Space into DIR=...
	@test -n "$(DIR)" || { echo 'Expected a folder, got none; try: make space DIR=/tmp/space' >&2; exit 2; }
	$(PY) -m scripts.space "$(DIR)"

space-studio: $(VENV)/.all  ## write the studio's Hugging Face Space into DIR=...
	@test -n "$(DIR)" || { echo 'Expected a folder, got none; try: make space-studio DIR=/tmp/studio-space' >&2; exit 2; }
	$(PY) -m scripts.space_studio "$(DIR)"

audit:  ## known faults of the pinned versions (pip-audit; needs the network)
	@python3 -c 'import urllib.request as u; u.urlopen("$(FAULTS)", timeout=5)' 2>/dev/null || { echo 'make audit: no answer from $(FAULTS), which has the known faults.' >&2; exit 1; }
	python3 -m venv build/audit
	build/audit/bin/python -m pip install --quiet --disable-pip-version-check pip-audit==2.10.1
	build/audit/bin/python -m pip_audit --strict --requirement constraints.txt --no-deps --disable-pip

clean:  ## remove .venv and caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis

# A stamp is written last, so an interrupted installation leaves none (or one older than the pins) and is taken up again.
$(VENV)/.all: $(PINS)
	@$(ENSURE)
	@echo 'Installing everything into $(VENV) (once, a few minutes) ...'
	@$(if $(HASHES),$(PIP_HASHED) -r hashes.txt && $(PIP) --no-deps torch,$(PIP) -r requirements.txt)
	@$(COMPILE)
	@touch $(VENV)/.serving $@

$(VENV)/.serving: $(PINS)
	@$(ENSURE)
	@echo 'Installing what the demo needs into $(VENV) (once, about a minute) ...'
	@$(PY) -m scripts.space --requirements > $(VENV)/serving.txt
	@$(PIP) -r $(VENV)/serving.txt
	@$(COMPILE)
	@touch $@

# Creates .venv where there is no working one. PYTHON=... names an interpreter; else the first of these that is 3.11 or newer.
define ENSURE
if ! $(PY) -m pip --version >/dev/null 2>&1; then \
  for python in $(PYTHON) python3.11 python3 python python3.12 python3.13; do \
    if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then found=$$python; break; fi; \
  done; \
  if [ -z "$$found" ]; then echo "Expected Python 3.11, got $$(python3 --version 2>&1 || true); install it or try: make PYTHON=/path/to/python3.11" >&2; exit 2; fi; \
  "$$found" -m venv --clear $(VENV) || { echo 'Expected a Python with venv and pip; on Debian: apt-get install python3.11-venv' >&2; exit 2; }; \
fi
endef

lock:  ## renew constraints.txt from requirements.txt in a fresh environment
	rm -rf build/lock && mkdir -p build
	python3.11 -m venv build/lock
	grep -v '^-c' requirements.txt > build/lock.txt
	build/lock/bin/python -m pip install --quiet -r build/lock.txt
	{ head -1 constraints.txt; build/lock/bin/python -m pip freeze | sed -E 's/\+[A-Za-z0-9.]+$$//' | grep -viE '^(nvidia-|triton|cuda-)'; } > build/constraints.txt
	mv build/constraints.txt constraints.txt
	$(PY) -m scripts.hashes
	rm -rf build/lock build/lock.txt
