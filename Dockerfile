# The service's image: `docker build .` makes `relay`, for consume, callbacks, console and every other command.
# Behind a mirror: --build-arg REGISTRY=… (with a slash at its end) and --build-arg PIP_INDEX_URL=… .
ARG REGISTRY=docker.io/library/
ARG PYTHON=3.12

FROM ${REGISTRY}python:${PYTHON}-slim AS build
# Used by pip where it is given; leaves no trace in the image that is shipped.
ARG PIP_INDEX_URL
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_INPUT=1
RUN python -m venv /opt/relay
ENV PATH=/opt/relay/bin:$PATH
WORKDIR /build
# The lock alone first, so that a change of ours does not fetch everything again.
COPY requirements.lock ./
RUN pip install --require-hashes -r requirements.lock
COPY pyproject.toml README.md ./
COPY scripts/unneeded.py scripts/
COPY schemas schemas
COPY rabbitmq rabbitmq
COPY publishers publishers
COPY consumer consumer
COPY ops ops
RUN pip install --no-deps --no-build-isolation . \
    && python scripts/unneeded.py | xargs pip uninstall --yes --quiet \
    && python -m compileall -q /opt/relay/lib

FROM ${REGISTRY}python:${PYTHON}-slim AS runtime
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/relay relay
COPY --from=build /opt/relay /opt/relay
ENV PATH=/opt/relay/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# SQLite and logs go here where nothing else is set: mount a volume to keep them.
WORKDIR /var/lib/relay
USER relay
ENTRYPOINT ["relay"]

# Both suppliers, for the demo: the wheel does not carry them, so they come beside it.
FROM runtime AS sandbox
COPY sandbox /opt/sandbox/sandbox
ENV PYTHONPATH=/opt/sandbox
EXPOSE 9100
ENTRYPOINT ["python", "-m", "sandbox", "--host", "0.0.0.0"]

# Last, so that it is what `docker build .` makes.
FROM runtime AS service
EXPOSE 8080
CMD ["consume"]
