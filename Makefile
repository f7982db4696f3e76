# Everything runs from .venv, with PostgreSQL and Valkey from wheels unless DATABASE_URL and REDIS_URL are set.

SHELL = /bin/sh
PYTHON = python3
PY = .venv/bin/python
EMBEDDED = $(PY) -m config.embedded
# Named after the hash of the lock file: a changed lock is a stamp that does not exist yet.
STAMP = .venv/installed-$(shell sha256sum requirements-dev.txt | cut -c1-16)

.PHONY: help demo demo-once demo-clean test check bench faults messages lock clean

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

$(STAMP):
	@echo "Installing the pinned requirements into .venv"
	@test -x $(PY) || $(PYTHON) -m venv .venv
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-dev.txt
	@rm -f .venv/installed-* && touch $@

demo: $(STAMP) ## The whole portal with a rehearsed breach; Ctrl-C ends it
	@$(EMBEDDED) run -- $(PY) manage.py demo

demo-once: $(STAMP) ## The same, played to its end, then stopped
	@$(EMBEDDED) run -- $(PY) manage.py demo --once

demo-clean: ## Stop servers left behind and forget the demo's data
	@for folder in var/test var/bench var/faults var; do \
		test ! -d $$folder || CANDOR_VAR=$$folder $(EMBEDDED) stop || exit 1; \
	done
	@rm -rf var

test: $(STAMP) ## All tests; ARGS="-k word" for some
	@CANDOR_VAR=var/test CANDOR_PG_FAST=1 $(EMBEDDED) run -- $(PY) -m pytest $(ARGS)

check: $(STAMP) ## Style, types, layers, migrations, deployment settings
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	$(WITH_PRODUCTION_VALUES) .venv/bin/mypy
	.venv/bin/lint-imports
	$(WITH_PRODUCTION_VALUES) $(PY) -W "ignore:Got an error checking a consistent" manage.py makemigrations --check --dry-run
	$(WITH_PRODUCTION_VALUES) $(PY) manage.py check --deploy --fail-level WARNING

# Dummy values instead of a developer's own. None of these commands needs a server; makemigrations warns that it
# finds none, and compares models with files all the same.
WITH_PRODUCTION_VALUES = set -a && . ./tests/production.env && set +a &&

bench: $(STAMP) ## Measure; ONLY=name for one of them
	@CANDOR_VAR=var/bench $(EMBEDDED) run -- $(PY) manage.py bench $(if $(ONLY),--only $(ONLY))

faults: $(STAMP) ## Break everything for real, count at the receiving server; ONLY=F1,F5 for some
	@CANDOR_VAR=var/faults $(EMBEDDED) run -- $(PY) manage.py faults --output var/faults.json $(if $(ONLY),--only $(ONLY))

messages: $(STAMP) ## Gather our words into locale/ and compile what is translated (needs gettext)
	$(WITH_PRODUCTION_VALUES) $(PY) manage.py makemessages $(LANGUAGES) $(FOLDERS) --no-wrap --no-obsolete --add-location file
	$(WITH_PRODUCTION_VALUES) $(PY) manage.py compilemessages $(LANGUAGES) $(FOLDERS)

LANGUAGES = --locale de --locale fr --locale es --locale ar
FOLDERS = --ignore .venv --ignore var

lock: ## Write requirements*.txt anew from pyproject.toml (needs uv)
	uv pip compile $(LOCK) pyproject.toml --output-file requirements.txt
	uv pip compile $(LOCK) pyproject.toml --extra dev --constraint requirements.txt --output-file requirements-dev.txt

LOCK = --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header

clean: demo-clean ## All that can be made again: data, caches, .venv
	@rm -rf .venv .mypy_cache .ruff_cache .import_linter_cache .pytest_cache .hypothesis staticfiles test-results
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
