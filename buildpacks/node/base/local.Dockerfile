# Node as the official image has it, from the npm registry's packages of node and npm.
ARG FROM
FROM scratch AS node
ADD node.tgz /
FROM scratch AS npm
ADD npm.tgz /

FROM ${FROM}
COPY --from=node --chmod=755 /package/bin /usr/local/bin
COPY --from=node /package/include /usr/local/include
COPY --from=npm /package /usr/local/lib/node_modules/npm
RUN cd /usr/local/bin \
  && chmod 755 ../lib/node_modules/npm/bin/*-cli.js \
  && ln -s ../lib/node_modules/npm/bin/npm-cli.js npm \
  && ln -s ../lib/node_modules/npm/bin/npx-cli.js npx \
  && node --version && npm --version
