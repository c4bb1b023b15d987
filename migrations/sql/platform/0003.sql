-- Audit entries that are written and not chained yet. Each is written in the transaction it tells of, by a lane: a writer that has
-- one such transaction at a time and counts its entries, so that nobody waits for the end of the log. A sequencer moves them into
-- `audit` a moment later, in the order of `turn`. `mac` is the installation's, over the whole entry.
CREATE TABLE audit_entry (
  lane    uuid   NOT NULL,
  number  bigint NOT NULL,
  turn    bigint NOT NULL,
  at      bigint NOT NULL,
  actor   text   NOT NULL,
  action  text   NOT NULL,
  subject text   NOT NULL,
  detail  text   NOT NULL,
  mac     bytea  NOT NULL,
  PRIMARY KEY (lane, number)
);

-- The number of the last entry of each lane, sealed and changed in the transaction that adds the entry, so that a missing last
-- entry is found. Which lanes there are, and up to which number each is chained, stands sealed in `audit_head`.
CREATE TABLE audit_lane (
  id     uuid   NOT NULL PRIMARY KEY,
  number bigint NOT NULL,
  seal   bytea  NOT NULL
);

ALTER TABLE audit_head ADD COLUMN lanes text NOT NULL DEFAULT '';
