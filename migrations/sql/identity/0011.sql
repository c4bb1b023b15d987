-- Passkeys: keys of a device by which the owner of an account signs in. `id` is told to the device as the handle of its user, and comes
-- back with each answer; `key_name` is the device's own name of the key. `credential` is the public key and its counter, as the library
-- writes it. `last_ceremony` is the last one that was completed by it: neither that one is completed again, nor one begun before.
-- Retention: until its owner removes it or leaves, somebody proves by mail to be the owner, or the central team resets it.
CREATE TABLE passkey (
  id            uuid   NOT NULL PRIMARY KEY,
  version       bigint NOT NULL,
  account_id    uuid   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
  key_name      text   NOT NULL UNIQUE,
  credential    text   NOT NULL,
  name          text   NOT NULL,
  created_at    bigint NOT NULL,
  last_used_at  bigint,
  last_ceremony uuid   NOT NULL
);
CREATE INDEX passkey_account ON passkey (account_id);

-- The passkey that was shown in a session. None: it was opened otherwise.
ALTER TABLE session ADD COLUMN passkey_id uuid;
