# make run and make test are all a newcomer needs. Every target sets itself up first.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help run test test-sqlite test-rest test-postgres check format bench bench-lab bench-pages bench-recorder lock messages screenshots setup-run setup-test setup-dev

help:
	@echo 'make run         install what is needed, start the site on http://127.0.0.1:8000'
	@echo 'make test        the whole suite, on SQLite and on PostgreSQL with Valkey, side by side'
	@echo 'make check       linters, types, import contracts, migrations, OpenAPI snapshot'
	@echo 'make format      let the formatters change the code'
	@echo 'make bench       floor, textbook and till on each server, measured (about 20 minutes)'
	@echo 'make bench-lab   what identical load runs differ by here (about 12 minutes)'
	@echo 'make bench-pages the dashboard with a million purchases, measured (2 minutes)'
	@echo 'make bench-recorder what the load generator itself costs (about two minutes)'
	@echo 'make screenshots pictures of the running product, for the README'
	@echo 'make messages    words of the pages for the translators, into locale/'
	@echo 'make lock        compile requirements/*.in to hash-locked *.txt'

setup-run setup-test setup-dev: setup-%:
	@command -v $(PYTHON) >/dev/null 2>&1 || { echo 'ticketsite needs Python 3.11 or newer: $(PYTHON) was not found. Install it, or name one: make run PYTHON=python3.12' >&2; exit 1; }
	@$(PYTHON) deploy/bootstrap.py $*

run: setup-run
	@exec $(BIN)/python deploy/run.py

# Side by side, because most tests wait for real processes. One part is watched while it runs,
# the others say what they came to when they end.
test: setup-test
	@mkdir -p var
	@$(MAKE) --no-print-directory -j3 test-postgres test-rest test-sqlite

test-sqlite: PYTEST := --backend sqlite --part database
test-rest: PYTEST := --part rest
test-postgres: PYTEST := --backend postgres

test-sqlite:
	@MAKEFLAGS= $(BIN)/python -m pytest $(PYTEST)

test-rest test-postgres:
	@MAKEFLAGS= $(BIN)/python -m pytest $(PYTEST) >var/$@.txt 2>&1; \
	  status=$$?; printf '\n== %s:\n' $@; cat var/$@.txt; exit $$status

# Templates and scripts of ours, wherever an app keeps them; works without git, and without any.
OWN := find . -path './.*' -prune -o -path ./var -prune -o -path ./staticfiles -prune -o -type f
check format: export TICKETSITE_ENV := development

check: setup-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(OWN) -name '*.html' -print0 | xargs -0 -r $(BIN)/djade --check --target-version 5.2
	$(OWN) -name '*.html' -print0 | xargs -0 -r $(BIN)/djlint --lint --quiet
	$(OWN) -name '*.js' -print0 | xargs -0 -r $(BIN)/oxlint --deny-warnings
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python manage.py export_openapi --check

bench: setup-test
	$(BIN)/python -m bench.run

bench-lab: setup-test
	$(BIN)/python -m bench.lab

bench-pages: setup-test
	$(BIN)/python -m bench.pages

bench-recorder: setup-test
	$(BIN)/python -m bench.recorder

screenshots: setup-test
	$(BIN)/python -m bench.screenshots

messages: setup-test
	$(BIN)/python -m deploy.messages

format: setup-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(OWN) -name '*.html' -print0 | xargs -0 -r $(BIN)/djade --target-version 5.2
	$(BIN)/python manage.py export_openapi

lock: setup-dev
	cd requirements && for name in bootstrap run test dev; do \
	  ../$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --quiet \
	    --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' \
	    --no-header $$name.in -o $$name.txt || exit 1; done
