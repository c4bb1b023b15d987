-- Sessions that have ended, each until the last access token of it has expired: a process that starts learns here whom to refuse.
CREATE TABLE ended_session (
  id         uuid   NOT NULL PRIMARY KEY,
  kept_until bigint NOT NULL
);
CREATE INDEX ended_session_kept_until ON ended_session (kept_until);
