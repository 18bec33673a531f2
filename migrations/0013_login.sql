-- A link that was used is kept for its hour: whoever sends the form again, for the answer was lost, is
-- told that it is done.
ALTER TABLE auth_tickets ADD COLUMN is_used INTEGER NOT NULL DEFAULT 0 CHECK (is_used IN (0, 1));

-- Where the owner of an account has signed in: a keyed hash of the account and a network, or of the
-- account and a browser. What strangers try elsewhere does not count here. Milliseconds since the epoch.
CREATE TABLE auth_places (
  place TEXT PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES auth_users (id),
  ends_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX auth_places_by_user ON auth_places (user_id);
CREATE INDEX auth_places_by_end ON auth_places (ends_at);

-- A hash of the account whose password was tried, so that a new password ends all its counts.
ALTER TABLE auth_attempts ADD COLUMN account TEXT;
CREATE INDEX auth_attempts_by_account ON auth_attempts (account) WHERE account IS NOT NULL;
