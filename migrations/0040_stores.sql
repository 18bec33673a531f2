-- The database and the objects are put back separately. The generation is what both were told they belong
-- to: it changes when either is put back, and in each site's database it is another one.
INSERT INTO site (key, value) VALUES ('generation', lower(hex(randomblob(16))));

-- One for each tick, with a text that nobody can guess: an object that knows one which is not here has
-- seen a later state of this database.
CREATE TABLE store_marks (
  mark INTEGER PRIMARY KEY,
  token TEXT NOT NULL,
  at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The mark that each visit object was told last, as it has confirmed: one that knows only an earlier one
-- was put back itself.
CREATE TABLE store_shards (
  shard INTEGER PRIMARY KEY,
  mark INTEGER NOT NULL,
  token TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What the operator asks for, who can write here. Nothing that is deployed inserts a row; the tick reads
-- them, and notes how far it has come.
CREATE TABLE operator_requests (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  is_dry_run INTEGER NOT NULL CHECK (is_dry_run IN (0, 1)),
  requested_at TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('requested', 'running', 'succeeded', 'failed')),
  finished_at TEXT,
  -- Until when a tick has it to itself; NULL when none has.
  claimed_until TEXT,
  -- Where the next tick goes on.
  progress TEXT NOT NULL CHECK (json_valid(progress)),
  report TEXT NOT NULL CHECK (json_valid(report))
) STRICT, WITHOUT ROWID;

-- A request goes by the generation, too, so it is checked with what else is assumed. Versions before
-- this one say nothing of it.
DROP VIEW assumed;
CREATE VIEW assumed AS SELECT '' AS issuer, '' AS subject, '' AS user_id, '' AS status,
  0 AS access_revision, 0 AS visit_shard, 0 AS bootstrapped, 0 AS told_at, '' AS roles,
  '' AS session_id, '' AS session_token, '' AS now, '' AS generation WHERE 0;

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
