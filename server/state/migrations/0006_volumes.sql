-- Volumes: directories that outlive containers. A static one has the path of a directory that was there before it.
CREATE TABLE volumes (
  id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 8 AND id NOT GLOB '*[^0-9a-f]*'),
  name TEXT NOT NULL UNIQUE CHECK (
    length(name) <= 40 AND name GLOB '[a-z]*' AND name NOT GLOB '*[^a-z0-9-]*' AND name NOT GLOB '*--*' AND name NOT GLOB '*-'
  ),
  device TEXT NOT NULL REFERENCES devices (name),
  path TEXT UNIQUE CHECK (path GLOB '/?*'),
  state TEXT NOT NULL CHECK (state IN ('creating', 'scratch', 'ready', 'destroying')),
  created_at TEXT NOT NULL,
  created_by TEXT NOT NULL
) STRICT;

-- Which app sees which volume, and where. A volume that is attached cannot go.
CREATE TABLE volume_attachments (
  app TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
  volume TEXT NOT NULL REFERENCES volumes (id),
  name TEXT NOT NULL CHECK (
    length(name) <= 63 AND name GLOB '[A-Za-z0-9]*' AND name NOT GLOB '*[^A-Za-z0-9._-]*' AND name <> 'kernel.sock'
  ),
  path TEXT CHECK (path GLOB '/?*'),
  read_only INTEGER NOT NULL CHECK (read_only IN (0, 1)),
  exclusive INTEGER NOT NULL CHECK (exclusive IN (0, 1) AND exclusive + read_only < 2),
  process TEXT,
  state TEXT NOT NULL CHECK (state IN ('attaching', 'attached', 'detaching')),
  since TEXT,
  PRIMARY KEY (app, volume),
  UNIQUE (app, name),
  UNIQUE (app, path)
) STRICT;
CREATE INDEX volume_attachments_volume ON volume_attachments (volume);
