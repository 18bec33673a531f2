-- What a provider says of a person follows into the profile, but never over what a person has written
-- here. Who has is in the audit log, which has the names of the fields.
ALTER TABLE users ADD COLUMN own_name INTEGER NOT NULL DEFAULT 0 CHECK (own_name IN (0, 1));
ALTER TABLE users ADD COLUMN own_email INTEGER NOT NULL DEFAULT 0 CHECK (own_email IN (0, 1));
UPDATE users SET own_name = 1 WHERE id IN (
  SELECT target FROM audit_log, json_each(audit_log.changes, '$.fields') AS field
  WHERE action = 'profile.update' AND field.value = 'displayName');
UPDATE users SET own_email = 1 WHERE id IN (
  SELECT target FROM audit_log, json_each(audit_log.changes, '$.fields') AS field
  WHERE action = 'user.update' AND field.value = 'email');

-- When the provider said what the profile shows; NULL for an identity that was linked later, which says
-- nothing of its member. And from when on the provider may be asked; NULL once it has answered.
-- Milliseconds since the epoch.
ALTER TABLE identities ADD COLUMN told_at INTEGER DEFAULT 0;
ALTER TABLE identities ADD COLUMN ask_after INTEGER DEFAULT 0;
UPDATE identities SET told_at = NULL
WHERE created_at <> (SELECT created_at FROM users WHERE id = identities.user_id);

-- With what a Worker remembers of a member is when their provider was heard last, so that it knows what is
-- new. A version from before does not remember it.
DROP VIEW assumed;
CREATE VIEW assumed AS SELECT '' AS issuer, '' AS subject, '' AS user_id, '' AS status,
  0 AS access_revision, 0 AS visit_shard, 0 AS bootstrapped, 0 AS told_at, '' AS roles,
  '' AS session_id, '' AS session_token, '' AS now WHERE 0;

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
    WHERE token = NEW.session_token AND user_id = NEW.subject AND expires_at > NEW.now
  ))
BEGIN
  SELECT RAISE(ABORT, 'access changed');
END;
