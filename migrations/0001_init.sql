-- The first level of the schema. docs/storage-schema.md explains every table.
-- Additive from here on: never rebuild a table, never ON DELETE CASCADE.

-- Facts about this site that must never change silently, such as the number of visit shards.
CREATE TABLE site (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE users (
  id TEXT PRIMARY KEY,
  display_name TEXT NOT NULL,
  name_key TEXT NOT NULL,
  bio TEXT,
  avatar_url TEXT,
  email TEXT,
  phone TEXT,
  address TEXT CHECK (address IS NULL OR json_valid(address)),
  status TEXT NOT NULL CHECK (status IN ('active', 'suspended')),
  access_revision INTEGER NOT NULL,
  visit_shard INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX users_by_name ON users (name_key, id);

CREATE TABLE identities (
  issuer TEXT NOT NULL,
  subject TEXT NOT NULL,
  user_id TEXT NOT NULL REFERENCES users (id),
  identity_hash TEXT NOT NULL,
  bootstrapped INTEGER NOT NULL CHECK (bootstrapped IN (0, 1)),
  created_at TEXT NOT NULL,
  PRIMARY KEY (issuer, subject)
) STRICT, WITHOUT ROWID;
CREATE INDEX identities_by_user ON identities (user_id);

-- Who was deleted, as a hash: tokens issued before then are refused. Milliseconds since the epoch.
CREATE TABLE erased_identities (
  identity_hash TEXT PRIMARY KEY,
  erased_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Deleted members whose visits a Durable Object still has to erase.
CREATE TABLE erasures (
  user_id TEXT PRIMARY KEY,
  visit_shard INTEGER NOT NULL,
  requested_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE user_roles (
  user_id TEXT NOT NULL REFERENCES users (id),
  role TEXT NOT NULL,
  assigned_at TEXT NOT NULL,
  assigned_by TEXT NOT NULL,
  PRIMARY KEY (user_id, role)
) STRICT, WITHOUT ROWID;
CREATE INDEX user_roles_by_role ON user_roles (role, user_id);

CREATE TABLE badges (
  id TEXT PRIMARY KEY,
  slug TEXT NOT NULL UNIQUE,
  title TEXT NOT NULL,
  description TEXT NOT NULL,
  background_color TEXT NOT NULL,
  text_color TEXT NOT NULL,
  icon_url TEXT,
  position INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE badge_rules (
  id TEXT PRIMARY KEY,
  badge_id TEXT NOT NULL REFERENCES badges (id),
  metric TEXT NOT NULL CHECK (metric IN ('visits', 'visitDays', 'streakDays')),
  threshold INTEGER NOT NULL CHECK (threshold >= 1),
  window_days INTEGER CHECK (window_days BETWEEN 1 AND 365),
  enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),
  revision INTEGER NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  -- Days cannot be more than the window has.
  CONSTRAINT satisfiable CHECK (
    metric = 'visits' OR window_days IS NULL OR threshold <= window_days
  )
) STRICT, WITHOUT ROWID;

-- One row for each member and badge, for good: a badge that was taken away keeps its row with
-- removed_at, so that no rule gives it back.
CREATE TABLE badge_assignments (
  user_id TEXT NOT NULL REFERENCES users (id),
  badge_id TEXT NOT NULL REFERENCES badges (id),
  assigned_at TEXT NOT NULL,
  assigned_by TEXT NOT NULL CHECK (assigned_by IN ('rule', 'admin', 'partner')),
  audit_id TEXT NOT NULL,
  removed_at TEXT,
  PRIMARY KEY (user_id, badge_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX badge_assignments_by_badge ON badge_assignments (badge_id);

CREATE TABLE audit_log (
  id TEXT PRIMARY KEY,
  at TEXT NOT NULL,
  actor TEXT NOT NULL,
  on_behalf_of TEXT,
  action TEXT NOT NULL,
  target TEXT NOT NULL,
  reason TEXT,
  request_id TEXT,
  changes TEXT NOT NULL CHECK (json_valid(changes))
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_log_by_target ON audit_log (target, id);
CREATE INDEX audit_log_by_actor ON audit_log (actor, id);

CREATE TRIGGER audit_log_is_never_changed BEFORE UPDATE ON audit_log
BEGIN
  SELECT RAISE(ABORT, 'the audit log is append-only');
END;

CREATE TRIGGER audit_log_is_never_cleared BEFORE DELETE ON audit_log
BEGIN
  SELECT RAISE(ABORT, 'the audit log is append-only');
END;

-- Every audited write begins by inserting who acts, with the access revision that was read when the
-- act was allowed. Nothing is stored; the transaction fails if those rights have changed since.
CREATE VIEW acting AS SELECT '' AS actor, 0 AS access_revision WHERE 0;

CREATE TRIGGER acting_with_current_rights INSTEAD OF INSERT ON acting
WHEN NEW.access_revision IS NOT NULL
  AND NOT EXISTS (
    SELECT 1 FROM users WHERE id = NEW.actor AND access_revision = NEW.access_revision
  )
BEGIN
  SELECT RAISE(ABORT, 'access changed');
END;

CREATE TABLE job_runs (
  id TEXT PRIMARY KEY,
  job TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('requested', 'running', 'succeeded', 'failed')),
  requested_by TEXT NOT NULL,
  requested_at TEXT NOT NULL,
  started_at TEXT,
  finished_at TEXT,
  counts TEXT NOT NULL CHECK (json_valid(counts)),
  error TEXT,
  cursor TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX job_runs_by_job ON job_runs (job, id);
CREATE INDEX job_runs_unfinished ON job_runs (id) WHERE finished_at IS NULL;

CREATE TABLE idempotency_keys (
  caller TEXT NOT NULL,
  key TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  status INTEGER NOT NULL,
  body TEXT NOT NULL,
  created_at TEXT NOT NULL,
  PRIMARY KEY (caller, key)
) STRICT, WITHOUT ROWID;
