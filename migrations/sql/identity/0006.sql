-- Systems of others that call this one, each with the account of its technician and the mandate by which the technician made its tokens:
-- when that ends, the system stops. Scopes are words with spaces between them.
CREATE TABLE integrator (
  id         uuid   NOT NULL PRIMARY KEY,
  account_id uuid   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
  mandate_id uuid   NOT NULL REFERENCES mandate (id) ON DELETE CASCADE,
  name       text   NOT NULL,
  purpose    text   NOT NULL,
  scopes     text   NOT NULL,
  created_at bigint NOT NULL,
  created_by uuid   NOT NULL
);
CREATE INDEX integrator_account ON integrator (account_id);
CREATE INDEX integrator_mandate ON integrator (mandate_id);

-- The tokens by which machines are known. A secret is derived from the id with a key of the installation; nothing here gives it away.
-- `session_id` stands for a session in the access tokens that are given; when these are to end, it becomes another one. Retention: a row
-- goes with its integrator.
CREATE TABLE machine_token (
  id            uuid   NOT NULL PRIMARY KEY,
  integrator_id uuid   NOT NULL REFERENCES integrator (id) ON DELETE CASCADE,
  session_id    uuid   NOT NULL,
  label         text   NOT NULL,
  scopes        text   NOT NULL,
  created_at    bigint NOT NULL,
  expires_at    bigint NOT NULL,
  last_used_at  bigint,
  revoked_at    bigint
);
CREATE INDEX machine_token_integrator ON machine_token (integrator_id);
