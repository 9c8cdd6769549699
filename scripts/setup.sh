#!/bin/sh
# Make the virtual environment of a checkout, with the package installed in it from its own source.
# Safe to repeat: a whole environment is kept, a broken one is made anew. Installs no Verilog simulator (scripts/icarus.sh).
#
#   PYTHON=/path/to/python3.12    the Python to use, instead of the first suitable one found
#   VENV=.venv                    where the environment goes
#   PIP_INSTALL_FLAGS="..."       added to `pip install`, for instance another package index
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cd -P "$here/.."
venv=${VENV:-.venv}

say() { printf '%s\n' "rtlscribe set-up: $*" >&2; }
stop() {
    say "$@"
    exit 3
}

version() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null; }
new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        command -v "$PYTHON" >/dev/null 2>&1 || stop "PYTHON=$PYTHON is no command"
        new_enough "$PYTHON" || stop "PYTHON=$PYTHON is Python $(version "$PYTHON" || echo '?'); rtlscribe wants 3.11 or newer"
        python=$PYTHON
        return 0
    fi
    for python in python3 python3.14 python3.13 python3.12 python3.11; do
        if new_enough "$python"; then return 0; fi
    done
    return 1
}

if ! find_python; then
    if command -v python3 >/dev/null 2>&1; then
        stop "Python $(version python3) is too old: rtlscribe wants 3.11 or newer. Install one, then: make setup PYTHON=/path/to/python3.11"
    fi
    sh "$here/apt-install.sh" "Python 3.11 or newer" python3 python3-venv
    find_python || stop "the system's Python is $(version python3 || echo missing); rtlscribe wants 3.11 or newer: make setup PYTHON=/path/to/python3.11"
fi

# pip is looked for and run as a module: the scripts of an environment that was copied or moved point elsewhere.
whole() { [ "$("$venv/bin/python" -c 'import pip, sys; print(sys.prefix)' 2>/dev/null)" = "$PWD/$venv" ] && new_enough "$venv/bin/python"; }
case $venv in
/*) whole() { "$venv/bin/python" -c 'import pip' 2>/dev/null && new_enough "$venv/bin/python"; } ;;
esac

if ! whole; then
    # Debian and Ubuntu ship Python without the part that puts pip into an environment.
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        sh "$here/apt-install.sh" "the venv module of $python" "python$(version "$python")-venv"
    say "making $venv with Python $(version "$python")"
    "$python" -m venv --clear "$venv" || stop "could not make the virtual environment $venv"
fi

# --compile writes the bytecode now, once: without it every import of torch or transformers compiles again for seconds
# wherever PYTHONDONTWRITEBYTECODE is set.
say "installing the package and its dependencies into $venv (torch is large; the first time takes minutes)"
if [ -t 1 ]; then quiet=; else quiet="--quiet --quiet"; fi # progress bars are for people; a log wants errors only
# shellcheck disable=SC2086  # lists of options
"$venv/bin/python" -m pip install $quiet --disable-pip-version-check --compile \
    --constraint constraints.txt ${PIP_INSTALL_FLAGS:-} --editable '.[rl,endpoint,gguf,serve,mcp,ray,formal,lint,docs,dev]' ||
    stop "pip could not install the dependencies (its message is above); options of your own go into PIP_INSTALL_FLAGS"
