-- Who has vouched for a teacher, one row for each account at most: how it stands now. `ground` is by what: the domain of the address,
-- the school, a colleague, or the central team; `school_id` is the school the account named then, of which alone it holds. `ended_by`
-- is the coordinator who took it back; nobody ended what ended because the school or the address is another one. What was before is in
-- the audit log. It stays as long as the account.
CREATE TABLE confirmation (
  account_id uuid   NOT NULL PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
  version    bigint NOT NULL,
  ground     text   NOT NULL CHECK (ground IN ('domain', 'school', 'colleague', 'coordinator')),
  school_id  uuid   REFERENCES school (id),
  given_at   bigint NOT NULL,
  given_by   uuid,
  ended_at   bigint,
  ended_by   uuid,
  CHECK (ended_at IS NOT NULL OR ended_by IS NULL)
);

-- Letters by which schools are asked whether a teacher is theirs, one of an account at most. The code that is mailed is derived from the
-- id with a key of the installation. Retention: a row goes when its code is redeemed or replaced, or its teacher is confirmed, and after
-- the days of registrations that nobody verified.
CREATE TABLE school_letter (
  id         uuid   NOT NULL PRIMARY KEY,
  account_id uuid   NOT NULL UNIQUE REFERENCES account (id) ON DELETE CASCADE,
  school_id  uuid   NOT NULL REFERENCES school (id),
  issued_at  bigint NOT NULL,
  expires_at bigint NOT NULL
);
CREATE INDEX school_letter_issued ON school_letter (issued_at);

-- The domain of a school's own e-mail addresses, in ASCII letters, where the register tells it. Empty: it does not.
ALTER TABLE school ADD COLUMN domain text NOT NULL DEFAULT '';
