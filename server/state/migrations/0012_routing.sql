-- Domains are claims: on a whole host (no path), on a path of one, or on a host that is only sent elsewhere.
CREATE TABLE claims (
  host TEXT NOT NULL CHECK (length(host) BETWEEN 1 AND 253 AND host NOT GLOB '*[^a-z0-9.*-]*'),
  path TEXT NOT NULL DEFAULT '' CHECK (
    path = '' OR (length(path) <= 200 AND path GLOB '/?*' AND path NOT GLOB '*/' AND path NOT GLOB '*[^A-Za-z0-9/._~-]*')
  ),
  app TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
  kind TEXT NOT NULL CHECK (kind IN ('default', 'custom', 'redirect')),
  redirect_to TEXT CHECK (redirect_to <> host),
  redirect_status INTEGER CHECK (redirect_status IN (301, 302, 307, 308)),
  canonical INTEGER NOT NULL DEFAULT 0 CHECK (canonical IN (0, 1)),
  PRIMARY KEY (host, path),
  CHECK ((kind = 'redirect') = (redirect_to IS NOT NULL)),
  CHECK ((redirect_to IS NULL) = (redirect_status IS NULL)),
  CHECK (path = '' OR kind = 'custom'),
  CHECK (canonical = 0 OR (path = '' AND kind <> 'redirect' AND host NOT GLOB '[*]*'))
) STRICT;
INSERT INTO claims (host, app, kind) SELECT host, app, kind FROM domains;
DROP TABLE domains;
ALTER TABLE claims RENAME TO domains;
CREATE INDEX domains_of_app ON domains (app);
CREATE UNIQUE INDEX domains_one_default ON domains (app) WHERE kind = 'default';
CREATE UNIQUE INDEX domains_one_canonical ON domains (app) WHERE canonical = 1;

-- What is done with the requests of an app besides sending them to it; empty: as the proxy does it. Bytes and seconds.
CREATE TABLE routing (
  app TEXT NOT NULL PRIMARY KEY REFERENCES apps (id) ON DELETE CASCADE,
  largest_body INTEGER CHECK (largest_body > 0),
  timeout INTEGER CHECK (timeout > 0),
  hsts INTEGER CHECK (hsts > 0),
  maintenance TEXT CHECK (maintenance = 'standard' OR (length(maintenance) = 32 AND maintenance NOT GLOB '*[^0-9a-f]*')),
  page TEXT CHECK (length(page) <= 65536),
  CHECK ((page IS NOT NULL) = (maintenance IS NOT NULL AND maintenance <> 'standard'))
) STRICT;

-- Who may see an app that asks for a name and a password; the password as crypt(3) writes it.
CREATE TABLE routing_users (
  app TEXT NOT NULL REFERENCES routing (app) ON DELETE CASCADE,
  name TEXT NOT NULL CHECK (length(name) <= 64 AND name GLOB '[A-Za-z0-9]*' AND name NOT GLOB '*[^A-Za-z0-9@._+-]*'),
  password TEXT NOT NULL CHECK (password GLOB '$?*$?*'),
  PRIMARY KEY (app, name)
) STRICT;
