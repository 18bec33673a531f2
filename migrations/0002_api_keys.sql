-- API keys of partners. The secret is stored as a hash; a KeyGate object answers for each key.

CREATE TABLE api_keys (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  created_by TEXT NOT NULL REFERENCES users (id),
  secret_hash TEXT NOT NULL,
  previous_secrets TEXT NOT NULL CHECK (json_valid(previous_secrets)),
  scopes TEXT NOT NULL CHECK (json_valid(scopes)),
  allowed_ips TEXT CHECK (allowed_ips IS NULL OR json_valid(allowed_ips)),
  rate_limit INTEGER CHECK (rate_limit >= 1),
  rate_window_seconds INTEGER CHECK (rate_window_seconds >= 1),
  monthly_quota INTEGER CHECK (monthly_quota >= 1),
  enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),
  expires_at TEXT,
  revoked_at TEXT,
  access_revision INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX api_keys_by_creator ON api_keys (created_by);

CREATE TABLE api_key_usage (
  key_id TEXT NOT NULL REFERENCES api_keys (id),
  day TEXT NOT NULL,
  requests INTEGER NOT NULL,
  last_used_at TEXT NOT NULL,
  PRIMARY KEY (key_id, day)
) STRICT, WITHOUT ROWID;

-- A key's writes are void, too, once its rights have changed.
DROP TRIGGER acting_with_current_rights;
CREATE TRIGGER acting_with_current_rights INSTEAD OF INSERT ON acting
WHEN NEW.access_revision IS NOT NULL
  AND NOT EXISTS (
    SELECT 1 FROM users WHERE id = NEW.actor AND access_revision = NEW.access_revision
  )
  AND NOT EXISTS (
    SELECT 1 FROM api_keys WHERE id = NEW.actor AND access_revision = NEW.access_revision
  )
BEGIN
  SELECT RAISE(ABORT, 'access changed');
END;

-- The gates of a deleted member's keys still have to be told.
ALTER TABLE erasures ADD COLUMN key_ids TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(key_ids));
