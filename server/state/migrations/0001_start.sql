-- The machines that containers and devices run on. One row until there is a cluster.
CREATE TABLE nodes (
  id TEXT NOT NULL PRIMARY KEY
) STRICT;
INSERT INTO nodes (id) VALUES ('local');

-- Apps. The id never changes; `release` and "group" are what serves, `subnet` is the index of its network in the pool.
CREATE TABLE apps (
  id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 8 AND id NOT GLOB '*[^0-9a-f]*'),
  name TEXT NOT NULL UNIQUE CHECK (
    length(name) <= 40 AND name GLOB '[a-z]*' AND name NOT GLOB '*[^a-z0-9-]*' AND name NOT GLOB '*--*' AND name NOT GLOB '*-'
  ),
  branch TEXT,
  release INTEGER,
  "group" TEXT CHECK (length("group") = 8 AND "group" NOT GLOB '*[^0-9a-f]*'),
  stopped INTEGER NOT NULL DEFAULT 0 CHECK (stopped IN (0, 1)),
  subnet INTEGER UNIQUE CHECK (subnet >= 0),
  created_at TEXT NOT NULL,
  created_by TEXT NOT NULL,
  CHECK (("group" IS NULL) = (release IS NULL)),
  FOREIGN KEY (id, release) REFERENCES releases (app, version)
) STRICT;

-- Host names. One belongs to one app, and an app has at most one that follows its name.
CREATE TABLE domains (
  host TEXT NOT NULL PRIMARY KEY CHECK (length(host) BETWEEN 1 AND 253 AND host NOT GLOB '*[^a-z0-9.*-]*'),
  app TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
  kind TEXT NOT NULL CHECK (kind IN ('default', 'custom'))
) STRICT;
CREATE INDEX domains_of_app ON domains (app);
CREATE UNIQUE INDEX domains_one_default ON domains (app) WHERE kind = 'default';

-- How many of each process type run. A type without a row has the default.
CREATE TABLE formations (
  app TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
  process TEXT NOT NULL CHECK (length(process) <= 30 AND process GLOB '[A-Za-z]*' AND process NOT GLOB '*[^A-Za-z0-9_-]*'),
  quantity INTEGER NOT NULL CHECK (quantity >= 0),
  memory INTEGER NOT NULL CHECK (memory > 0),
  PRIMARY KEY (app, process)
) STRICT;

-- Config vars as saved; the next release takes them. Values are sealed with the key that is not in here.
CREATE TABLE config_vars (
  app TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
  name TEXT NOT NULL CHECK (length(name) <= 128 AND name GLOB '[A-Za-z_]*' AND name NOT GLOB '*[^A-Za-z0-9_]*'),
  value TEXT NOT NULL CHECK (value GLOB 'v1.*'),
  PRIMARY KEY (app, name)
) STRICT;

-- Jobs. They have no foreign key to apps: that of `apps:destroy` must outlive its app. Numbers are never given again.
CREATE TABLE jobs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL,
  app TEXT,
  state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled', 'interrupted')),
  actor TEXT NOT NULL,
  operations TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(operations)),
  result TEXT,
  lease_until TEXT,
  created_at TEXT NOT NULL,
  started_at TEXT,
  ended_at TEXT,
  CHECK ((state = 'running') = (lease_until IS NOT NULL)),
  CHECK ((state IN ('queued', 'running')) = (ended_at IS NULL))
) STRICT;
CREATE INDEX jobs_of_app ON jobs (app, id);
CREATE INDEX jobs_active ON jobs (id) WHERE state IN ('queued', 'running');

-- Builds. The number is that of the job.
CREATE TABLE builds (
  id INTEGER NOT NULL PRIMARY KEY REFERENCES jobs (id),
  app TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
  "commit" TEXT NOT NULL,
  tree TEXT NOT NULL,
  buildpack TEXT,
  state TEXT NOT NULL CHECK (state IN ('running', 'succeeded', 'failed', 'cancelled', 'interrupted')),
  reused INTEGER NOT NULL DEFAULT 0 CHECK (reused IN (0, 1)),
  result TEXT,
  started_at TEXT NOT NULL,
  ended_at TEXT,
  CHECK ((state = 'running') = (ended_at IS NULL))
) STRICT;
CREATE INDEX builds_of_app ON builds (app, id);
CREATE INDEX builds_running ON builds (id) WHERE state = 'running';

-- Releases. `pending` until one has served; nothing but the state ever changes. `config` is sealed.
CREATE TABLE releases (
  app TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
  version INTEGER NOT NULL CHECK (version >= 1),
  state TEXT NOT NULL CHECK (state IN ('pending', 'served')),
  "commit" TEXT NOT NULL,
  tree TEXT NOT NULL,
  build INTEGER REFERENCES builds (id),
  processes TEXT NOT NULL CHECK (json_valid(processes)),
  hardened INTEGER NOT NULL CHECK (hardened IN (0, 1)),
  checks TEXT NOT NULL CHECK (json_valid(checks)),
  config TEXT NOT NULL CHECK (config GLOB 'v1.*'),
  description TEXT NOT NULL,
  created_at TEXT NOT NULL,
  created_by TEXT NOT NULL,
  PRIMARY KEY (app, version)
) STRICT;
CREATE INDEX releases_pending ON releases (app) WHERE state = 'pending';
CREATE INDEX releases_of_build ON releases (build);

-- Images that were built, by what went into them.
CREATE TABLE images (
  app TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
  content_key TEXT NOT NULL,
  image TEXT NOT NULL,
  PRIMARY KEY (app, content_key)
) STRICT;

-- Addresses in an app's subnet, kept until the proxy has confirmed that nobody is sent there any more.
CREATE TABLE addresses (
  app TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
  host INTEGER NOT NULL CHECK (host BETWEEN 2 AND 254),
  node TEXT NOT NULL DEFAULT 'local' REFERENCES nodes (id),
  process TEXT NOT NULL CHECK (length(process) <= 30 AND process GLOB '[A-Za-z]*' AND process NOT GLOB '*[^A-Za-z0-9_-]*'),
  "index" INTEGER NOT NULL CHECK ("index" >= 1),
  release INTEGER NOT NULL CHECK (release >= 1),
  "group" TEXT NOT NULL CHECK (length("group") = 8 AND "group" NOT GLOB '*[^0-9a-f]*'),
  PRIMARY KEY (app, host)
) STRICT;

-- SSH keys and what their owners may.
CREATE TABLE keys (
  name TEXT NOT NULL PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 100),
  fingerprint TEXT NOT NULL UNIQUE CHECK (fingerprint GLOB 'SHA256:*'),
  public_key TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('viewer', 'deployer', 'admin')),
  created_at TEXT NOT NULL
) STRICT;

-- Devices: installed pieces of server software.
CREATE TABLE devices (
  name TEXT NOT NULL PRIMARY KEY,
  driver TEXT NOT NULL,
  class TEXT NOT NULL CHECK (class IN ('proxy', 'builder')),
  node TEXT NOT NULL REFERENCES nodes (id),
  created_at TEXT NOT NULL
) STRICT;

-- Settings of the whole server, such as the global domain.
CREATE TABLE settings (
  name TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
) STRICT;

-- Who ran which command, from where, and what came of it.
CREATE TABLE audit (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at TEXT NOT NULL,
  actor TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('viewer', 'deployer', 'admin')),
  door TEXT NOT NULL,
  "from" TEXT,
  command TEXT NOT NULL,
  args TEXT NOT NULL,
  result TEXT NOT NULL
) STRICT;
