-- Certificates, each for one app or (no app) for the server's own names. Their keys are sealed.
CREATE TABLE certificates (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  part TEXT NOT NULL CHECK (length(part) = 32 AND part NOT GLOB '*[^0-9a-f]*'),
  app TEXT REFERENCES apps (id) ON DELETE CASCADE,
  source TEXT NOT NULL CHECK (source IN ('uploaded', 'issued', 'self-signed')),
  device TEXT REFERENCES devices (name) ON DELETE SET NULL,
  names TEXT NOT NULL CHECK (json_valid(names)),
  issuer TEXT NOT NULL,
  chain TEXT NOT NULL,
  key TEXT NOT NULL CHECK (key GLOB 'v1.*'),
  not_before TEXT NOT NULL,
  not_after TEXT NOT NULL CHECK (not_after > not_before),
  renew_from TEXT,
  renew_until TEXT,
  asked_at TEXT,
  CHECK ((renew_from IS NULL) = (renew_until IS NULL))
) STRICT;
CREATE UNIQUE INDEX certificates_of ON certificates (part, coalesce(app, ''));

-- Names that got no certificate the last time, and when they are tried again.
CREATE TABLE certificate_tries (
  host TEXT NOT NULL PRIMARY KEY,
  attempts INTEGER NOT NULL CHECK (attempts > 0),
  failed_at TEXT NOT NULL,
  next_at TEXT NOT NULL,
  problem TEXT NOT NULL,
  found TEXT NOT NULL CHECK (json_valid(found))
) STRICT;

-- Apps whose names get no certificates by themselves.
CREATE TABLE apps_without_https (
  app TEXT NOT NULL PRIMARY KEY REFERENCES apps (id) ON DELETE CASCADE
) STRICT;
