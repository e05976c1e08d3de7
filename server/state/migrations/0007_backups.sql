-- Backups of databases and volumes. What an archive holds can be read from itself again, so its rows go with it.
CREATE TABLE backups (
  id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 8 AND id NOT GLOB '*[^0-9a-f]*'),
  kind TEXT NOT NULL CHECK (kind IN ('database', 'volume')),
  subject TEXT NOT NULL CHECK (length(subject) BETWEEN 1 AND 100),
  archive TEXT NOT NULL REFERENCES devices (name) ON DELETE CASCADE,
  state TEXT NOT NULL CHECK (state IN ('capturing', 'stored', 'verified', 'bad', 'failed', 'deleting')),
  bytes INTEGER CHECK (bytes >= 0),
  summary TEXT CHECK (summary IS NULL OR json_valid(summary)),
  problem TEXT,
  created_at TEXT NOT NULL,
  created_by TEXT NOT NULL,
  verified_at TEXT,
  CHECK (state <> 'verified' OR (bytes IS NOT NULL AND summary IS NOT NULL AND verified_at IS NOT NULL)),
  CHECK (state NOT IN ('bad', 'failed') OR problem IS NOT NULL)
) STRICT;
CREATE INDEX backups_of ON backups (kind, subject, created_at);

-- An archive that a schedule writes to cannot be removed.
CREATE TABLE backup_schedules (
  kind TEXT NOT NULL CHECK (kind IN ('database', 'volume')),
  subject TEXT NOT NULL CHECK (length(subject) BETWEEN 1 AND 100),
  archive TEXT NOT NULL REFERENCES devices (name),
  every TEXT NOT NULL CHECK (every IN ('hour', 'day', 'week')),
  "at" TEXT NOT NULL CHECK ("at" GLOB '[0-2][0-9]:[0-5][0-9]' AND "at" < '24:00'),
  keep INTEGER NOT NULL CHECK (keep BETWEEN 1 AND 1000),
  created_at TEXT NOT NULL,
  created_by TEXT NOT NULL,
  last_at TEXT,
  PRIMARY KEY (kind, subject)
) STRICT;

-- Keys of other installations whose backups this one may open: sealed.
CREATE TABLE backup_keys (
  fingerprint TEXT NOT NULL PRIMARY KEY CHECK (length(fingerprint) = 64),
  value TEXT NOT NULL CHECK (value GLOB 'v1.*'),
  added_at TEXT NOT NULL
) STRICT;

-- Their addresses are as good as passwords: sealed.
CREATE TABLE webhooks (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  url TEXT NOT NULL CHECK (url GLOB 'v1.*'),
  created_at TEXT NOT NULL,
  created_by TEXT NOT NULL
) STRICT;
