# What a newcomer types. Each target sets up what it needs by itself: virtual environment, locked dependencies, a broker.

.DEFAULT_GOAL := help
.PHONY: help setup demo test check bench docs clean

# For pytest: `make test PYTEST_ARGS="-x tests/unit"`.
PYTEST_ARGS ?= -n auto --dist worksteal
# For the demo and the benchmarks: `make demo ARGS="--help"`.
ARGS ?=

help: ## this list
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/  make \1	\2/p' $(MAKEFILE_LIST) | expand -t 20

setup: ## virtual environment in .venv with the locked dependencies (nothing to do when it is current)
	@scripts/setup.sh

demo: setup ## the whole system on this machine, with sample events, then a summary
	@.venv/bin/relay demo $(ARGS)

test: setup ## all tests, with a real RabbitMQ and a real PostgreSQL where one can be had
	@.venv/bin/python -m pytest -q $(PYTEST_ARGS)

check: setup ## rules, format, types, import contracts, generated files
	@scripts/check.sh

# An environment of its own: one of the contestants pins a package to another version than ours.
bench: ## this service against what one would pick instead, in one run, as ratios
	@scripts/setup.sh .venv-bench requirements-bench.lock
	@.venv-bench/bin/python -m tests.benchmarks $(ARGS)

docs: setup ## write the generated files anew: JSON Schema, event reference, order states, definitions.json
	@.venv/bin/relay schema export
	@.venv/bin/python -m schemas.reference
	@.venv/bin/python -m consumer.domain.order_page
	@.venv/bin/python -m rabbitmq.definitions

clean: ## remove .venv, .venv-bench and caches; no data, no logs, no settings
	rm -rf .venv .venv-bench .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .grimp_cache dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
