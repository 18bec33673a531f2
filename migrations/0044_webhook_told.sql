-- Who was told by mail that a webhook was disabled; NULL if nobody was, and as long as it is enabled.
ALTER TABLE webhooks ADD COLUMN disabled_told TEXT;
