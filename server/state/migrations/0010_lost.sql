-- What a restored server knows of, and whose content stayed on the one before it, until a backup brings it back.
ALTER TABLE databases ADD COLUMN lost INTEGER NOT NULL DEFAULT 0 CHECK (lost IN (0, 1));
ALTER TABLE volumes ADD COLUMN lost INTEGER NOT NULL DEFAULT 0 CHECK (lost IN (0, 1));
