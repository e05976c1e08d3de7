# What Node apps run on: Node, npm, and the user 1000. The official image has a user of that number already.
ARG FROM
FROM ${FROM}
RUN if ! command -v openssl || ! [ -e /etc/ssl/certs/ca-certificates.crt ]; then \
    apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates openssl \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*; \
  fi \
  && if getent passwd 1000 >/dev/null; then userdel -r "$(id -nu 1000)"; fi \
  && groupadd -g 1000 app \
  && useradd -u 1000 -g 1000 -M -d /app -s /bin/sh app \
  && install -d -o 1000 -g 1000 /app
