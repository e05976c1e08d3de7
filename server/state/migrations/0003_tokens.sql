-- Tokens for git over HTTP. `hash` is the SHA-256 of what its owner has.
CREATE TABLE tokens (
  name TEXT NOT NULL PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 100),
  hash TEXT NOT NULL UNIQUE CHECK (length(hash) = 64 AND hash NOT GLOB '*[^0-9a-f]*'),
  role TEXT NOT NULL CHECK (role IN ('viewer', 'deployer', 'admin')),
  every_app INTEGER NOT NULL CHECK (every_app IN (0, 1)),
  expires_at TEXT NOT NULL,
  last_used_at TEXT,
  created_at TEXT NOT NULL
) STRICT;

-- The apps of a token that is not for every app. When the last one is destroyed it opens nothing.
CREATE TABLE token_apps (
  token TEXT NOT NULL REFERENCES tokens (name) ON DELETE CASCADE,
  app TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
  PRIMARY KEY (token, app)
) STRICT;
CREATE INDEX tokens_of_app ON token_apps (app);
