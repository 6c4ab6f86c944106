# Two stages: the first makes an environment from the hash-pinned requirements and the wheel of this
# tree; the second holds that environment, a user without a name, and one volume.

FROM python:3.13-slim-bookworm AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1

WORKDIR /build
RUN python -m venv /opt/titip && python -m venv /opt/hatch

COPY requirements.txt requirements-build.txt ./
RUN /opt/titip/bin/pip install --no-deps --only-binary :all: --require-hashes \
      -r requirements.txt \
 && /opt/titip/bin/pip check \
 && /opt/hatch/bin/pip install --no-deps --only-binary :all: --require-hashes \
      -r requirements-build.txt \
 && /opt/hatch/bin/pip check

COPY pyproject.toml LICENSE README.md ./
COPY titip titip
COPY gateway gateway
COPY storage storage
COPY sync sync
COPY config config
COPY cli cli
COPY client client
COPY standin standin
RUN /opt/hatch/bin/pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
 && /opt/titip/bin/pip install --no-deps --no-index dist/*.whl \
 && /opt/titip/bin/pip check


FROM python:3.13-slim-bookworm

LABEL org.opencontainers.image.title="titip" \
      org.opencontainers.image.description="A resumable-upload gateway that stands in when a primary registry stalls" \
      org.opencontainers.image.licenses="Apache-2.0"

# The root file system may be mounted read-only: all that Titip writes goes to the volume.
ENV PATH=/opt/titip/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    TITIP__GATEWAY__LISTEN=0.0.0.0:8080 \
    TITIP__STORAGE__PATH=/data \
    TITIP__MIRROR__PATH=/data/mirror

COPY --from=build /opt/titip /opt/titip
RUN install --directory --owner=10001 --group=10001 --mode=0700 /data

USER 10001:10001
WORKDIR /data
VOLUME ["/data"]
EXPOSE 8080

# Ready means: takes uploads in. Whatever happens to the registry, this stays healthy.
HEALTHCHECK --interval=10s --timeout=4s --start-period=30s --retries=3 \
  CMD ["python", "-c", "import http.client, sys; c = http.client.HTTPConnection('127.0.0.1', 8080, timeout=3); c.request('GET', '/readyz'); sys.exit(c.getresponse().status != 200)"]

ENTRYPOINT ["titip"]
CMD ["serve"]
