-- API keys: a checksum in their secrets that nobody else can compute, and no names of keys in the audit
-- log.

-- What that checksum is computed with. It is worth little: whoever has it can make texts that look like
-- keys, and none that is one. So it is not encrypted, and goes on whatever happens to AUTH_SECRET.
INSERT INTO site (key, value) VALUES ('key_checksums', lower(hex(randomblob(32))));

-- Keys from before, and those that the former version issues until it is replaced, have none. Each Worker
-- knows which they are, so that no other such key reaches an object.
ALTER TABLE api_keys ADD COLUMN is_keyed INTEGER NOT NULL DEFAULT 0 CHECK (is_keyed IN (0, 1));
CREATE INDEX api_keys_unkeyed ON api_keys (id) WHERE is_keyed = 0 AND revoked_at IS NULL;

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
