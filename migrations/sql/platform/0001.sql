-- Facts waiting to be published; written in the transaction that made them true.
CREATE TABLE outbox (
  id       uuid    NOT NULL PRIMARY KEY,
  name     text    NOT NULL,
  body     bytea   NOT NULL,
  trace    text,
  at       bigint  NOT NULL,
  attempts integer NOT NULL,
  due_at   bigint  NOT NULL
);
CREATE INDEX outbox_due ON outbox (due_at, id);

-- Which handler has handled which fact.
CREATE TABLE inbox (
  event   uuid   NOT NULL,
  handler text   NOT NULL,
  at      bigint NOT NULL,
  PRIMARY KEY (event, handler)
);
CREATE INDEX inbox_at ON inbox (at);

-- Answers given, by the caller's request id; kept for 24 hours.
CREATE TABLE answered (
  key    text   NOT NULL PRIMARY KEY,
  digest bytea  NOT NULL,
  answer bytea  NOT NULL,
  at     bigint NOT NULL
);
CREATE INDEX answered_at ON answered (at);

-- The audit log, chained by `mac`; its end is kept apart so that a missing last entry is found, and sealed so that nobody but
-- the installation can say where it is.
CREATE TABLE audit (
  seq     bigint NOT NULL PRIMARY KEY,
  at      bigint NOT NULL,
  actor   text   NOT NULL,
  action  text   NOT NULL,
  subject text   NOT NULL,
  detail  text   NOT NULL,
  mac     bytea  NOT NULL
);
CREATE TABLE audit_head (
  id   integer NOT NULL PRIMARY KEY CHECK (id = 1),
  seq  bigint  NOT NULL,
  mac  bytea   NOT NULL,
  seal bytea   NOT NULL
);
-- there from the start: a row is what two first entries at once can queue at. Sealed when the database is opened first
INSERT INTO audit_head (id, seq, mac, seal) VALUES (1, 0, '', '');
