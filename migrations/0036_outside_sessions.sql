-- A session may be of somebody whom an outside OpenID provider has signed in: of the identity (issuer,
-- subject) and of no account of the built-in login. `sid` is what the provider calls its own session, so
-- that both end together.
CREATE TABLE auth_sessions_before (
  id TEXT, token TEXT, user_id TEXT, expires_at TEXT, ip_address TEXT, user_agent TEXT,
  created_at TEXT, updated_at TEXT
) STRICT;
INSERT INTO auth_sessions_before
SELECT id, token, user_id, expires_at, ip_address, user_agent, created_at, updated_at
FROM auth_sessions;
DROP TABLE auth_sessions;
CREATE TABLE auth_sessions (
  id TEXT PRIMARY KEY,
  token TEXT NOT NULL UNIQUE,
  user_id TEXT REFERENCES auth_users (id),
  expires_at TEXT NOT NULL,
  ip_address TEXT,
  user_agent TEXT,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  issuer TEXT,
  subject TEXT,
  sid TEXT,
  CHECK ((user_id IS NULL) = (issuer IS NOT NULL) AND (issuer IS NULL) = (subject IS NULL))
) STRICT, WITHOUT ROWID;
INSERT INTO auth_sessions
SELECT id, token, user_id, expires_at, ip_address, user_agent, created_at, updated_at, NULL, NULL, NULL
FROM auth_sessions_before;
DROP TABLE auth_sessions_before;
CREATE INDEX auth_sessions_by_user ON auth_sessions (user_id);
CREATE INDEX auth_sessions_by_expiry ON auth_sessions (expires_at);
CREATE INDEX auth_sessions_by_subject ON auth_sessions (issuer, subject);
CREATE INDEX auth_sessions_by_sid ON auth_sessions (issuer, sid);

DROP TRIGGER assumed_is_still_so;
CREATE TRIGGER assumed_is_still_so INSTEAD OF INSERT ON assumed
WHEN NOT EXISTS (
    SELECT 1 FROM identities JOIN users ON users.id = identities.user_id
    WHERE identities.issuer = NEW.issuer AND identities.subject = NEW.subject
      AND users.id = NEW.user_id
      AND users.status = NEW.status
      AND users.access_revision = NEW.access_revision
      AND users.visit_shard = NEW.visit_shard
      AND identities.bootstrapped = NEW.bootstrapped
      AND (NEW.told_at IS NULL OR identities.told_at = NEW.told_at)
      AND NEW.roles = (SELECT json_group_array(json(entry)) FROM (
        SELECT json_object('name', held.role, 'permissions', json(defined.permissions)) AS entry
        FROM user_roles held LEFT JOIN roles defined ON defined.name = held.role
        WHERE held.user_id = users.id ORDER BY held.role))
  )
  OR (NEW.session_id IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM auth_sessions
    WHERE id = NEW.session_id AND user_id = NEW.subject AND expires_at > NEW.now
  ))
  OR (NEW.session_token IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM auth_sessions
    WHERE token = NEW.session_token AND expires_at > NEW.now
      AND coalesce(issuer, 'built-in') = NEW.issuer AND coalesce(subject, user_id) = NEW.subject
  ))
BEGIN
  SELECT RAISE(ABORT, 'access changed');
END;
