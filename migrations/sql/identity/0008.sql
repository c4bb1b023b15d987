-- Servers of integrators that are told what has happened. Event types are words with spaces between them. A secret is derived from
-- `secret_id` with a key of the installation; nothing here gives it away.
CREATE TABLE webhook (
  id               uuid   NOT NULL PRIMARY KEY,
  integrator_id    uuid   NOT NULL REFERENCES integrator (id) ON DELETE CASCADE,
  url              text   NOT NULL,
  event_types      text   NOT NULL,
  secret_id        uuid   NOT NULL,
  former_secret_id uuid,
  former_until     bigint,
  created_at       bigint NOT NULL,
  failing_since    bigint,
  disabled_at      bigint,
  CHECK ((former_secret_id IS NULL) = (former_until IS NULL))
);
CREATE INDEX webhook_integrator ON webhook (integrator_id);

-- What they are told: `data` holds ids and numbers, and no personal data. What is due is sent again; what is not, has arrived or was given
-- up. Retention: a row goes 30 days after it was made.
CREATE TABLE webhook_delivery (
  id              uuid    NOT NULL PRIMARY KEY,
  webhook_id      uuid    NOT NULL REFERENCES webhook (id) ON DELETE CASCADE,
  event_type      text    NOT NULL,
  occurred_at     bigint  NOT NULL,
  data            text    NOT NULL,
  created_at      bigint  NOT NULL,
  attempts        integer NOT NULL,
  last_attempt_at bigint,
  last_status     integer NOT NULL,
  due_at          bigint,
  delivered_at    bigint
);
CREATE INDEX webhook_delivery_webhook ON webhook_delivery (webhook_id);
CREATE INDEX webhook_delivery_due ON webhook_delivery (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_delivery_created ON webhook_delivery (created_at);
