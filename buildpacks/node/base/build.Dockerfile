# What Node apps are built on: the above and compilers for native packages. Headers are there: no download at build time.
ARG FROM
FROM ${FROM}
RUN apt-get update \
  && apt-get install -y --no-install-recommends g++ git make python3 \
  && rm -rf /var/lib/apt/lists/* /var/cache/apt/*
COPY ca-bundle.crt /etc/ssl/certs/megapolos.crt
RUN [ -s /etc/ssl/certs/megapolos.crt ] || cp /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/megapolos.crt
COPY --chmod=755 with-config /usr/local/bin/
ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/megapolos.crt \
  SSL_CERT_FILE=/etc/ssl/certs/megapolos.crt \
  PIP_CERT=/etc/ssl/certs/megapolos.crt \
  GIT_SSL_CAINFO=/etc/ssl/certs/megapolos.crt \
  npm_package_config_node_gyp_nodedir=/usr/local \
  npm_config_audit=false \
  npm_config_fund=false \
  npm_config_update_notifier=false
