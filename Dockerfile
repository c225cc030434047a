# One image for the three roles of the Procfile; docker-compose.yml says which one a container is.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
WORKDIR /app
COPY requirements/run.txt requirements/run.txt
# Every package of the lock has a wheel: no compiler here either. --without-pip keeps the
# installer out of what is copied on.
RUN python -m venv --without-pip /venv \
 && pip --python /venv/bin/python install --no-cache-dir --disable-pip-version-check \
      --only-binary :all: --require-hashes -r requirements/run.txt
COPY . .
# The settings refuse to load without these; they are gone with this one command.
RUN SECRET_KEY=thrown-away-after-collecting-the-static-files ALLOWED_HOSTS=build.invalid \
    /venv/bin/python manage.py collectstatic --noinput \
 && rm -rf var

FROM ${PYTHON_IMAGE}
WORKDIR /app
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOST=0.0.0.0 \
    PORT=8000 \
    API_PORT=8001 \
    API_WORKERS=1 \
    LOG_FORMAT=json
RUN useradd --system --uid 10001 --no-create-home --home-dir /nonexistent \
      --shell /usr/sbin/nologin ticketsite \
 && install -d -o ticketsite -g ticketsite /app/var
COPY --from=build /venv /venv
COPY --from=build /app /app
USER ticketsite
EXPOSE 8000 8001
CMD ["sh", "-c", "exec daphne -v 0 -b $HOST -p $PORT ticketsite.asgi:application"]
