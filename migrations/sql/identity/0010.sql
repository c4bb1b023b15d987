-- What identity providers of the country know the owners of accounts as. A subject is one of its issuer alone; no address is kept, and
-- none links anybody. Retention: until its owner removes it, the password is recovered or an address taken back, or the account is left.
CREATE TABLE provider_link (
  id         uuid   NOT NULL PRIMARY KEY,
  account_id uuid   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
  provider   text   NOT NULL,
  issuer     text   NOT NULL,
  subject    text   NOT NULL,
  linked_at  bigint NOT NULL,
  UNIQUE (issuer, subject),
  UNIQUE (account_id, provider)
);

-- Ways to a provider that were begun: to sign in, or by a session to link its account. All their secrets are derived from `id` with a key
-- of the installation; nothing here gives them away. Retention: until it is used; what was never used, an hour after its end at most.
CREATE TABLE provider_attempt (
  id         uuid   NOT NULL PRIMARY KEY,
  provider   text   NOT NULL,
  issuer     text   NOT NULL,
  account_id uuid   REFERENCES account (id) ON DELETE CASCADE,
  family     uuid,
  begun_at   bigint NOT NULL,
  expires_at bigint NOT NULL,
  CHECK ((account_id IS NULL) = (family IS NULL))
);
CREATE INDEX provider_attempt_account ON provider_attempt (account_id) WHERE account_id IS NOT NULL;
CREATE INDEX provider_attempt_expires ON provider_attempt (expires_at);

-- The link by which a session was opened, and whether the provider has proven that two factors were shown there. None: by the password.
ALTER TABLE session ADD COLUMN provider_link_id uuid;
ALTER TABLE session ADD COLUMN provider_two_factors boolean NOT NULL DEFAULT false;
CREATE INDEX session_provider_link ON session (provider_link_id) WHERE provider_link_id IS NOT NULL;
