# A small image of pullproof: two stages of one base, hashes of constraints.txt enforced, no compiler and no pip left.
#
#   docker build -t pullproof .                                   amd64 or arm64: every dependency has a wheel for both
#   docker build --build-arg BASE=registry.example/debian-python:13 .
#
# BASE is any Debian-like image with Python 3.11 or later, its venv module and CA certificates.
ARG BASE=docker.io/library/python:3.13-slim-trixie

FROM ${BASE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
COPY constraints.txt docker/runtime_requirements.py ./
RUN python3 runtime_requirements.py constraints.txt shared-cache > runtime.txt \
 && sed -n '/^setuptools==/,/^[^ ]*==/{/^ \|^setuptools==/p}' constraints.txt | grep -v '^ *#' > tools.txt \
 && python3 -m venv tools \
 && tools/bin/pip install -q --no-deps --require-hashes --only-binary :all: -r tools.txt \
 && python3 -m venv --without-pip /opt/pullproof \
 && tools/bin/pip --python /opt/pullproof/bin/python install -q --no-deps --require-hashes --only-binary :all: --no-compile -r runtime.txt
COPY pyproject.toml LICENSE README.md ./
COPY webhook webhook
COPY certs certs
# The package itself has no hash to be pinned by; it brings no dependency in. Of the Kubernetes client only the raw
# asyncio part is used: its models, generated APIs and blocking twin are 60 MB.
RUN tools/bin/pip wheel -q --no-deps --no-index --no-build-isolation -w wheel . \
 && tools/bin/pip --python /opt/pullproof/bin/python install -q --no-deps --no-index --no-compile wheel/*.whl
RUN cd /opt/pullproof/lib/python3*/site-packages \
 && rm -rf kubernetes/client kubernetes/dynamic kubernetes/stream kubernetes/utils kubernetes/watch kubernetes/informer \
      kubernetes/config kubernetes/leaderelection kubernetes/aio/dynamic kubernetes/aio/stream \
      kubernetes/aio/leaderelection kubernetes/aio/watch kubernetes/aio/client/api \
 && find kubernetes/aio/client/models -type f ! -name __init__.py -delete \
 && find . -type d \( -name tests -o -name test -o -name testing \) -prune -exec rm -rf {} + \
 && python3 -m compileall -q --invalidation-mode unchecked-hash . \
 && /opt/pullproof/bin/pullproof version

FROM ${BASE}
ARG VERSION=0.1.0
ARG REVISION=
LABEL org.opencontainers.image.title="pullproof" \
      org.opencontainers.image.description="Know before you apply: predicts image pull errors in Kubernetes" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /opt/pullproof /opt/pullproof
# No password database entry is needed, no file is written: the root may be read-only.
ENV PATH=/opt/pullproof/bin:/usr/local/bin:/usr/bin:/bin HOME=/tmp PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 65532:65532
EXPOSE 10250 8080
ENTRYPOINT ["/opt/pullproof/bin/pullproof"]
CMD ["--help"]
