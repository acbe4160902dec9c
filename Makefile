# Everything runs on a machine that has Python 3.11 (or newer) and make.
#
#   make demo    install, and go the whole way from records to a proven model, with no network needed once installed
#   make test    install what tests need, run all checks and all tests
#   make check   ruff, mypy --strict, import-linter
#   make bench   list the benchmarks; `make bench RUN=startup` runs one, with options in ARGS
#   make clean   remove what these made, the environment included

PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3.14 python3 python; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { echo $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
WORKERS ?= 2
PYTEST ?=
RUN ?=
ARGS ?=

.PHONY: demo test check bench clean postgresql chromium
.DEFAULT_GOAL := demo

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Homefield needs Python 3.11 or newer, with its venv module (Debian: apt-get install python3-venv)." >&2; exit 3; }
	$(PYTHON) -m venv $(VENV)

# The stamps make the second call quick: pip is asked again only when what it would read has changed.
$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) install --quiet --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.tests: $(VENV)/.installed
	@$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]["dev"], sep="\n")' > $(VENV)/dev.txt
	$(PIP) install --quiet --constraint constraints.txt --requirement $(VENV)/dev.txt --editable '.[postgresql,telemetry,tensorboard]'
	@touch $@

demo: $(VENV)/.installed
	@$(BIN)/homefield demo

check: $(VENV)/.tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

# Tests of the store start a PostgreSQL of their own. It is brought where that can be done without asking; elsewhere they are
# skipped, aloud. No cluster of Debian's is made: only the programs are wanted.
postgresql:
	@if ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 && ! command -v initdb >/dev/null 2>&1; then \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
	export DEBIAN_FRONTEND=noninteractive; \
	{ apt-get update && apt-get install -y --no-install-recommends postgresql-common \
	&& echo "create_main_cluster = false" >> /etc/postgresql-common/createcluster.conf \
	&& apt-get install -y --no-install-recommends postgresql; } \
	>/dev/null 2>&1 || echo "PostgreSQL could not be installed: tests that need it are skipped." >&2; \
	else echo "No PostgreSQL here: tests that need it are skipped (Debian: apt-get install postgresql)." >&2; fi; fi

# Pages are tested in a real browser, brought and skipped likewise.
chromium:
	@if ! command -v chromium >/dev/null 2>&1 && ! command -v chromium-browser >/dev/null 2>&1; then \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
	export DEBIAN_FRONTEND=noninteractive; \
	{ apt-get update && apt-get install -y --no-install-recommends chromium fonts-noto-cjk; } \
	>/dev/null 2>&1 || echo "Chromium could not be installed: tests that need it are skipped." >&2; \
	else echo "No Chromium here: tests that need it are skipped (Debian: apt-get install chromium)." >&2; fi; fi

test: check postgresql chromium
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile $(PYTEST)

bench: $(VENV)/.tests
	@if [ -n "$(RUN)" ]; then $(BIN)/python benchmarks/$(RUN).py $(ARGS); \
	else $(BIN)/python benchmarks/list.py; fi

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
