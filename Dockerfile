# Desklore's image: `docker build -t desklore:local .`, then `docker run desklore:local demo`; docs/operations.md says how to run it for real.
# A package index of your own: --secret id=pip,src=pip.conf
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV PIP_CACHE_DIR=/var/cache/pip PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /app
# The packages come before the code: a change of the code leaves this layer as it is.
COPY requirements.lock ./
RUN --mount=type=cache,target=/var/cache/pip --mount=type=secret,id=pip,target=/etc/pip.conf,required=false \
    python -m venv --without-pip .venv \
    && pip --python .venv/bin/python install --require-hashes --no-deps --only-binary :all: --requirement requirements.lock \
    && rm requirements.lock
COPY alembic.ini LICENSE ./app/
COPY bin ./app/bin
COPY config ./app/config
COPY tools/__init__.py tools/migrate.py tools/probe.py ./app/tools/
COPY migrations ./app/migrations
COPY sandbox ./app/sandbox
# What `desklore source new` copies.
COPY examples/birchdesk ./app/examples/birchdesk
COPY backend ./app/backend
RUN python -m compileall -q app

FROM ${PYTHON_IMAGE} AS runtime
LABEL org.opencontainers.image.title="Desklore" \
      org.opencontainers.image.description="Turns a support team's own history into answers" \
      org.opencontainers.image.licenses="Apache-2.0"
# tesseract reads pictures and scans; the uid is fixed so that volumes and policies can name it.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends tesseract-ocr tesseract-ocr-kor \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 desklore \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin desklore \
    && install --directory --owner 10001 --group 10001 --mode 0750 /data \
    && ln -s /app/bin/desklore /usr/local/bin/desklore
WORKDIR /app
COPY --from=build /app/.venv ./.venv
COPY --from=build /app/app ./
ENV LANG=C.UTF-8 \
    PATH=/app/.venv/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    DESKLORE_DATA_DIR=/data \
    DESKLORE_HOST=0.0.0.0
USER 10001:10001
VOLUME ["/data"]
EXPOSE 8000
# Whether it lives, not whether it is ready: a restart doesn't bring a database back.
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=4 CMD ["python", "-m", "tools.probe"]
ENTRYPOINT ["desklore"]
CMD ["up"]
