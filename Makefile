# make demo: a talking video from the bundled example, in out/demo.mp4
# make test: what continuous integration runs
# Needs python3 (3.10 to 3.12) with venv; PYTHON=python3.12 picks another one.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: demo test clean

demo: $(VENV)/.installed
	mkdir -p out
	$(BIN)/openvasa animate examples/portrait.jpg examples/voice.wav -o out/demo.mp4 --accept-policy

test: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/pytest

clean:
	rm -rf $(VENV) out .pytest_cache .ruff_cache
	find openvasa scripts tests -name __pycache__ -type d -exec rm -rf {} +

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet -e .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(PIP) install --quiet -e '.[dev]'
	touch $@
