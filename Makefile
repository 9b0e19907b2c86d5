PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PYTHONDONTWRITEBYTECODE := 1

.DEFAULT_GOAL := help
.PHONY: help setup demo system test generators drills bench docs pictures live-check lint data lock clean

help:  ## list what can be done
	@grep -E '^[a-z-]+:.*  ## ' $(MAKEFILE_LIST) | sed 's/:.*  ## /|/' | \
		while IFS='|' read -r name text; do printf '  make %-10s %s\n' "$$name" "$$text"; done

setup: $(VENV)/.ready  ## make .venv from the locked requirements

$(VENV)/.ready: requirements-uv.txt requirements-dev.txt
	@command -v git >/dev/null || { echo "error: git is not on PATH; install it" >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "error: Python 3.11 or newer is needed; name one: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 2; }
	@$(PYTHON) -m venv --clear $(VENV) && \
		$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes \
			-r requirements-uv.txt && \
		$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes \
			-r requirements-dev.txt || { \
		echo "error: the packages could not be installed; is there a network?" >&2; exit 3; }
	@touch $@

demo: setup  ## generate a project into build/ and run it on real reviews, to production and back
	@$(BIN)/python scripts/demo.py

system:  ## nginx, Chromium and promtool from Debian, where apt-get may install without asking
	@scripts/system_packages.sh

test: setup system lint  ## lint, then every test, on up to four cores
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest -n auto --maxprocesses 5 \
		--dist loadscope --no-loadscope-reorder

generators: setup  ## bake with another cookiecutter: make generators COOKIECUTTER=2.6.0
	@$(BIN)/uv pip install --quiet --python $(BIN)/python cookiecutter==$(COOKIECUTTER)
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest tests/test_bake.py tests/test_answers.py

drills: setup system  ## the full sizes of fuzz tests and drills; minutes to hours
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest -m heavy tests/test_*.py tests/heavy

bench: setup system  ## measure, side by side where there is a peer; prints tables
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m benchmarks

docs: setup  ## the documentation site in build/docs; dead links fail
	@PYTHONPATH=scripts $(BIN)/python scripts/site_pages.py
	@$(BIN)/zensical build --clean --strict
	@echo "read it: python3 -m http.server --bind 127.0.0.1 --directory build/docs"

pictures: setup system  ## the README's pictures, from a demo run for them
	@$(BIN)/python scripts/pictures.py

live-check: setup  ## the registry on a real, empty GitHub repository: make live-check REPO=OWNER/NAME
	@test -n "$(REPO)" || { echo "error: name one: make live-check REPO=OWNER/NAME" >&2; exit 2; }
	@$(BIN)/python scripts/live_check.py "$(REPO)" $(if $(CLEAN),--clean)

lint: setup  ## flake8 and yamllint
	@$(BIN)/flake8
	@$(BIN)/yamllint --strict .

data: setup  ## write the starter data again from its seed
	@$(BIN)/python scripts/make_starter_data.py

lock: setup  ## newest allowed versions into the lock files, with hashes
	echo uv | $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
		--no-annotate --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
		- --output-file requirements-uv.txt
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-strip-extras \
		--no-annotate --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
		requirements-dev.in --output-file requirements-dev.txt
	$(BIN)/python scripts/lock_project.py

clean:  ## remove .venv and build/
	rm -rf $(VENV) build .pytest_cache .hypothesis .cache
