-- What happened. Apps are no foreign key: an event outlives its app. Numbers are never given again.
CREATE TABLE events (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at TEXT NOT NULL,
  kind TEXT NOT NULL,
  app TEXT,
  app_name TEXT,
  job INTEGER,
  text TEXT NOT NULL
) STRICT;
CREATE INDEX events_of_app ON events (app, id);
CREATE INDEX events_of_app_name ON events (app_name, id);
