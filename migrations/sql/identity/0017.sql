-- A passkey and a link with a provider remember whether they count as a second factor, or as the password by which they were added. Those
-- from before count as they did.
ALTER TABLE passkey ADD COLUMN is_factor boolean NOT NULL DEFAULT true;
ALTER TABLE provider_link ADD COLUMN is_factor boolean NOT NULL DEFAULT true;
ALTER TABLE provider_link ADD COLUMN has_shown_two boolean NOT NULL DEFAULT true;

-- A change of address that was asked for with the password alone is none of an account that has a second factor by now.
ALTER TABLE email_change ADD COLUMN has_shown_factor boolean NOT NULL DEFAULT false;
-- Nor can one be taken back whose former address another one put there that can be.
ALTER TABLE email_change ADD COLUMN is_final boolean NOT NULL DEFAULT false;
