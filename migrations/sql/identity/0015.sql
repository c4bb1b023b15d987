-- A teacher can be confirmed by the domain of the school alone: `ground` takes another word, for which the table is made anew. Rows from
-- before say `domain` of both, and keep that word until they are judged anew.
CREATE TABLE confirmation_kept (
  account_id uuid   NOT NULL PRIMARY KEY,
  version    bigint NOT NULL,
  ground     text   NOT NULL,
  school_id  uuid,
  given_at   bigint NOT NULL,
  given_by   uuid,
  ended_at   bigint,
  ended_by   uuid
);
INSERT INTO confirmation_kept (account_id, version, ground, school_id, given_at, given_by, ended_at, ended_by)
  SELECT account_id, version, ground, school_id, given_at, given_by, ended_at, ended_by FROM confirmation;
DROP TABLE confirmation;
CREATE TABLE confirmation (
  account_id uuid   NOT NULL PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
  version    bigint NOT NULL,
  ground     text   NOT NULL CHECK (ground IN ('domain', 'school_domain', 'school', 'colleague', 'coordinator')),
  school_id  uuid   REFERENCES school (id),
  given_at   bigint NOT NULL,
  given_by   uuid,
  ended_at   bigint,
  ended_by   uuid,
  CHECK (ended_at IS NOT NULL OR ended_by IS NULL)
);
INSERT INTO confirmation (account_id, version, ground, school_id, given_at, given_by, ended_at, ended_by)
  SELECT account_id, version, ground, school_id, given_at, given_by, ended_at, ended_by FROM confirmation_kept;
DROP TABLE confirmation_kept;
CREATE INDEX confirmation_given_by ON confirmation (given_by);
