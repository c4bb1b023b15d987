-- Addresses whose owners the central team has refused as teachers, so that nobody leaves and registers anew as somebody else: a digest, by
-- which one that is known is found again, the account that had the address last, and who refused when. Retention: until the central team confirms the
-- teacher; that may be asked of an address years later.
CREATE TABLE refused_teacher (
  login      text   NOT NULL PRIMARY KEY,
  account_id uuid   NOT NULL REFERENCES account (id),
  refused_at bigint NOT NULL,
  refused_by uuid   NOT NULL
);
CREATE INDEX refused_teacher_account ON refused_teacher (account_id);

-- What a teacher has said of others ends with what was said of the teacher.
CREATE INDEX confirmation_given_by ON confirmation (given_by);
