# Everything a developer does, by name. CI calls the same targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run test check bench migrate lock docs clean

PY := .venv/bin/python

help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} \
	  /^##@/ {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Use it
run: ## Install, then start Desklore with a sandbox helpdesk and sync it (DESKLORE_PORT=8000)
	@tools/setup.sh runtime
	@$(PY) -m compileall -q backend sandbox migrations
	@exec bin/desklore demo

##@ Work on it
test: ## Install what tests need, then run them all (ARGS="-k name" to choose)
	@tools/setup.sh dev
	@tools/setup_system.sh
	@$(PY) -m pytest -q -n 2 --dist worksteal $(ARGS)

check: ## Lint, format, types, import contracts, house rules, sizes, addresses, docs
	@tools/setup.sh dev
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@.venv/bin/lint-imports
	@$(PY) -m tools.rules
	@$(PY) -m tools.sizes
	@$(PY) -m tools.addresses
	@$(PY) -m tools.locks --check
	@$(PY) -m tools.docs --check

bench: ## Measure speed and memory, each beside its floor (ARGS="search sync" to choose)
	@tools/setup.sh dev
	@bin/desklore bench $(ARGS)

##@ Keep it
migrate: ## Bring the database in the data folder to the newest schema
	@tools/setup.sh runtime
	@$(PY) -m tools.migrate

lock: ## Resolve the dependencies anew into the hash-pinned locks
	@tools/setup.sh dev
	@$(PY) -m tools.locks

docs: ## Write the generated pages of docs/ and config/.env.example anew
	@tools/setup.sh dev
	@$(PY) -m tools.docs

clean: ## Remove the environment and caches; the data folder stays
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	@find . -name __pycache__ -type d -not -path './node_modules/*' -prune -exec rm -rf {} +
