-- The name under which the bytes of a file are kept: each file has one of its own. Before, equal bytes of several files were kept once,
-- and their digest was the name.
ALTER TABLE file ADD COLUMN place text NOT NULL DEFAULT '';
UPDATE file SET place = digest;
DROP INDEX file_digest;
CREATE INDEX file_place ON file (place);
