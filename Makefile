# Each target makes the environment first (once); PYTHON names the interpreter, 3.11 or newer.
PYTHON ?= python3
BIN := .venv/bin
CHECKED := ltw tests benchmarks docs scripts
export OMP_WAIT_POLICY ?= PASSIVE

.PHONY: setup demo test soak check docs lowest bench clean
.DEFAULT_GOAL := help

help:
	@echo "make demo    train on three forgeries, test on a fourth, write demo/report.html"
	@echo "make test    run all tests        make check   ruff, mypy, import contract"
	@echo "make docs    the documentation's site, into site/"
	@echo "make bench   speed and accuracy figures (minutes)"
	@echo "make soak    long tests of being killed        make lowest  the lowest declared versions"

setup: .venv/ready

.venv/ready: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

demo: setup
	$(BIN)/ltw demo --out demo

# Two workers: a file's tests stay together, so that what they share is made once.
test: setup
	$(BIN)/pytest -n 2 --dist loadfile --durations 20

soak: setup
	$(BIN)/pytest -m soak

check: setup
	$(BIN)/ruff check $(CHECKED)
	$(BIN)/ruff format --check $(CHECKED)
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/yamllint --strict .

docs: setup
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

lowest: setup
	$(BIN)/python scripts/lowest_versions.py .lowest

bench: setup
	for script in method_steps finite_difference store_reading extraction_speed inference serve_load; do $(BIN)/python benchmarks/$$script.py || exit 1; done

clean:
	rm -rf .venv .lowest site .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
