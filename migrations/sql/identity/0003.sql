-- What accounts may be in this tenant: an account holds one or several mandates, and a session acts in one of them. `territory` is a
-- NUTS code, or empty for the whole tenant; without an edition a mandate is for every edition. What was revoked stays, as the record of
-- who could do what, as long as the account. Nobody granted what somebody has who registered, was admitted, or is the operator's.
CREATE TABLE mandate (
  id         uuid   NOT NULL PRIMARY KEY,
  version    bigint NOT NULL,
  account_id uuid   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
  role       text   NOT NULL,
  territory  text   NOT NULL,
  edition_id uuid,
  granted_at bigint NOT NULL,
  granted_by uuid,
  revoked_at bigint,
  revoked_by uuid,
  CHECK (revoked_at IS NOT NULL OR revoked_by IS NULL)
);
CREATE INDEX mandate_account ON mandate (account_id);
CREATE INDEX mandate_role ON mandate (role) WHERE revoked_at IS NULL;
-- One role with one bound is held once. No edition has the id of an account: the account's stands for `every edition`, because a column
-- without a value is never equal to itself.
CREATE UNIQUE INDEX mandate_living ON mandate (account_id, role, territory, (COALESCE(edition_id, account_id)))
  WHERE revoked_at IS NULL;

-- Each account goes on as what it was, but for one that was left. Its first mandate has the id of the account: an id cannot be made in SQL that both databases
-- take. From here on `account.kind` says only whether a team shares the account. For a person's account the word is history, and is not
-- read.
INSERT INTO mandate (id, version, account_id, role, territory, granted_at)
  SELECT id, 1, id, kind, '', created_at FROM account;
UPDATE mandate SET revoked_at = granted_at WHERE account_id IN (SELECT id FROM account WHERE state = 'left');

-- The mandate a session acts in. Every session has one; the column could only be added as one that may be empty.
ALTER TABLE session ADD COLUMN mandate_id uuid REFERENCES mandate (id) ON DELETE CASCADE;
UPDATE session SET mandate_id = account_id;
CREATE INDEX session_mandate ON session (mandate_id);

-- Invitations to a role. The code that is mailed is derived from `code_id` with a key of the installation; nothing here gives it away.
-- `email` is personal data of somebody who may never come. Purpose: to invite them. Retention: emptied as many days after the
-- invitation ended as the tenant's file says (`identity.retention.ended_invitations`, 30 unless it says otherwise).
CREATE TABLE invitation (
  id          uuid   NOT NULL PRIMARY KEY,
  version     bigint NOT NULL,
  code_id     uuid   NOT NULL UNIQUE,
  email       text   NOT NULL,
  role        text   NOT NULL,
  territory   text   NOT NULL,
  edition_id  uuid,
  locale      text   NOT NULL,
  invited_at  bigint NOT NULL,
  invited_by  uuid,
  expires_at  bigint,
  accepted_at bigint,
  account_id  uuid,
  revoked_at  bigint,
  revoked_by  uuid,
  CHECK ((accepted_at IS NULL) = (account_id IS NULL)),
  CHECK (revoked_at IS NOT NULL OR revoked_by IS NULL),
  CHECK (accepted_at IS NULL OR revoked_at IS NULL),
  CHECK ((expires_at IS NULL) = (accepted_at IS NOT NULL OR revoked_at IS NOT NULL))
);
