# make demo   fits the naive and the multilevel models to bundled data, in a fresh environment
# make test   lint, types, import contracts and all tests
# make dev    everything a developer needs; make ext renews the compiled module after C++ edits

PYTHON ?= python3
BIN := .venv/bin
BUILD_REQUIRES := "scikit-build-core>=0.10" "nanobind>=2.4" cmake ninja
CPP := $(wildcard src/nestwise/core/cpp/*)
INSTALL := $(BIN)/pip install --quiet --no-build-isolation

.PHONY: demo test dev ext clean

demo: .venv/.installed
	$(BIN)/nestwise demo --out demo-output

test: .venv/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m pytest -q -n 2

dev: .venv/.installed-test
	$(INSTALL) "pre-commit>=3.5"

# The install is editable: Python edits need nothing, C++ edits are rebuilt incrementally.
ext: .venv/.build-requires
	test -f build/editable/build.ninja || $(INSTALL) --no-deps -e .
	$(BIN)/cmake --build build/editable

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/.build-requires: | .venv/bin/python
	$(BIN)/pip install --quiet $(BUILD_REQUIRES)
	touch $@

.venv/.installed: pyproject.toml CMakeLists.txt $(CPP) .venv/.build-requires
	$(INSTALL) -e ".[plot,report]"
	touch $@

.venv/.installed-test: .venv/.installed
	$(INSTALL) -e ".[test]"
	touch $@

clean:
	rm -rf build demo-output src/nestwise/core/_kernels.*
