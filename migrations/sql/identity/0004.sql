-- The sessions that follow each other by a switch of mandate are one family: it begins with a sign-in and has the id of its first session.
-- Refresh tokens name it, so that an old one is known for what it is also after a switch. Every session has one; the column could only be
-- added as one that may be empty.
ALTER TABLE session ADD COLUMN family uuid;
UPDATE session SET family = id;
CREATE INDEX session_family ON session (family);
