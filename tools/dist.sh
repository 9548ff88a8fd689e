#!/bin/sh
# dist.sh: what a release consists of, in dist/: the wheel (the same bytes from the same commit), its software bill of
# materials in CycloneDX, and their sums. PYTHON: an environment with the development tools.
set -eu
cd "$(dirname "$0")/.."
bin=$(dirname "${PYTHON:-.venv/bin/python}")
out=${OUT:-dist}
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 1577836800)}
export SOURCE_DATE_EPOCH

rm -rf "$out"
mkdir -p "$out"
"$bin/hatchling" build -t wheel -d "$out" >/dev/null
wheel=$(ls "$out"/*.whl)

# A clean environment of exactly what is shipped: the bill is read from it, licences and graph included.
clean=$(mktemp -d)
trap 'rm -rf "$clean"' EXIT
"$bin/python" -m venv --without-pip "$clean"
"$bin/python" -m pip --python "$clean/bin/python" install --quiet --disable-pip-version-check --require-hashes -r requirements/run.txt
"$bin/python" -m pip --python "$clean/bin/python" install --quiet --disable-pip-version-check --no-deps --no-index "$wheel"
"$bin/python" -m pip --python "$clean/bin/python" uninstall --quiet --yes \
    hatchling editables pathspec pluggy tomlkit trove-classifiers
"$clean/bin/wharfinger" version >/dev/null
"$bin/cyclonedx-py" environment --output-reproducible --pyproject pyproject.toml --mc-type application \
    -o "$out/wharfinger.cdx.json" "$clean/bin/python" 2>/dev/null

(cd "$out" && sha256sum -- *.whl *.json >SHA256SUMS)
cat "$out/SHA256SUMS"
