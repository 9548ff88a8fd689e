#!/bin/sh
# make_venv.sh FOLDER: a virtual environment of a Python >= 3.11. On Debian as root it installs what that lacks.
set -eu

usable='import sys; sys.exit(sys.version_info < (3, 11))'
complete='import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))'

find_python() { # find_python CODE: the first Python for which CODE exits 0
    for candidate in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11 /usr/bin/python3; do
        if command -v "$candidate" >/dev/null 2>&1 && "$candidate" -c "$1" >/dev/null 2>&1; then
            command -v "$candidate"
            return 0
        fi
    done
    return 1
}

if ! python=$(find_python "$complete"); then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null && [ -z "${NO_INSTALL:-}" ]; then
        echo "installing Debian packages: python3 python3-venv (for $1)"
        apt-get update -qq </dev/null
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3 python3-venv </dev/null >/dev/null
        python=$(find_python "$complete") || true
    fi
fi
if [ -z "${python:-}" ]; then
    if find_python "$usable" >/dev/null; then
        echo "error: this Python has no venv module: install it (Debian: apt-get install python3-venv) and try again" >&2
    else
        echo "error: no Python 3.11 or newer: install one, or name it with PYTHON=/path/to/python3" >&2
    fi
    exit 1
fi

"$python" -m venv --clear "$1"
