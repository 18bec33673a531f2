-- Tokens of visitors that are good for as long as their bookings, and answers that go with what they show.

-- A key goes on being published while a token is good that it has signed. In milliseconds.
ALTER TABLE token_keys ADD COLUMN tokens_until INTEGER NOT NULL DEFAULT 0;

-- What was answered about something, so that it can be forgotten with it.
CREATE INDEX idempotency_keys_by_target ON idempotency_keys (target);
