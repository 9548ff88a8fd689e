#!/bin/sh
# run_tests.sh TESTS…: first what can share the machine, in $WORKERS processes; then what uses its containers, alone.
set -u
python=${PYTHON:-.venv/bin/python}
failed=0

run() { # run FLAGS… : pytest; that nothing was selected is no failure
    "$python" -m pytest "$@"
    code=$?
    [ "$code" = 0 ] || [ "$code" = 5 ] || failed=$code
}

run -n "${WORKERS:-2}" --dist loadfile -m "not engine" "$@"
run -m engine "$@"
exit "$failed"
