# Two commands need nothing but Python 3.11, pip and make: `make demo` and `make test`.
# Each target makes the virtual environment (.venv) and installs what it needs by itself:
# uv from PyPI, then exactly what uv.lock pins. A second run finds the stamp and is quick.
#
#   make PYTHON=python3.12 test    with another Python
#   make test ARGS='-k periods'    with arguments for pytest (also test-long, demo, bench)

PYTHON ?= python3
ARGS ?=

BIN := .venv/bin
READY := .venv/.ready

# No interpreter is downloaded: what is tested is the Python that you have.
export UV_PYTHON_DOWNLOADS := never
export UV_PROJECT_ENVIRONMENT := .venv
unexport VIRTUAL_ENV

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test check style types floors test-long bench docs wheel clean

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

demo: $(READY) ## Meter a real year: 336,776 flights, read, drawn, explained, verified
	$(BIN)/python demo/demo.py $(ARGS)

test: check ## Check everything that takes less than five minutes on two cores
	$(BIN)/pytest -n 2 -m 'not slow' $(ARGS)

check: style types floors ## Look at the code without running it: style, types, floors

style: $(READY) ## Check the format and the style (ruff, every rule)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(READY) ## Check the types (mypy, strict)
	MYPYPATH=demo $(BIN)/mypy src tests demo examples

floors: $(READY) ## Check that imports point down (import-linter)
	$(BIN)/lint-imports

test-long: $(READY) ## Run the tests that take minutes: crashes, large books, dump and restore
	$(BIN)/pytest -n 2 -m slow $(ARGS)

bench: $(READY) ## Measure ratios within one run; print them and write bench-results/*.json
	PYTHONPATH=tests $(BIN)/python -m benchmarks $(ARGS)

docs: $(READY) ## Check the pages: links, paths, commands, the rules and their tests
	$(BIN)/pytest tests/tidy/test_docs.py $(ARGS)

wheel: $(READY) ## Build the wheel, install it apart from src/, and run the first hour with it
	rm -rf build/wheel
	$(BIN)/uv build --quiet --wheel --out-dir build/wheel
	$(BIN)/uv venv --quiet --python $(BIN)/python build/wheel/venv
	$(BIN)/uv pip install --quiet --python build/wheel/venv/bin/python build/wheel/*.whl
	cp tests/wheel/first_hour.py build/wheel/first_hour.py
	cd build/wheel && venv/bin/python -I first_hour.py

clean: ## Remove what the targets made, the virtual environment included
	rm -rf .venv build dist demo-book bench-results .coverage* .hypothesis
	rm -rf .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find src tests demo -name __pycache__ -type d -prune -exec rm -rf {} +

# Where Python was packaged without ensurepip, its own pip fills the environment.
.venv/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'Meterbook needs Python 3.11 or later: make PYTHON=python3.12 ...' >&2; exit 1; }
	$(PYTHON) -m venv .venv && $(BIN)/python -m pip install --quiet uv || \
		{ $(PYTHON) -m venv --clear --without-pip .venv && \
		  $(PYTHON) -m pip --python $(BIN)/python install --quiet uv; }

$(READY): pyproject.toml uv.lock | .venv/bin/uv
	$(BIN)/uv sync --quiet --frozen --all-extras --group dev
	@touch $@
