#!/bin/sh
# Everything that can be said about the code without running it, and whether generated files are current. Goes on after a
# failure, so that one run names them all; ends with 1 if there was any.
set -u
cd "$(dirname "$0")/.."

bin=.venv/bin
failed=""

step() {
    name=$1
    shift
    printf '== %s\n' "$name"
    "$@" || failed="$failed
  $name"
}

step "ruff: rules" "$bin/ruff" check .
step "ruff: format" "$bin/ruff" format --check .
step "mypy: types" "$bin/mypy"
step "import-linter: who may import whom" "$bin/lint-imports"
step "JSON Schema files are current" "$bin/relay" schema export --check
step "the event reference is current" "$bin/python" -m schemas.reference --check
step "the states of an order are current" "$bin/python" -m consumer.domain.order_page --check
step "definitions.json is current" "$bin/python" -m rabbitmq.definitions --check
if docker compose version >/dev/null 2>&1; then
    step "docker-compose.yml is valid" docker compose config --quiet
else
    printf '== docker-compose.yml is valid: skipped, there is no docker compose here\n'
fi

if [ -n "$failed" ]; then
    printf 'Failed:%s\n' "$failed" >&2
    exit 1
fi
printf 'All checks passed.\n'
