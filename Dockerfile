# One image for both processes: `agent` (needs root, see deploy/compose.yaml) and `web` (does not).
# No BuildKit needed. BASE: any image with Python >= 3.11, its venv module and pip.
ARG BASE=python:3.12-slim-bookworm

FROM ${BASE} AS build
LABEL wharfinger.stage=build
WORKDIR /build
# run, or oidc: with what signing in by OpenID Connect needs.
ARG REQUIREMENTS=run
# Behind a proxy that re-signs TLS: lay its certificate at deploy/extra-ca.crt.
COPY requirements/${REQUIREMENTS}.txt deploy/extra-ca.cr[t] ./
RUN if [ -e extra-ca.crt ]; then export PIP_CERT=/build/extra-ca.crt; fi \
 && python3 -m venv --without-pip /opt/wharfinger \
 && python3 -m pip --python /opt/wharfinger/bin/python --no-cache-dir --disable-pip-version-check \
    install --quiet --require-hashes -r ${REQUIREMENTS}.txt
COPY . ./
# Built offline with the locked hatchling, which does not stay.
RUN python3 -m pip --python /opt/wharfinger/bin/python --no-cache-dir --disable-pip-version-check \
    install --quiet --no-index --no-deps --no-build-isolation . \
 && python3 -m pip --python /opt/wharfinger/bin/python uninstall --quiet --yes \
    hatchling editables pathspec pluggy tomlkit trove-classifiers

FROM ${BASE}
LABEL org.opencontainers.image.title="wharfinger" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/wharfinger /opt/wharfinger
# Set-group-ID: what the agent writes as root, the web process's group may read.
RUN mkdir -p /var/lib/wharfinger /var/lib/wharfinger-web /run/wharfinger \
 && chown 65532:65532 /var/lib/wharfinger /var/lib/wharfinger-web /run/wharfinger \
 && chmod 2750 /var/lib/wharfinger /var/lib/wharfinger-web /run/wharfinger
ENV PATH=/opt/wharfinger/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    WHARFINGER_AGENT__DATA_DIR=/var/lib/wharfinger \
    WHARFINGER_AGENT__RUN_DIR=/run/wharfinger \
    WHARFINGER_WEB__AUTH_DIR=/var/lib/wharfinger-web \
    WHARFINGER_WEB__LISTEN=0.0.0.0:9321
USER 65532:65532
VOLUME ["/var/lib/wharfinger", "/var/lib/wharfinger-web"]
EXPOSE 9321
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=15s CMD ["wharfinger", "health"]
ENTRYPOINT ["wharfinger"]
CMD ["run"]
