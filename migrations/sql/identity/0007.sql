-- The name under which the bytes of a file are kept: each file has one of its own, so that its bytes can go with it. Before, equal bytes
-- of several files were kept once, and their digest was the name.
ALTER TABLE file ADD COLUMN place text NOT NULL DEFAULT '';
UPDATE file SET place = digest;
CREATE INDEX file_place ON file (place);

-- The erasures of people, one of an account: of the person only the id is left. Retention: as long as the account, as the proof that it
-- was done.
CREATE TABLE erasure (
  account_id uuid   NOT NULL PRIMARY KEY REFERENCES account (id),
  begun_at   bigint NOT NULL
);

-- What each service says it has erased: how many rows of which tables. A service that has none yet still has data of the person.
CREATE TABLE erasure_receipt (
  account_id uuid   NOT NULL REFERENCES erasure (account_id),
  service    text   NOT NULL,
  erased_at  bigint NOT NULL,
  erased     text   NOT NULL,
  PRIMARY KEY (account_id, service)
);
