-- A Worker that has met a member before goes by what it remembers of them, and its first call begins by
-- inserting that here. Nothing is stored; the call fails if anything is no longer so: which member the
-- identity is of, what they are and may, and, if a session is named, whether it is live.
CREATE VIEW assumed AS SELECT '' AS issuer, '' AS subject, '' AS user_id, '' AS status,
  0 AS access_revision, 0 AS visit_shard, 0 AS bootstrapped, '' AS roles,
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

-- In the same way the first call of a request with an Idempotency-Key fails if the key was answered.
CREATE VIEW unanswered AS SELECT '' AS caller, '' AS key, '' AS since WHERE 0;

CREATE TRIGGER unanswered_so_far INSTEAD OF INSERT ON unanswered
BEGIN
  DELETE FROM idempotency_keys
  WHERE caller = NEW.caller AND key = NEW.key AND created_at < NEW.since;
  SELECT RAISE(ABORT, 'answered before')
  WHERE EXISTS (SELECT 1 FROM idempotency_keys WHERE caller = NEW.caller AND key = NEW.key);
END;
