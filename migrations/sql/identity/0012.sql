-- When an application was last changed: what was never submitted is kept for some days from then. 0: before this column was, and its days
-- are counted from when they are first looked at.
ALTER TABLE application ADD COLUMN changed_at bigint NOT NULL DEFAULT 0;

-- When the calendar of a track ends, as lessons last said. Retention: with the tenant; it is of nobody.
CREATE TABLE track_end (
  track_id   uuid   NOT NULL PRIMARY KEY,
  edition_id uuid   NOT NULL,
  ends_at    bigint NOT NULL
);
CREATE INDEX track_end_edition ON track_end (edition_id);

-- Who was told by a letter that their account ends, because nobody signs in to it. One that is older than the last sign-in counts for
-- nothing. Retention: as long as the account has its owner.
CREATE TABLE inactivity_warning (
  account_id uuid   NOT NULL PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
  warned_at  bigint NOT NULL
);

-- The account that an address was of when its owner left, so that the erasure of the person, which knows no address any more, finds what
-- waits for it.
ALTER TABLE invitation ADD COLUMN left_id uuid;
ALTER TABLE registration ADD COLUMN left_id uuid;
