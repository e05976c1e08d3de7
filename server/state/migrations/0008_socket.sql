-- What an app may ask for at its own socket, besides reading itself. `target` is the app that it may touch.
CREATE TABLE socket_grants (
  app TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
  target TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
  access TEXT NOT NULL CHECK (access IN ('read', 'write')),
  PRIMARY KEY (app, target)
) STRICT;
CREATE INDEX socket_grants_on ON socket_grants (target);
