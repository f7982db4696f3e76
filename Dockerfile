# Two images from one file: `app` (web, worker, beat) and `nginx` (in front).

FROM python:3.12-slim-bookworm AS app
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1
WORKDIR /app
COPY requirements.txt .
RUN pip install --require-hashes --requirement requirements.txt
COPY . .
# A named volume takes the owner of the folder it is mounted over: both must be there, and ours.
RUN useradd --system --home /app candor && mkdir -p /srv/site /app/var/static && chown -R candor /srv/site /app/var
USER candor
EXPOSE 8000
CMD ["granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", "--workers", "2", "--blocking-threads", "8", "--no-ws", "--log-level", "warning", "config.wsgi:application"]

FROM debian:bookworm-slim AS nginx
RUN apt-get update \
    && apt-get install --yes --no-install-recommends nginx libnginx-mod-http-brotli-static \
    && rm -rf /var/lib/apt/lists/*
COPY deploy/nginx.conf /etc/nginx/nginx.conf
USER www-data
EXPOSE 8080
CMD ["nginx", "-g", "daemon off;"]
