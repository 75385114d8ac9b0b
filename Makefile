# Cartulary. `make` lists the targets; each line after ## is what a target does.
BIN := .venv/bin
.DEFAULT_GOAL := help
.PHONY: help setup up down status demo test lint bench chaos lock clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | awk -F'\t' '{printf "  make %-8s %s\n", $$1, $$2}'

setup: ## set up everything from nothing (.venv, npm and Maven parts)
	@scripts/setup

up: setup ## start the local stack and stay in the foreground (Ctrl-C ends it)
	@$(BIN)/cartulary up

down: ## end the local stack that another shell started
	@$(BIN)/cartulary down

status: ## show the parts of the local stack
	@$(BIN)/cartulary status

demo: setup ## run the demo through the whole fleet, then verify and replay
	@$(BIN)/cartulary demo

lint: setup ## ruff, mypy, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(BIN)/lint-imports

test: lint ## everything that must hold: lint, then all tests on real parts
	$(BIN)/python -m pytest $(ARGS)

bench: setup ## measure (make bench ONLY=B1,B4)
	@$(BIN)/python -m bench $(if $(ONLY),--only $(ONLY))

chaos: setup ## kill everything in turn under load (LONG=1, KILLS=60, SEED=7, ONLY=C1,C4)
	@$(BIN)/python -m chaos $(if $(LONG),--long) $(if $(KILLS),--kills $(KILLS)) $(if $(SEED),--seed $(SEED)) $(if $(ONLY),--only $(ONLY))

lock: setup ## compile requirements.lock from pyproject.toml
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --no-header --no-annotate \
		--extra dev pyproject.toml -o requirements.lock

clean: ## remove what setup and the tests made in this checkout (not your data, not the cache)
	rm -rf .venv node_modules build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info
