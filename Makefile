# make demo          a talking video from the bundled example, in out/demo.mp4
# make test          the checks and all fast tests, training with torch on the CPU included
# make test-slow     the slow tests: browser (Debian: chromium), hours of silence, the wheel, what is
#                    killed (Debian: postgresql, caddy)
# make test-agents   the adapters against the real Pipecat and LiveKit Agents, which it installs
# make wheel-test    the built wheel in a fresh environment
# make docs          the site, in out/site
# make fetch         the networks that only measure or compare (see NOTICE), which some tests use
# Needs python3 (3.10 to 3.14) with venv; PYTHON=python3.12 picks another one.
#
# TORCH is what pip installs for training. On Linux, PyPI's torch is the CUDA build of several GB;
# this takes the one for the CPU:
#   PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu make test

PYTHON ?= python3
TORCH ?= torch==2.13.0
PYTEST_OPTIONS ?=
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
PYTEST := $(BIN)/pytest $(PYTEST_OPTIONS)
AGENTS := pipecat livekit
AGENT_TESTS := $(AGENTS:%=tests/test_live_%.py) tests/test_talk.py tests/test_talk_interruptions.py

.PHONY: demo test lint types imports fast-tests test-slow test-agents wheel-test docs fetch clean

demo: $(VENV)/.installed
	mkdir -p out
	$(BIN)/openvasa demo -o out/demo.mp4 --accept-policy

test: lint types imports fast-tests

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed-dev
	$(BIN)/pyright

imports: $(VENV)/.installed-dev
	$(BIN)/lint-imports

fast-tests: $(VENV)/.installed-dev
	$(PYTEST)

test-slow: $(VENV)/.installed-dev
	$(PYTEST) -m slow $(AGENT_TESTS:%=--ignore=%)

test-agents: $(VENV)/.installed-agents
	$(BIN)/pyright $(AGENTS:%=openvasa/live/%.py) openvasa/talk
	$(PYTEST) -m 'slow or not slow' $(AGENT_TESTS)

wheel-test: $(VENV)/.installed-dev
	$(PYTEST) -m slow tests/test_wheel.py

docs: $(VENV)/.installed-docs
	$(BIN)/mkdocs build --strict --site-dir out/site

fetch: $(VENV)/.installed
	$(BIN)/python scripts/fetch_evaluation_models.py

clean:
	rm -rf $(VENV) out .pytest_cache .ruff_cache .coverage
	find openvasa scripts tests -name __pycache__ -type d -exec rm -rf {} +

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet -e .
	touch $@

# torch first, by itself: then nothing takes another build of it.
$(VENV)/.installed-dev: $(VENV)/.installed
	$(PIP) install --quiet '$(TORCH)'
	$(PIP) install --quiet -e '.[dev]'
	touch $@

$(VENV)/.installed-agents: $(VENV)/.installed-dev
	$(PIP) install --quiet -e '.[pipecat,livekit,talk]'
	touch $@

$(VENV)/.installed-docs: $(VENV)/.installed-dev
	$(PIP) install --quiet -e '.[docs]'
	touch $@
