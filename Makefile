# Two commands do everything, each from nothing:
#   make demo    sets up, and transcribes the bundled recording in a real IPython
#   make test    sets up, and runs every check
# and
#   make lab     opens JupyterLab on notebooks/quickstart.ipynb
#   make lint    style, types and the import contract alone
#   make debian  the Debian packages that some tests and the training recipe need (as root)

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
DEBIAN := chromium espeak-ng flite
.PHONY: demo test lab lint debian clean

demo: $(VENV)/.installed
	$(BIN)/ipython --no-banner -c "$$(printf '%%load_ext whisper_magic\n%%whisper demo')"

# One torch thread for each of two test processes: two threads on a busy core wait for each other.
test: $(VENV)/.dev debian lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal

lab: $(VENV)/.dev
	$(BIN)/jupyter lab notebooks/quickstart.ipynb

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Installs what is missing where that is possible; elsewhere says so, and the tests in need of it skip.
debian:
	@missing=""; for name in $(DEBIAN); do command -v $$name >/dev/null || missing="$$missing $$name"; done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "Installing Debian packages:$$missing"; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $$missing >/dev/null \
	    || echo "Could not install$$missing; the tests that need them will skip."; \
	else \
	  echo "Missing$$missing (Debian: sudo apt-get install$$missing); the tests that need them will skip."; \
	fi

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "whisper_magic needs Python 3.11 or newer; try make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(PIP) --constraint constraints.txt --editable .
	touch $@

$(VENV)/.dev: $(VENV)/.installed
	$(PIP) --constraint constraints.txt --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
