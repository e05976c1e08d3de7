-- Devices learn more classes, ways to be installed, and states.
CREATE TABLE devices_now (
  name TEXT NOT NULL PRIMARY KEY CHECK (
    length(name) <= 30 AND name GLOB '[a-z]*' AND name NOT GLOB '*[^a-z0-9-]*' AND name NOT GLOB '*--*' AND name NOT GLOB '*-'
  ),
  driver TEXT NOT NULL,
  class TEXT NOT NULL CHECK (class IN ('proxy', 'builder', 'database', 'storage', 'archive', 'certificate')),
  node TEXT NOT NULL REFERENCES nodes (id),
  "as" TEXT NOT NULL CHECK ("as" IN ('built-in', 'container', 'node', 'adopted')),
  version TEXT,
  state TEXT NOT NULL CHECK (state IN ('installing', 'ready', 'removing')),
  settings TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(settings)),
  created_at TEXT NOT NULL
) STRICT;
INSERT INTO devices_now (name, driver, class, node, "as", version, state, created_at)
  SELECT name, driver, class, node, 'built-in', NULL, 'ready', created_at FROM devices;
DROP TABLE devices;
ALTER TABLE devices_now RENAME TO devices;

-- What the kernel keeps for a device: sealed, and gone with it.
CREATE TABLE device_secrets (
  device TEXT NOT NULL REFERENCES devices (name) ON DELETE CASCADE,
  name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  value TEXT NOT NULL CHECK (value GLOB 'v1.*'),
  PRIMARY KEY (device, name)
) STRICT;

-- Private addresses that apps reach devices at: a number in the block of the pool that is set apart for them.
CREATE TABLE endpoints (
  device TEXT NOT NULL REFERENCES devices (name) ON DELETE CASCADE,
  name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 60),
  host INTEGER NOT NULL UNIQUE CHECK (host BETWEEN 1 AND 1022),
  port INTEGER NOT NULL CHECK (port BETWEEN 1 AND 65535),
  PRIMARY KEY (device, name)
) STRICT;

-- Which privileges an admin has granted to a driver that is not trusted code, and for which content of its folder.
CREATE TABLE driver_approvals (
  driver TEXT NOT NULL PRIMARY KEY,
  digest TEXT NOT NULL,
  privileges TEXT NOT NULL CHECK (json_valid(privileges)),
  approved_by TEXT NOT NULL,
  approved_at TEXT NOT NULL
) STRICT;
