-- Databases on devices. `handle` is what the server calls it: the name stays when the content is switched.
CREATE TABLE databases (
  name TEXT NOT NULL PRIMARY KEY CHECK (
    length(name) <= 40 AND name GLOB '[a-z]*' AND name NOT GLOB '*[^a-z0-9-]*' AND name NOT GLOB '*--*' AND name NOT GLOB '*-'
  ),
  device TEXT NOT NULL REFERENCES devices (name),
  handle TEXT NOT NULL CHECK (length(handle) <= 48 AND handle GLOB '[a-z]*' AND handle NOT GLOB '*[^a-z0-9_]*'),
  state TEXT NOT NULL CHECK (state IN ('creating', 'ready', 'destroying')),
  created_at TEXT NOT NULL,
  created_by TEXT NOT NULL,
  UNIQUE (device, handle)
) STRICT;

-- Databases that somebody works in for a while. `replaces` is the one whose content this is about to become.
CREATE TABLE scratch_databases (
  device TEXT NOT NULL REFERENCES devices (name),
  handle TEXT NOT NULL CHECK (length(handle) <= 48 AND handle GLOB '[a-z]*' AND handle NOT GLOB '*[^a-z0-9_]*'),
  replaces TEXT REFERENCES databases (name),
  abandoned INTEGER NOT NULL DEFAULT 0 CHECK (abandoned IN (0, 1)),
  PRIMARY KEY (device, handle)
) STRICT;

-- What ties databases to apps, as saved; the next release takes them.
CREATE TABLE attachments (
  app TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
  alias TEXT NOT NULL CHECK (length(alias) <= 60 AND alias GLOB '[A-Z]*' AND alias NOT GLOB '*[^A-Z0-9_]*'),
  database TEXT NOT NULL REFERENCES databases (name),
  env TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(env)),
  PRIMARY KEY (app, alias)
) STRICT;
CREATE INDEX attachments_of_database ON attachments (database);

-- Logins of apps. They outlive their app until the server has ended them, and keep their database from being forgotten.
-- `handle`: where the login is; `reach`: how an app gets there, once it was granted.
CREATE TABLE credentials (
  user TEXT NOT NULL PRIMARY KEY CHECK (length(user) <= 48 AND user GLOB '[a-z]*' AND user NOT GLOB '*[^a-z0-9_]*'),
  password TEXT NOT NULL CHECK (password GLOB 'v1.*'),
  database TEXT NOT NULL REFERENCES databases (name),
  handle TEXT NOT NULL,
  app TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('granting', 'live', 'revoking')),
  reach TEXT CHECK (json_valid(reach)),
  CHECK (state <> 'live' OR reach IS NOT NULL)
) STRICT;
CREATE UNIQUE INDEX credentials_one_live ON credentials (database, app) WHERE state = 'live';
CREATE UNIQUE INDEX credentials_one_granting ON credentials (database, app) WHERE state = 'granting';
CREATE INDEX credentials_of_app ON credentials (app);

-- What a release injects, by reference.
ALTER TABLE releases ADD COLUMN attachments TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(attachments));
