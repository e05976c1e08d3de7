# What static sites run on: nginx as the user 1000.
ARG FROM
FROM ${FROM}
RUN apt-get update \
  && apt-get install -y --no-install-recommends nginx-light \
  && rm -rf /var/lib/apt/lists/* /var/cache/apt/* \
  && groupadd -g 1000 app \
  && useradd -u 1000 -g 1000 -M -d /app -s /bin/sh app \
  && install -d -o 1000 -g 1000 /app
COPY nginx.conf /etc/megapolos/nginx.conf
COPY --chmod=755 serve-static /usr/local/bin/
