-- When the group of an app began to serve: a job that a dead kernel left is told by it.
ALTER TABLE apps ADD COLUMN served_at TEXT;
