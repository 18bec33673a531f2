-- The log is sealed afterwards, a stretch at a time: a chain of digests whose heads the site signs. A
-- stretch whose file is in the archive may be cleared, which is the only way in which an entry goes.

-- Keys of those heads: a fourth use.
CREATE TABLE token_keys_with_audit (
  kid TEXT PRIMARY KEY,
  use TEXT NOT NULL CHECK (use IN ('member', 'visitor', 'page', 'audit')),
  sealed_by TEXT NOT NULL,
  public_jwk TEXT NOT NULL CHECK (json_valid(public_jwk)),
  private_jwk TEXT NOT NULL,
  signs_from INTEGER NOT NULL,
  signs_until INTEGER NOT NULL,
  tokens_until INTEGER NOT NULL DEFAULT 0,
  UNIQUE (use, sealed_by, signs_until)
) STRICT, WITHOUT ROWID;

INSERT INTO token_keys_with_audit
  (kid, use, sealed_by, public_jwk, private_jwk, signs_from, signs_until, tokens_until)
SELECT kid, use, sealed_by, public_jwk, private_jwk, signs_from, signs_until, tokens_until
FROM token_keys;

DROP TABLE token_keys;
ALTER TABLE token_keys_with_audit RENAME TO token_keys;

CREATE TABLE audit_seals (
  number INTEGER NOT NULL PRIMARY KEY,
  -- The entries between these ids, without the first; equal for a stretch of entries that came late.
  after_id TEXT NOT NULL,
  until_id TEXT NOT NULL,
  head TEXT NOT NULL,
  -- What src/security/audit-chain.ts signs, with the public half of the key in it.
  signed TEXT NOT NULL,
  sealed_at TEXT NOT NULL,
  -- JSON: for each entry its id, the salt of what may be removed of it, and how its digest begins. It
  -- goes with the entries, and is in the file.
  guide TEXT CHECK (guide IS NULL OR json_valid(guide)),
  -- The name of its file; NULL while it has none.
  archived_as TEXT,
  cleared_at TEXT,
  CONSTRAINT archived_before_it_is_cleared CHECK (cleared_at IS NULL OR archived_as IS NOT NULL)
) STRICT;
CREATE INDEX audit_seals_by_end ON audit_seals (until_id, number);
CREATE INDEX audit_seals_to_archive ON audit_seals (number) WHERE archived_as IS NULL;
CREATE INDEX audit_seals_to_clear ON audit_seals (number)
  WHERE archived_as IS NOT NULL AND cleared_at IS NULL;
CREATE INDEX audit_seals_being_cleared ON audit_seals (number)
  WHERE cleared_at IS NOT NULL AND guide IS NOT NULL;

-- Entries that came after their stretch was sealed, and the stretch that has them; NULL while none has.
CREATE TABLE audit_late (
  id TEXT PRIMARY KEY,
  number INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_late_by_number ON audit_late (number);

-- Entries of which `reason` and `changes` are removed. The operator asks for it by a row; the digest that
-- stands for them since is written by the job that removes them.
CREATE TABLE audit_removed (
  id TEXT PRIMARY KEY,
  digest TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_removed_asked ON audit_removed (id) WHERE digest IS NULL;

CREATE TRIGGER audit_late_is_noted AFTER INSERT ON audit_log
WHEN NEW.id <= (
  SELECT until_id FROM audit_seals WHERE number = (SELECT max(number) FROM audit_seals)
)
BEGIN
  INSERT INTO audit_late (id) VALUES (NEW.id);
END;

CREATE TRIGGER audit_seals_are_kept BEFORE DELETE ON audit_seals
BEGIN
  SELECT RAISE(ABORT, 'the audit log is append-only');
END;

-- A seal is given a file, its guide loses salts, and at last it is cleared; nothing else of it changes.
CREATE TRIGGER audit_seals_are_never_changed BEFORE UPDATE ON audit_seals
WHEN NEW.number IS NOT OLD.number OR NEW.after_id IS NOT OLD.after_id
  OR NEW.until_id IS NOT OLD.until_id OR NEW.head IS NOT OLD.head OR NEW.signed IS NOT OLD.signed
  OR NEW.sealed_at IS NOT OLD.sealed_at
  OR OLD.cleared_at IS NOT NULL AND NEW.cleared_at IS NOT OLD.cleared_at
  OR NEW.guide IS NULL AND OLD.cleared_at IS NULL
  OR NEW.guide IS NOT NULL AND NEW.guide IS NOT OLD.guide AND
    (SELECT json_group_array(value ->> 0) FROM json_each(NEW.guide)) IS NOT
    (SELECT json_group_array(value ->> 0) FROM json_each(OLD.guide))
BEGIN
  SELECT RAISE(ABORT, 'the audit log is append-only');
END;

-- How often a role was defined is counted in the log, so those entries stay.
CREATE TRIGGER audit_seals_are_cleared AFTER UPDATE OF cleared_at ON audit_seals
WHEN NEW.cleared_at IS NOT NULL AND OLD.cleared_at IS NULL
BEGIN
  DELETE FROM audit_log
  WHERE id IN (SELECT value ->> 0 FROM json_each(NEW.guide)) AND action <> 'role.define';
  DELETE FROM audit_late WHERE number = NEW.number;
  UPDATE audit_seals SET guide = NULL WHERE number = NEW.number;
END;

-- An entry is deleted within the statement that clears its stretch, and by nothing else.
DROP TRIGGER audit_log_is_never_cleared;
CREATE TRIGGER audit_log_is_never_cleared BEFORE DELETE ON audit_log
WHEN NOT EXISTS (SELECT 1 FROM audit_seals WHERE cleared_at IS NOT NULL AND guide IS NOT NULL)
BEGIN
  SELECT RAISE(ABORT, 'the audit log is append-only');
END;

CREATE TRIGGER audit_removed_is_removed AFTER UPDATE OF digest ON audit_removed
WHEN NEW.digest IS NOT NULL
BEGIN
  UPDATE audit_log SET reason = NULL, changes = '{}' WHERE id = NEW.id;
END;

-- An entry loses what is removed of it once its digest is known, and changes in no other way.
DROP TRIGGER audit_log_is_never_changed;
CREATE TRIGGER audit_log_is_never_changed BEFORE UPDATE ON audit_log
WHEN NOT (
  EXISTS (SELECT 1 FROM audit_removed WHERE id = OLD.id AND digest IS NOT NULL)
  AND NEW.reason IS NULL AND NEW.changes = '{}'
  AND NEW.id IS OLD.id AND NEW.at IS OLD.at AND NEW.actor IS OLD.actor
  AND NEW.on_behalf_of IS OLD.on_behalf_of AND NEW.action IS OLD.action
  AND NEW.target IS OLD.target AND NEW.request_id IS OLD.request_id
)
BEGIN
  SELECT RAISE(ABORT, 'the audit log is append-only');
END;
