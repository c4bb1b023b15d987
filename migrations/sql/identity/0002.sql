-- Where an account stands, and the facts of it: who locked it, when and why, or when its owner left. The reason of a lock may say
-- something of a person: so it stands here, where it can be erased, and the audit log, where nothing can, holds the id alone.
ALTER TABLE account ADD COLUMN state text NOT NULL DEFAULT 'living';
ALTER TABLE account ADD COLUMN facts text NOT NULL DEFAULT 'living';

-- When tokens were last given for a session. Its owner sees it among their own.
ALTER TABLE session ADD COLUMN last_used_at bigint NOT NULL DEFAULT 0;
UPDATE session SET last_used_at = created_at;

-- Forgotten passwords that wait for their code, one of an account at most. The code that is mailed is derived from the id with a key
-- of the installation. Retention: a row goes when its code is redeemed or replaced, and after the days of registrations that nobody
-- verified.
CREATE TABLE recovery (
  id         uuid   NOT NULL PRIMARY KEY,
  account_id uuid   NOT NULL UNIQUE REFERENCES account (id) ON DELETE CASCADE,
  issued_at  bigint NOT NULL,
  expires_at bigint NOT NULL
);
CREATE INDEX recovery_issued ON recovery (issued_at);

-- Addresses that were asked for, and those that were changed. The code that is mailed is derived from the id with a key of the
-- installation. Personal data of adults: purpose, the letters to both addresses. Retention: what was replaced goes at once, the
-- rest after the days of registrations that nobody verified.
CREATE TABLE email_change (
  id          uuid   NOT NULL PRIMARY KEY,
  account_id  uuid   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
  former      text   NOT NULL,
  wanted      text   NOT NULL,
  asked_at    bigint NOT NULL,
  expires_at  bigint NOT NULL,
  redeemed_at bigint
);
CREATE UNIQUE INDEX email_change_open ON email_change (account_id) WHERE redeemed_at IS NULL;
CREATE INDEX email_change_asked ON email_change (asked_at);
