#!/bin/sh
# Makes an environment ready: a virtual environment with exactly what a lock names, and this project in it.
#
#     scripts/setup.sh [directory [lock]]     without: .venv, requirements.lock
#
# Called by every make target; says nothing and takes no time when all is as it should be. What it finds half-built (an
# interrupted run, a copied tree, another lock) it finishes or builds anew. Honours PIP_INDEX_URL (mirrors) and PYTHON
# (which interpreter to take).
set -eu
cd "$(dirname "$0")/.."

venv=${1:-.venv}
lock=${2:-requirements.lock}
stamp=$venv/.ready

say() { printf '%s\n' "$*"; }
fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

# What the environment was made from. The path belongs to it: scripts in it name the interpreter by its full path.
wanted="$(cat "$lock" pyproject.toml scripts/setup.sh | cksum) $PWD"
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && "$venv/bin/python" -c '' 2>/dev/null; then
    exit 0
fi

recent_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        recent_enough "$PYTHON" && command -v "$PYTHON"
        return
    fi
    for candidate in python3 python3.13 python3.12 python3.11; do
        if command -v "$candidate" >/dev/null 2>&1 && recent_enough "$candidate"; then
            command -v "$candidate"
            return 0
        fi
    done
    return 1
}

# Runs a command as root where we may be root without asking anybody.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo -n "$@"
    fi
}
may_be_root() { [ "$(id -u)" = 0 ] || { command -v sudo && sudo -n true; } >/dev/null 2>&1; }

# Debian and Ubuntu keep venv and ensurepip in a package of their own.
ensure_venv_module() {
    "$1" -c 'import ensurepip, venv' 2>/dev/null && return 0
    package="$("$1" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
    command -v apt-get >/dev/null 2>&1 ||
        fail "$1 has no venv module. Install your system's package for it (or another Python: make setup PYTHON=…)."
    may_be_root ||
        fail "$1 has no venv module. Run this, then start again:  sudo apt-get update && sudo apt-get install -y $package"
    say "Installing $package with apt …"
    log=$(mktemp)
    install="env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $package"
    # Word splitting is what makes a command of it.
    # shellcheck disable=SC2086
    if ! as_root $install >"$log" 2>&1 && ! { as_root apt-get update && as_root $install; } >"$log" 2>&1; then
        tail -n 5 "$log" >&2
        rm -f "$log"
        fail "apt could not install $package; the lines above say why."
    fi
    rm -f "$log"
}

# An environment is worth keeping when its interpreter runs, is recent, has pip, and lies where it was made.
usable() {
    [ -x "$venv/bin/python" ] && recent_enough "$venv/bin/python" && "$venv/bin/python" -m pip --version >/dev/null 2>&1 &&
        grep -q "^#!$PWD/$venv/bin/" "$venv/bin/pip" 2>/dev/null
}

if ! usable; then
    python=$(find_python) || fail "${PYTHON:+$PYTHON does not run, or is too old. }Python 3.11 or newer is needed, as python3, python3.13, \
python3.12 or python3.11. Install one (Debian, Ubuntu: apt-get install python3), or name it: make setup PYTHON=/path/to/python3"
    ensure_venv_module "$python"
    say "Making a virtual environment in $venv with $("$python" --version) …"
    rm -rf "$venv"
    "$python" -m venv "$venv" || fail "The virtual environment could not be made in $PWD/$venv; the lines above say why."
fi

rm -f "$stamp"
pip() { "$venv/bin/python" -m pip --disable-pip-version-check --no-input "$@"; }
why="The lines above say why. Where the package index is slow or out of reach, set PIP_INDEX_URL to a mirror."

say "Installing the locked dependencies …"
pip install -qq --retries 5 --require-hashes -r "$lock" || fail "pip could not install the dependencies. $why"
say "Installing haier-relay itself …"
pip install -qq --no-deps --no-build-isolation -e . || fail "pip could not install this project. $why"
printf '%s' "$wanted" >"$stamp"
