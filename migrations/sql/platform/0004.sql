-- Long-running operations. `outcome` is empty while one runs, then what it gives (`google.protobuf.Any`) or why it failed
-- (`google.rpc.Status`). Whose process lives holds the lease anew; one whose lease is over has been left by a process that died.
CREATE TABLE operation (
  id          uuid    NOT NULL PRIMARY KEY,
  account     uuid    NOT NULL,
  state       text    NOT NULL,
  done        integer NOT NULL,
  total       integer NOT NULL,
  cancelling  boolean NOT NULL,
  outcome     bytea   NOT NULL,
  started_at  bigint  NOT NULL,
  ended_at    bigint,
  lease_until bigint  NOT NULL
);
CREATE INDEX operation_state ON operation (state, lease_until);
