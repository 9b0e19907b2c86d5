PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Two more than there are cores: tests wait for servers to start and for the looks of a canary.
WORKERS = $$($(BIN)/python -c 'import os; print(min(os.cpu_count(), 4) + 2)')
# The optional parts of the package that its own tests use.
EXTRAS := attest github llm parquet remote serve template
LOCK = $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	--no-annotate --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"
export PYTHONDONTWRITEBYTECODE := 1

.DEFAULT_GOAL := help
.PHONY: help setup demo system test generators drills bench docs pictures live-check lint package data lock clean

help:  ## list what can be done
	@grep -E '^[a-z-]+:.*  ## ' $(MAKEFILE_LIST) | sed 's/:.*  ## /|/' | \
		while IFS='|' read -r name text; do printf '  make %-10s %s\n' "$$name" "$$text"; done

setup: $(VENV)/.ready  ## make .venv from the locked requirements

$(VENV)/.ready: export PIP_USER = 0
$(VENV)/.ready: requirements-uv.txt requirements-dev.txt pyproject.toml
	@command -v git >/dev/null || { echo "error: git is not on PATH; install it" >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "error: Python 3.11 or newer is needed; name one: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 2; }
	@echo "setup: $(VENV) for $$($(PYTHON) --version), then packages of requirements-dev.txt"
	@quiet=--quiet; if [ -t 2 ]; then quiet=; fi; \
		$(PYTHON) -m venv --clear $(VENV) && \
		$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes \
			-r requirements-uv.txt && \
		$(BIN)/uv pip install $$quiet --compile-bytecode --python $(BIN)/python --require-hashes \
			-r requirements-dev.txt && \
		$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable . || { \
		echo "error: the packages could not be installed; the lines above say why" >&2; exit 3; }
	@touch $@

demo: setup  ## generate a project into build/ and run it on real reviews, to production and back
	@$(BIN)/python scripts/demo.py

system:  ## nginx, Chromium and promtool from Debian, where apt-get may install without asking
	@scripts/system_packages.sh

test: setup system lint  ## lint, then every test: unit tests first, and the rest on up to six workers
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest -n auto --maxprocesses 4 \
		--dist loadgroup --no-loadscope-reorder tests/unit
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest -n $(WORKERS) \
		--dist loadgroup --no-loadscope-reorder --ignore=tests/unit tests

generators: setup  ## bake with another cookiecutter: make generators COOKIECUTTER=2.6.0
	@$(BIN)/uv pip install --quiet --python $(BIN)/python cookiecutter==$(COOKIECUTTER)
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest tests/template/test_bake.py tests/template/test_answers.py

drills: setup system  ## the full sizes of fuzz tests and drills; minutes to hours
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest -m heavy

bench: setup system  ## measure, side by side where there is a peer; prints tables
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m benchmarks

docs: setup  ## the documentation site in build/docs; dead links fail
	@PYTHONPATH=scripts $(BIN)/python scripts/site_pages.py
	@$(BIN)/zensical build --clean --strict
	@echo "read it: python3 -m http.server --bind 127.0.0.1 --directory build/docs"

pictures: setup system  ## the README's pictures, from a demo run for them
	@$(BIN)/python scripts/rooms.py
	@$(BIN)/python scripts/pictures.py

live-check: setup  ## the registry on a real, empty GitHub repository: make live-check REPO=OWNER/NAME
	@test -n "$(REPO)" || { echo "error: name one: make live-check REPO=OWNER/NAME" >&2; exit 2; }
	@$(BIN)/python scripts/live_check.py "$(REPO)" $(if $(CLEAN),--clean)

lint: setup  ## flake8, yamllint, types, layers, and whether vendor/ and the picture are what src/ gives
	@$(BIN)/flake8
	@$(BIN)/yamllint --strict .
	@$(BIN)/mypy --no-error-summary
	@found=$$($(BIN)/lint-imports --no-cache --no-logo) || { echo "$$found"; exit 1; }
	@$(BIN)/python scripts/rooms.py --check
	@$(BIN)/python scripts/build_wheel.py --check

package: setup  ## build the wheel from src/ into the template, and renew the lines that lock it
	@$(BIN)/python scripts/build_wheel.py

data: setup  ## write the starter data again from its seed
	@$(BIN)/python scripts/make_starter_data.py

lock: setup  ## newest allowed versions into the lock files, with hashes
	echo uv | $(LOCK) - --output-file requirements-uv.txt
	$(LOCK) $(addprefix --extra ,$(EXTRAS)) --no-strip-extras pyproject.toml requirements-dev.in \
		--output-file requirements-dev.txt
	$(BIN)/python scripts/lock_project.py

clean:  ## remove .venv and build/
	rm -rf $(VENV) build .pytest_cache .hypothesis .cache
