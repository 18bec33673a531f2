-- With what a Worker goes by are when the token at hand was issued, so that it is none once it has been ended,
-- and the generation of the stores. A version from before says neither.
DROP VIEW assumed;
CREATE VIEW assumed AS SELECT '' AS issuer, '' AS subject, '' AS user_id, '' AS status,
  0 AS access_revision, 0 AS visit_shard, 0 AS bootstrapped, 0 AS told_at, '' AS roles,
  '' AS session_id, '' AS session_token, '' AS now, '' AS generation, 0 AS issued_at, '' AS sid WHERE 0;

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
      AND NOT EXISTS (
        SELECT 1 FROM session_ends
        WHERE session_ends.identity_hash = identities.identity_hash
          AND session_ends.issued_until >= NEW.issued_at
          AND (session_ends.sid = '' OR NEW.sid IS NULL OR session_ends.sid = NEW.sid))
  )
  OR (NEW.generation IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM site WHERE key = 'generation' AND value = NEW.generation
  ))
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
