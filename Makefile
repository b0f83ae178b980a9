# newsletter: `make` lists the targets.
.DEFAULT_GOAL := help
SHELL := /bin/sh
ARGS ?=
bin := .venv/bin

.PHONY: help demo test check format bench chaos lock screenshots clean

help: ## List the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

demo: ## Install and do the main job on sample data, then serve it (ARGS="--no-serve" exits)
	@tools/install requirements.lock
	@$(bin)/newsletter demo $(ARGS)

test: ## Install what the tests need and run every test (ARGS="-k name" narrows)
	@tools/test-servers
	@tools/install requirements-dev.lock
	@$(bin)/python -m pytest $(ARGS)

check: ## Lint, formatting, types and import contracts
	@tools/install requirements-dev.lock
	@$(bin)/ruff check .
	@$(bin)/ruff format --check .
	@$(bin)/mypy
	@$(bin)/lint-imports

format: ## Format and mend what can be mended
	@tools/install requirements-dev.lock
	@$(bin)/ruff check --fix .
	@$(bin)/ruff format .

bench: ## Measure the sending, beside smtp-source (ARGS="--recipients 20000"; ARGS=--help explains)
	@tools/install requirements-dev.lock
	@$(bin)/python -m benchmarks.delivery $(ARGS)

chaos: ## Break everything that sending needs and compare the books (ARGS="X1 X3 --scale 0.1"; ARGS=--help explains)
	@tools/test-servers
	@tools/install requirements-dev.lock
	@$(bin)/python -m tests.chaos $(ARGS)

screenshots: ## Photograph the demo in Chromium, for docs/images
	@tools/install requirements-dev.lock
	@$(bin)/python -m tools.screenshots $(ARGS)

lock: ## Renew both locks (hashes only, no addresses)
	@$(bin)/pip -q install uv
	$(bin)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-annotate --no-header -q -o requirements.lock
	$(bin)/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes --no-annotate --no-header -q -o requirements-dev.lock

clean: ## Remove what was built here
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
