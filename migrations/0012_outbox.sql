-- Everything that has to follow from a change, and that the change's own transaction cannot do, is an
-- event: telling the gates of API keys, too. So an event names keys, and kinds are the code's to know:
-- one that an older or newer version has written is left alone, and no longer refused by a CHECK.
-- No table refers to this one, and versions before this read and write it as they did.

CREATE TABLE outbox (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  -- What the act was on, as its audit row names it.
  subject TEXT NOT NULL,
  created_at TEXT NOT NULL,
  -- API keys whose gates have to be told.
  key_ids TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(key_ids))
) STRICT, WITHOUT ROWID;
INSERT INTO outbox (id, kind, subject, created_at) SELECT id, kind, subject, created_at FROM events;
-- Ids in the form of all others; when a role was deleted is not known.
INSERT INTO outbox (id, kind, subject, created_at, key_ids)
SELECT 'evt_0' || substr(lower(hex(randomblob(13))), 2), 'role-deleted', role,
  strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), key_ids
FROM role_deletions;
DELETE FROM role_deletions;
DROP TABLE events;
ALTER TABLE outbox RENAME TO events;
CREATE INDEX events_by_subject ON events (subject);

-- What the act was on whose answer is stored: events about it are followed up before it is sent again.
ALTER TABLE idempotency_keys ADD COLUMN target TEXT;
