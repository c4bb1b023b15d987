-- Facts that a handler has not handled yet: it failed, or one before them waits. `due_at` of one that is parked is in the year 9999.
CREATE TABLE backlog (
  handler  text    NOT NULL,
  event    uuid    NOT NULL,
  name     text    NOT NULL,
  body     bytea   NOT NULL,
  trace    text,
  at       bigint  NOT NULL,
  attempts integer NOT NULL,
  due_at   bigint  NOT NULL,
  PRIMARY KEY (handler, event)
);

-- Facts leave in the order of their ids, each kind by itself. What was given up before is tried once more, and goes to the backlog.
DROP INDEX outbox_due;
CREATE INDEX outbox_name ON outbox (name, id);
UPDATE outbox SET attempts = 0, due_at = at;

-- What changed, for who watches: a topic, and what of it. `seq` numbers transactions, `nth` the changes of one.
CREATE TABLE change (
  seq   bigint  NOT NULL,
  nth   integer NOT NULL,
  topic text    NOT NULL,
  key   text    NOT NULL,
  at    bigint  NOT NULL,
  PRIMARY KEY (seq, nth)
);
CREATE INDEX change_topic ON change (topic, seq);
CREATE INDEX change_at ON change (at);
