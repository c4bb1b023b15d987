-- The second factor of an account: one that is enrolled, or one whose enrolment waits to be confirmed. The secret that the app of its
-- owner holds is derived from `id` with a key of the installation, and the recovery codes from `codes_id`; nothing here gives them away.
-- `last_step` is the time step of the last code that was taken: that one, and those before it, are not taken again. `codes_used` has a
-- bit for each recovery code. `misses` counts wrong codes in a row. Retention: as long as the account, or until it is given up or reset;
-- what was never confirmed, until another one is begun.
CREATE TABLE factor (
  id          uuid    NOT NULL PRIMARY KEY,
  version     bigint  NOT NULL,
  account_id  uuid    NOT NULL UNIQUE REFERENCES account (id) ON DELETE CASCADE,
  begun_at    bigint  NOT NULL,
  enrolled_at bigint,
  last_step   bigint  NOT NULL,
  codes_id    uuid,
  codes_used  integer NOT NULL,
  misses      integer NOT NULL,
  missed_at   bigint,
  CHECK ((enrolled_at IS NULL) = (codes_id IS NULL)),
  CHECK ((misses = 0) = (missed_at IS NULL))
);

-- The second factor that was shown in a session. None: its account had none when the session began.
ALTER TABLE session ADD COLUMN factor_id uuid;
