FROM python:3.13-slim-trixie AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
# Which locked list is installed: run, or cluster, which has Dask as well (docs/cluster.md).
ARG VALOR_PACKAGES=run
# The packages come before the code: a change of code alone builds in seconds.
COPY requirements requirements
RUN python -m venv /opt/valor && python -m venv /opt/hatch \
    && /opt/valor/bin/pip install --only-binary :all: --require-hashes \
        -r "requirements/${VALOR_PACKAGES}.txt" \
    && /opt/hatch/bin/pip install --only-binary :all: --require-hashes -r requirements/build.txt
COPY . .
RUN /opt/hatch/bin/pip wheel --no-deps --no-build-isolation --wheel-dir wheel . \
    && /opt/valor/bin/pip install --no-deps wheel/*.whl


FROM python:3.13-slim-trixie
RUN useradd --system --uid 10001 --home-dir /var/lib/valor valor \
    && install -d -o valor -g valor -m 0700 /var/lib/valor /var/lib/valor/production-keys
COPY --from=build /opt/valor /opt/valor
ENV PATH=/opt/valor/bin:$PATH PYTHONUNBUFFERED=1 VALOR_HOME=/var/lib/valor
WORKDIR /var/lib/valor
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/health/live', timeout=2)"]
ENTRYPOINT ["valor"]
CMD ["serve", "--host", "0.0.0.0"]
