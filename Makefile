# `make demo` and `make test` set up what they need. All that is made here lies in .venv, except for system packages
# (a Verilog simulator, Python's venv module), which are installed by apt where that is possible and named where not.

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.set-up-done

# PYTHON=/path/to/python3.12   the Python to build the environment with
# PIP_INSTALL_FLAGS="..."      more options for pip. On Linux the default torch is the CUDA build of several GB;
#                              pytorch.org says which option selects the small CPU build.
# PYTEST_FLAGS="..."           more options for pytest
# DEMO_FLAGS="..."             more options for the demo
export PYTHON PIP_INSTALL_FLAGS VENV

.DEFAULT_GOAL := help
.PHONY: help setup icarus icarus12 demo test test-vllm test-quantize test-recipes docs check format clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) icarus ## install everything into .venv, and a Verilog simulator where none is found

# Once; again when the dependencies change or the environment is gone.
$(STAMP): pyproject.toml constraints.txt scripts/setup.sh
	@sh scripts/setup.sh
	@touch $@

icarus:
	@sh scripts/icarus.sh

icarus12: ## build Icarus Verilog 12 privately (no root, about 3 minutes); rtlscribe prefers it
	@sh scripts/icarus12.sh

demo: setup ## the whole pipeline in small, on the CPU, in minutes
	$(BIN)/rtlscribe demo $(DEMO_FLAGS)

test: check icarus ## the checks, then the tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 8 --dist worksteal $(PYTEST_FLAGS)

test-vllm: icarus ## vLLM's tests, in an environment of its own (3.4 GB; on the CPU where there is no GPU)
	@sh scripts/test-vllm.sh

test-quantize: icarus ## the tests of GPTQ, in two environments of their own
	@sh scripts/test-quantize.sh

test-recipes: setup ## both recipes from end to end, with stand-ins or in small (4 minutes)
	RTLSCRIBE_TEST_RECIPES=1 $(BIN)/python -m pytest tests/recipes $(PYTEST_FLAGS)

docs: $(STAMP) ## the pages of the commands, and the documentation as a site in build/site
	$(BIN)/python scripts/command_pages.py
	$(BIN)/properdocs build --quiet --strict --config-file mkdocs.yml

check: $(STAMP) ## style, types and the floors of the package
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: $(STAMP) ## put the code into the form that `make check` wants
	$(BIN)/ruff check --fix --quiet
	$(BIN)/ruff format

clean: ## remove .venv and all that tests and builds leave behind
	rm -rf $(VENV) .venv-vllm .venv-quant .venv-quant-gptq build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
