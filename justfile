# What one does every day; `just` lists it. The recipes use .venv, which the first of them makes.

python := ".venv/bin/python"

[private]
default:
    @just --list

# Make .venv with everything for development
setup:
    [ -d .venv ] || python3 -m venv .venv
    .venv/bin/pip install -q -c requirements.lock -e '.[test]'

# A complete run on invented customers, no keys and no network
demo *OPTIONS: setup
    .venv/bin/journeybot demo {{ OPTIONS }}

# All tests, or those you name
test *WHAT: setup
    .venv/bin/pytest {{ WHAT }}

# Style and format
lint:
    .venv/bin/ruff check .
    .venv/bin/ruff format --check .

# Types, strictly
types:
    .venv/bin/mypy

# Who may import whom
layers:
    .venv/bin/lint-imports

# Everything CI runs
ci:
    CI=true .ci/run

# Write the generated pages of docs/ and the schemas
docs: schema
    .venv/bin/journeybot docs

# Draw docs/demo.svg again, from a real run of the demo
picture:
    {{ python }} -m tests.pictures

# Write playbooks/.schema, by which editors complete and check
schema:
    .venv/bin/journeybot schema

# Measure one thing against its floor: just bench render
bench NAME *OPTIONS:
    {{ python }} -m tests.bench.bench_{{ NAME }} {{ OPTIONS }}

# Write the next migration from the tables
migration MESSAGE:
    {{ python }} -m storage.migrations {{ quote(MESSAGE) }}

# Pin every package again, newest that fit (`just lock` keeps the pins, `just lock --upgrade` moves them)
lock *OPTIONS:
    .venv/bin/pip install -q pip-tools
    CUSTOM_COMPILE_COMMAND="just lock   (what it pins are constraints: pip install -c requirements.lock)" .venv/bin/pip-compile --quiet {{ OPTIONS }} --extra test --strip-extras --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options --output-file requirements.lock pyproject.toml
