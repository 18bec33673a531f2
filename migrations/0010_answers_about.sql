-- Whose data a stored answer shows, so that it goes when they do, whoever it was given to.
ALTER TABLE idempotency_keys ADD COLUMN about TEXT;
CREATE INDEX idempotency_keys_by_about ON idempotency_keys (about) WHERE about IS NOT NULL;
