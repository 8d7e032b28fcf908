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

.DEFAULT_GOAL = help
.PHONY: help demo test study lab media

help:
	@echo "make demo    replace both faces of media/sample.jpg; the photo, its JSON and a GIF land in out/"
	@echo "make test    run the tests and check every notebook"
	@echo "make study   run notebooks 01 to 07 into reports/RUN/   [RUN=quick] [PARAMS=RUN: notebooks/params/PARAMS-NN.yaml]"
	@echo "make media   copy the README's pictures from reports/RUN/ to media/   [RUN=full]"
	@echo "make lab     open the notebooks in JupyterLab"
	@echo "Each makes .venv first when it is missing (Python 3.11 or newer; about 3 minutes).   [PINNED=1: exact versions]"

demo: $(READY)
	@echo "== Anonymizing media/sample.jpg"
	@.venv/bin/python -m deid media/sample.jpg -o out --gif
	@echo "== Look at out/sample.jpg beside media/sample.jpg; out/sample.jpg.json says what was done, the GIF in out/ shows how"

test: $(READY)
	@echo "== Testing the package and the notebooks"
	@$(QUIET) .venv/bin/python -m pytest --nbval-lax --nbval-current-env tests notebooks

study: $(READY)
	@mkdir -p $(REPORT)
	@set -e; for notebook in notebooks/0[1-7]_*.ipynb; do \
	    name=$$(basename $$notebook .ipynb); number=$${name%%_*}; \
	    params=notebooks/params/$(PARAMS)-$$number.yaml; \
	    echo "== $$name -> $(REPORT)/$$name.ipynb$$(test ! -f $$params || echo ", with $$params")"; \
	    .venv/bin/papermill $$notebook $(REPORT)/$$name.ipynb --cwd notebooks -k python3 \
	        $$(test ! -f $$params || echo "-f $$params") -p output ../$(REPORT); \
	    .venv/bin/python -m deid.reports $(REPORT)/$$name.ipynb; \
	    .venv/bin/jupyter nbconvert --to html --log-level WARN $(REPORT)/$$name.ipynb; \
	done
	@echo "== Read $(REPORT)/*.html; figures and metrics.json lie beside them"

media: RUN = full
media:
	@echo "== Copying what the README shows from $(REPORT) to media/"
	@cp $(REPORT)/figures/06-process.gif media/process.gif
	@cp $(REPORT)/figures/06-before-after.png media/before-after.png
	@cp reports/first/figures/02-training.gif media/training.gif
	@cp $(REPORT)/figures/02-samples.png media/samples.png
	@cp $(REPORT)/figures/03-hole-32.gif media/hole-32.gif
	@cp $(REPORT)/figures/05-version-1-and-2.png media/version-1-and-2.png
	@cp $(REPORT)/figures/06-side-by-side.png media/versions.png

lab: $(READY)
	@echo "== Opening notebooks/ in JupyterLab (Ctrl-C ends it)"
	@.venv/bin/jupyter lab notebooks/

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
