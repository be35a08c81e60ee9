# make demo    set up .venv and analyse the sample study into out/demo
# make test    set up .venv, then ruff, mypy and every test
# make check   ruff and mypy alone
# make bench   time the stages, cold and warm, with peak memory
# make package write the archives that Slicer installs from a file into out/package; SLICER=5.12 PLATFORM=linux-amd64 writes one
# make screenshots  make the pictures of README and tutorial anew: the panel and Slicer's slice view, in docs/images
# Needs Python 3.11 or 3.12 and make. VENV=<folder> uses another virtual environment, PYTHON=<program> another Python.

.DEFAULT_GOAL := help
.PHONY: help demo test check bench package screenshots package-lists clean
.DELETE_ON_ERROR:

# The first Python that starts and is new enough.
PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3,\
            $(shell $(name) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(name))))
VENV ?= .venv
RUN := $(VENV)/bin/python
INSTALL := $(RUN) -m pip install -qq --disable-pip-version-check --constraint constraints.txt

help:
	@sed -n 's/^# //p' Makefile | head -7

# The set-up is repeated when the requirements change.
$(VENV)/.created:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed, and none was found. Name one: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.installed: $(VENV)/.created pyproject.toml constraints.txt
	@echo "Installing SpinalDiseaseAI into $(VENV); the first time takes some minutes"
	@$(INSTALL) --editable ".[scene,dicom-codecs,dicom-results]"
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	@echo "Installing what the tests need into $(VENV)"
	@$(INSTALL) --editable ".[scene,dicom-codecs,dicom-results,training,test]"
	@touch $@

demo: $(VENV)/.installed
	@$(RUN) -m SpinalDiseaseAILib demo --output out/demo

check: $(VENV)/.installed-test
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

test: check
	$(RUN) -m pytest

bench: $(VENV)/.installed-test
	$(RUN) Testing/benchmarks/bench_stages.py

# Needs no Python packages. An archive for macOS needs the revision of Slicer, unless it is the latest release: REVISION=34712.
package:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed, and none was found. Name one: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) Testing/packaging/extension_archive.py out/package \
	  $(if $(SLICER),--slicer $(SLICER)) $(if $(PLATFORM),--platform $(PLATFORM)) $(if $(REVISION),--revision $(REVISION))

screenshots: $(VENV)/.installed-test
	@QT_QPA_PLATFORM=offscreen PYTHONPATH=Testing/module $(RUN) Testing/screenshots/screenshots.py docs/images

# Rewrite the file lists of the CMake files from the tree, and the generated documents from the library's tables.
package-lists: $(VENV)/.installed-test
	$(RUN) Testing/packaging/package_lists.py
	$(RUN) Testing/packaging/generated_documents.py

clean:
	rm -rf $(VENV) build out .pytest_cache .mypy_cache .ruff_cache .hypothesis
