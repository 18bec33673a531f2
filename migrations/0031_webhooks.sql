-- Where partners are told what happens. What an endpoint has been told and has still to be told is in
-- its own object, which reads this row before every attempt.
CREATE TABLE webhooks (
  id TEXT PRIMARY KEY,
  url TEXT NOT NULL,
  -- JSON array of types of events; NULL for all.
  types TEXT CHECK (types IS NULL OR json_valid(types)),
  created_by TEXT NOT NULL,
  enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),
  disabled_because TEXT CHECK (disabled_because IN ('asked', 'failing', 'gone', 'secret', 'address')),
  disabled_at TEXT,
  -- JSON array of secrets, the current one first, each sealed, with the name of what it is sealed with
  -- and until when it also signs (milliseconds; null for the current one).
  secrets TEXT NOT NULL CHECK (json_valid(secrets)),
  -- By which name the site was reached when the address was given: it is not told there.
  site_host TEXT,
  -- The last position of the feed that it is not told.
  since INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  CHECK ((enabled = 1) = (disabled_because IS NULL))
) STRICT, WITHOUT ROWID;
