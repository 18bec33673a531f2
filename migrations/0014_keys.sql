-- API keys: no names of them in the audit log.

-- What a key is called and where it may be used from can say who uses it, and the log is never erased:
-- of the values that are there only the fields stay named, as in new rows.
DROP TRIGGER audit_log_is_never_changed;
UPDATE audit_log SET changes = json_set(
  json_remove(changes, '$.name', CASE json_type(changes, '$.allowedIps')
    WHEN 'null' THEN '$.name' ELSE '$.allowedIps' END),
  '$.fields',
  (SELECT json_group_array(key) FROM json_each(audit_log.changes)
    WHERE key IN ('name', 'allowedIps') AND type <> 'null')
)
WHERE action IN ('api-key.create', 'api-key.update')
  AND (json_type(changes, '$.name') <> 'null' OR json_type(changes, '$.allowedIps') <> 'null');
CREATE TRIGGER audit_log_is_never_changed BEFORE UPDATE ON audit_log
BEGIN
  SELECT RAISE(ABORT, 'the audit log is append-only');
END;
