# One image for every role; the command says which: serve, work, batch, live.
#
#   docker build -t openvasa .
#   docker buildx build --platform linux/amd64,linux/arm64 --build-arg EXTRAS=jobs,live,ray .
#
# It runs as a user without rights, on a read-only root: what is kept lies in /data, what is not in
# /tmp. Whoever runs it accepts the use policy with OPENVASA_ACCEPT_POLICY=1.
ARG PYTHON=3.12

FROM python:${PYTHON}-slim-bookworm AS build
ARG EXTRAS=jobs,live
WORKDIR /src
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY openvasa ./openvasa
RUN python -m venv /opt/openvasa \
    && /opt/openvasa/bin/pip install --no-cache-dir --disable-pip-version-check ".[${EXTRAS}]" \
    && rm -rf /opt/openvasa/lib/python3*/site-packages/pip*

FROM python:${PYTHON}-slim-bookworm
# Debian keeps no old versions that could be asked for.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --no-install-recommends -y espeak-ng \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin openvasa \
    && install -d -o openvasa -g openvasa -m 0700 /data
COPY --from=build /opt/openvasa /opt/openvasa
ENV PATH=/opt/openvasa/bin:/usr/local/bin:/usr/bin:/bin \
    HOME=/data \
    XDG_CACHE_HOME=/data/cache \
    XDG_CONFIG_HOME=/data/config \
    NUMBA_CACHE_DIR=/data/cache/numba \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8766
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8766/healthz', timeout=4)"]
ENTRYPOINT ["openvasa"]
CMD ["serve", "--host", "0.0.0.0", "--files", "/data/jobs"]
