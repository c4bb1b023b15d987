-- The last instant of the family of a session, however often its owner goes on in another mandate. None: the row is from before, and the
-- family lasts as long as its session.
ALTER TABLE session ADD COLUMN family_until bigint;

-- Wrong codes of the app of a second factor, in a row, by the network from which they came: `network` is a digest of it with a key of the
-- installation. Retention: until a right code comes from there, or a week after the last wrong one.
CREATE TABLE factor_miss (
  factor_id uuid    NOT NULL REFERENCES factor (id) ON DELETE CASCADE,
  network   text    NOT NULL,
  misses    integer NOT NULL,
  missed_at bigint  NOT NULL,
  PRIMARY KEY (factor_id, network)
);

-- Several codes for one thing wait at once, so that asking again does not end one that somebody is typing.
DROP INDEX email_change_open;
CREATE INDEX email_change_account ON email_change (account_id);

CREATE TABLE recovery_kept (
  id         uuid   NOT NULL PRIMARY KEY,
  account_id uuid   NOT NULL,
  issued_at  bigint NOT NULL,
  expires_at bigint NOT NULL
);
INSERT INTO recovery_kept (id, account_id, issued_at, expires_at) SELECT id, account_id, issued_at, expires_at FROM recovery;
DROP TABLE recovery;
CREATE TABLE recovery (
  id         uuid   NOT NULL PRIMARY KEY,
  account_id uuid   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
  issued_at  bigint NOT NULL,
  expires_at bigint NOT NULL
);
INSERT INTO recovery (id, account_id, issued_at, expires_at) SELECT id, account_id, issued_at, expires_at FROM recovery_kept;
DROP TABLE recovery_kept;
CREATE INDEX recovery_issued ON recovery (issued_at);
CREATE INDEX recovery_account ON recovery (account_id);

CREATE TABLE school_letter_kept (
  id         uuid   NOT NULL PRIMARY KEY,
  account_id uuid   NOT NULL,
  school_id  uuid   NOT NULL,
  issued_at  bigint NOT NULL,
  expires_at bigint NOT NULL
);
INSERT INTO school_letter_kept (id, account_id, school_id, issued_at, expires_at) SELECT id, account_id, school_id, issued_at, expires_at FROM school_letter;
DROP TABLE school_letter;
CREATE TABLE school_letter (
  id         uuid   NOT NULL PRIMARY KEY,
  account_id uuid   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
  school_id  uuid   NOT NULL REFERENCES school (id),
  issued_at  bigint NOT NULL,
  expires_at bigint NOT NULL
);
INSERT INTO school_letter (id, account_id, school_id, issued_at, expires_at) SELECT id, account_id, school_id, issued_at, expires_at FROM school_letter_kept;
DROP TABLE school_letter_kept;
CREATE INDEX school_letter_issued ON school_letter (issued_at);
CREATE INDEX school_letter_account ON school_letter (account_id);
