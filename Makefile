# Everything below runs in .venv, which the first target makes. Without make: README, "Without make".

# Settings: make study RUN=full PARAMS=full
RUN    ?= quick
PARAMS ?= $(RUN)
# `make demo PINNED=1` installs the exact versions of the published run instead of the newest that fit.
PINNED ?=

PYTHONS  = python3.11 python3.12 python3.13 python3 python
READY    = .venv/.ready
REPORT   = reports/$(RUN)
# nbval and papermill compare text and stderr: progress bars stay silent there.
QUIET    = TQDM_DISABLE=1
# A thread that waits for another one sleeps instead of spinning: with other work on the same cores the whole then
# slows down by its share of the machine.
SLEEPING = OMP_WAIT_POLICY=PASSIVE

ONE_THREAD = OMP_NUM_THREADS=1
NOTEBOOKS = $(QUIET) $(SLEEPING) $(ONE_THREAD) .venv/bin/python -m pytest -p no:randomly -p no:cacheprovider -p no:xdist \
    --nbval-lax --nbval-current-env

.DEFAULT_GOAL = help
.PHONY: help demo lint quick test fuzz bench study lab media browser docs colab wheel app cluster

help:
	@echo "make demo    replace both faces of media/sample.jpg; the photo, its JSON and a GIF land in out/"
	@echo "make app     the same for your own photos, in a browser"
	@echo "make lint    check style and types: ruff and mypy"
	@echo "make quick   run the fast tests, without the notebooks, in under two minutes"
	@echo "make test    run all tests, in random order, and check every notebook"
	@echo "make fuzz    try damaged photos, boxes, weights, runs, indexes and libraries   [FUZZ=10000: how many]"
	@echo "make bench   measure this beside other ways of doing the same, in ratios, into reports/bench/   [ONLY=web] [ROUNDS=3]"
	@echo "make study   run notebooks 01 to 08 into reports/RUN/   [RUN=quick] [PARAMS=RUN: notebooks/params/PARAMS-NN.yaml]"
	@echo "             or one of them: NOTEBOOK=04, with a photo of yours: PHOTO=party.jpg (03 to 06)"
	@echo "make media   copy the README's pictures from reports/RUN/ to media/   [RUN=full]"
	@echo "make lab     open the notebooks in JupyterLab"
	@echo "make browser run every notebook in JupyterLab in Chromium; screenshots land in out/browser/   [NOTEBOOK=04]"
	@echo "make cluster lose machines of a cluster of Ray on this machine, and train by two processes"
	@echo "make docs    build the site into build/site/ and check its links   [SERVE=1: then show it at 127.0.0.1:8000]"
	@echo "make wheel   build the package, and try it in an environment of its own   [PYTHON=python3; 6 GB]"
	@echo "make colab   try the notebooks' first cell with Colab's packages   [COLAB=python3.13; 6 GB]"
	@echo "Each makes .venv first when it is missing (Python 3.11 or newer; about 3 minutes).   [PINNED=1: exact versions]"

demo: $(READY)
	@echo "== Anonymizing media/sample.jpg"
	@$(SLEEPING) .venv/bin/python -m deid media/sample.jpg -o out --gif
	@echo "== Look at out/sample.jpg beside media/sample.jpg; out/sample.jpg.json says what was done, the GIF in out/ shows how"

# Gradio is an extra: it brings forty packages, and no one else needs them.
app: $(READY)
	@.venv/bin/python -c 'import gradio' 2>/dev/null \
	    || .venv/bin/python -m pip install --quiet --disable-pip-version-check -e '.[app]'
	@$(SLEEPING) .venv/bin/python -m deid.app

lint: $(READY)
	@echo "== Checking style and types"
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy

quick: $(READY)
	@echo "== Running the fast tests"
	@$(QUIET) $(SLEEPING) .venv/bin/python -m pytest -m "not slow" tests

