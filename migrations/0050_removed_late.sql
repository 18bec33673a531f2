-- Which stretch has an entry that came late is kept when the stretch is cleared: what is to be removed of
-- the entry is looked for in the file of that stretch.
DROP TRIGGER audit_seals_are_cleared;
CREATE TRIGGER audit_seals_are_cleared AFTER UPDATE OF cleared_at ON audit_seals
WHEN NEW.cleared_at IS NOT NULL AND OLD.cleared_at IS NULL
BEGIN
  DELETE FROM audit_log
  WHERE id IN (SELECT value ->> 0 FROM json_each(NEW.guide)) AND action <> 'role.define';
  UPDATE audit_seals SET guide = NULL WHERE number = NEW.number;
END;

-- Stretches whose entries are in their files alone, as a backup goes through them.
CREATE INDEX audit_seals_cleared ON audit_seals (number, archived_as) WHERE cleared_at IS NOT NULL;
