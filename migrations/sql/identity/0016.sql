-- All sessions that a passkey has opened end with it.
CREATE INDEX session_passkey ON session (passkey_id) WHERE passkey_id IS NOT NULL;

-- Webhooks are sent from their own rows now: what waited for the handler that is gone would wait for ever.
DELETE FROM backlog WHERE handler = 'send webhook';
