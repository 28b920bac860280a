# Each target makes the environment first (once); PYTHON names the interpreter, 3.11 or newer.
PYTHON ?= python3
BIN := .venv/bin
export OMP_WAIT_POLICY ?= PASSIVE

.PHONY: setup demo test check bench clean
.DEFAULT_GOAL := help

help:
	@echo "make demo    train on three forgeries, test on a fourth, write demo/report.html"
	@echo "make test    run all tests        make check   ruff, mypy, import contract"
	@echo "make bench   speed and accuracy figures (minutes)"

setup: .venv/ready

.venv/ready: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

demo: setup
	$(BIN)/ltw demo --out demo

test: setup
	$(BIN)/pytest

check: setup
	$(BIN)/ruff check ltw tests benchmarks docs
	$(BIN)/ruff format --check ltw tests benchmarks docs
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup
	for script in method_steps finite_difference store_reading extraction_speed inference serve_load; do $(BIN)/python benchmarks/$$script.py || exit 1; done

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
