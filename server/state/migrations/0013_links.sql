-- What apps are called inside the server. A name leads to one app, whoever calls.
CREATE TABLE internal_names (
  name TEXT NOT NULL PRIMARY KEY CHECK (
    length(name) <= 40 AND name GLOB '[a-z]*' AND name NOT GLOB '*[^a-z0-9-]*' AND name NOT GLOB '*--*' AND name NOT GLOB '*-'
  ),
  app TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
  UNIQUE (name, app)
) STRICT;

-- Which app may call which. One that is called cannot be destroyed.
CREATE TABLE links (
  app TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  target TEXT NOT NULL CHECK (target <> app),
  state TEXT NOT NULL CHECK (state IN ('coming', 'live')),
  PRIMARY KEY (app, name),
  FOREIGN KEY (name, target) REFERENCES internal_names (name, app)
) STRICT;
CREATE INDEX links_of_name ON links (name, target);

-- What a release may call, by reference.
ALTER TABLE releases ADD COLUMN links TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(links));
