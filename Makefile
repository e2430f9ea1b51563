# make demo: a talking video from the bundled example, in out/demo.mp4
# make test: the checks and tests of the package alone
# make test-agents: the adapters against the real Pipecat and LiveKit Agents, which it installs
# Needs python3 (3.10 to 3.12) with venv; PYTHON=python3.12 picks another one.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: demo test test-agents clean

demo: $(VENV)/.installed
	mkdir -p out
	$(BIN)/openvasa animate examples/portrait.jpg examples/voice.wav -o out/demo.mp4 --accept-policy

test: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/pytest

test-agents: $(VENV)/.installed-agents
	$(BIN)/pytest tests/test_live_pipecat.py tests/test_live_livekit.py

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

$(VENV)/.installed-agents: $(VENV)/.installed-dev
	$(PIP) install --quiet -e '.[pipecat,livekit]'
	touch $@