# On two cores. pytest-randomly would shuffle the cells of a notebook, too. Notebooks 02, 05 and 06 learn from the
# crops that 01 makes; then whichever of the two processes is free begins the next one, the longest first.
test: LONG = $(foreach number,08 05 06 03 02,$(wildcard notebooks/$(number)_*.ipynb))
test: LATER = $(LONG) $(filter-out $(LONG) notebooks/01_%,$(wildcard notebooks/*.ipynb))
test: $(READY)
	@echo "== Testing the package"
	@$(QUIET) $(SLEEPING) $(ONE_THREAD) .venv/bin/python -m pytest -n 2 --dist loadscope tests
	@echo "== Checking the notebooks"
	@$(NOTEBOOKS) notebooks/01_*.ipynb
	@printf '%s\n' $(LATER) | xargs -P 2 -n 1 sh -c \
	    'said=$$($(NOTEBOOKS) "$$1" 2>&1); code=$$?; printf "%s\n" "$$said"; exit $$code' notebook

# In one process, so that it prints how many there were of each kind. DEID_FUZZ_ONLY=pictures:17 repeats one.
fuzz: FUZZ ?= 10000
fuzz: $(READY)
	@echo "== Trying $(FUZZ) damaged files"
	@$(QUIET) $(SLEEPING) $(ONE_THREAD) DEID_FUZZ=$(FUZZ) .venv/bin/python -m pytest -q -s -p no:randomly -p no:xdist \
	    tests/test_fuzzing.py

# Processor time on one core; what pytest-benchmark itself leaves, in full, lies in build/.
bench: ROUNDS ?= 1
bench: ONLY ?=
bench: $(READY)
	@.venv/bin/python -c 'import pytest_benchmark' 2>/dev/null \
	    || .venv/bin/python -m pip install --quiet --disable-pip-version-check -e '.[bench]'
	@command -v $${DEFACE:-deface} >/dev/null || echo "== Without deface (for it: DEFACE=path to its command)"
	@mkdir -p build
	@$(QUIET) $(SLEEPING) BENCH_ROUNDS=$(ROUNDS) .venv/bin/python -m pytest -q -p no:randomly -p no:xdist \
	    -p no:cacheprovider --benchmark-json=build/benchmark.json --benchmark-columns=min,rounds benchmarks -k '$(ONLY)'
	@echo "== Look at reports/bench/figures/ratios.png; the numbers are in reports/bench/ratios.json"

# The executed notebook goes once the page is written: the page holds all of it.
# NOTEBOOK is a number; PHOTO only fits one whose parameters name a photo: the others refuse it, and say theirs.
study: CHOSEN = $(wildcard notebooks/$(or $(NOTEBOOK),0[1-8])_*.ipynb)
study: $(READY)
	@test -n "$(CHOSEN)" || { echo "notebooks/$(NOTEBOOK)_*.ipynb: no such notebook; give NOTEBOOK=01 to 08" >&2; exit 2; }
	@test -z "$(PHOTO)" -o -n "$(NOTEBOOK)" || { echo "PHOTO=... goes with NOTEBOOK=03 to 06" >&2; exit 2; }
	@test -z "$(PHOTO)" -o -f "$(PHOTO)" || { echo "$(PHOTO): no such file" >&2; exit 2; }
	@mkdir -p $(REPORT)
	@set -e; for notebook in $(CHOSEN); do \
	    name=$$(basename $$notebook .ipynb); number=$${name%%_*}; \
	    params=notebooks/params/$(PARAMS)-$$number.yaml; \
	    echo "== $$name -> $(REPORT)/$$name.html$$(test ! -f $$params || echo ", with $$params")"; \
	    $(SLEEPING) .venv/bin/papermill $$notebook $(REPORT)/$$name.ipynb --cwd notebooks -k python3 \
	        $$(test ! -f $$params || echo "-f $$params") -p output ../$(REPORT) \
	        $(if $(PHOTO),-r photo "$$(.venv/bin/python -c 'import os, sys; print(os.path.abspath(sys.argv[1]))' "$(PHOTO)")"); \
	    .venv/bin/python -m deid.study.publishing $(REPORT)/$$name.ipynb; \
	    .venv/bin/jupyter nbconvert --to html --template report --log-level WARN \
	        --TemplateExporter.extra_template_basedirs=notebooks $(REPORT)/$$name.ipynb; \
	    rm $(REPORT)/$$name.ipynb; \
	done
	@echo "== Read $(REPORT)/*.html; figures and metrics.json lie beside them"

wheel: PYTHON ?= python3
wheel:
	@echo "== Building the package"
	@rm -rf build dist && $(PYTHON) -m pip wheel -q --no-deps -w dist .
	@echo "== Trying $$(ls dist) in dist/env"
	@$(PYTHON) -m venv dist/env && dist/env/bin/python -m pip install -q --disable-pip-version-check dist/*.whl
	@cp media/sample.jpg dist/party.jpg && cd dist && env/bin/deid doctor && env/bin/deid party.jpg

# Colab's packages are in an environment of their own; the test makes another one on top of it each time.
colab: COLAB ?= python3.13
colab: $(READY)
	@test -x .venv-colab/bin/python || $(COLAB) -m venv .venv-colab
	@.venv-colab/bin/python -m pip install -q --disable-pip-version-check -r tests/study/colab-packages.txt
	@echo "== Starting as on Colab, twice"
	@DEID_COLAB=$(CURDIR)/.venv-colab/bin/python .venv/bin/python -m pytest -p no:randomly -k on_colab tests/study/test_colab.py

media: RUN = full
media:
	@echo "== Copying what the README shows from $(REPORT) to media/"
	@cp runs/quick/figures/07-process.gif media/process.gif  # of the default's people: notebook 07 as it opens
	@cp $(REPORT)/figures/06-before-after.jpg media/before-after.jpg
	@cp reports/first/figures/02-training.gif media/training.gif
	@cp $(REPORT)/figures/02-samples.jpg media/samples.jpg
	@cp $(REPORT)/figures/05-version-1-and-2.jpg media/version-1-and-2.jpg

lab: $(READY)
	@echo "== Opening notebooks/ in JupyterLab (Ctrl-C ends it)"
	@$(SLEEPING) .venv/bin/jupyter lab --ServerApp.root_dir="$(CURDIR)" --LabApp.default_url=/lab/tree/notebooks

# With their bars, one notebook after the other.
browser: NOTEBOOK ?=
browser: $(READY)
	@.venv/bin/python -c 'import playwright' 2>/dev/null || .venv/bin/python -m pip install --quiet -e '.[browser]'
	@echo "== Running the notebooks in a browser; screenshots land in out/browser/"
	@$(SLEEPING) DEID_BROWSER=out/browser .venv/bin/python -m pytest -p no:randomly -p no:xdist -k '$(NOTEBOOK)' \
	    tests/test_browser.py

# Ray and accelerate are an extra, and starting a cluster takes longer than all that it does here.
cluster: $(READY)
	@.venv/bin/python -c 'import accelerate, pyarrow, ray' 2>/dev/null \
	    || .venv/bin/python -m pip install --quiet --disable-pip-version-check -e '.[cluster]'
	@echo "== Losing machines of a cluster, and training by two processes"
	@$(QUIET) $(SLEEPING) $(ONE_THREAD) DEID_CLUSTER=1 .venv/bin/python -m pytest -p no:xdist \
	    tests/cluster tests/training/test_processes.py

docs: $(READY)
	@.venv/bin/python -c 'import mkdocs_jupyter, mkdocstrings' 2>/dev/null \
	    || .venv/bin/python -m pip install --quiet -e '.[docs]'
	@echo "== Building the site into build/site/ and checking its links"
	@NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --strict
	@.venv/bin/python -m deid.study.checking build/site
	@test -z "$(SERVE)" || .venv/bin/python -m http.server --bind 127.0.0.1 --directory build/site 8000

$(READY): requirements.txt pyproject.toml
	@echo "== Setting up .venv (once; downloads PyTorch)"
	@test -x .venv/bin/pip || { \
	    for python in $(PYTHONS); do \
	        if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	            exec $$python -m venv .venv; \
	        fi; \
	    done; \
	    echo "No Python 3.11 or newer among: $(PYTHONS). Install one from python.org or your package manager." >&2; \
	    exit 1; }
	@.venv/bin/python -m pip install --quiet --upgrade pip
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements.txt $(if $(PINNED),-c constraints.txt)
	@touch $@
