-- What was refused to a member or an API key, for seven days, so that whoever names a request can be told why.
-- It is the one thing that a refusal leaves; see docs/decisions/refusals-are-written-down.md.
CREATE TABLE refusals (
  request_id TEXT PRIMARY KEY,
  at TEXT NOT NULL,
  -- A member, or an API key.
  caller TEXT NOT NULL,
  method TEXT NOT NULL,
  -- The path as it is declared, without what was in it.
  route TEXT NOT NULL,
  status INTEGER NOT NULL,
  code TEXT NOT NULL,
  stage TEXT,
  required TEXT,
  reach TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX refusals_by_caller ON refusals (caller, at);
CREATE INDEX refusals_by_time ON refusals (at);

-- How much was refused, by day. `key_id` and `stage` are empty where there is none.
CREATE TABLE refusal_counts (
  key_id TEXT NOT NULL,
  day TEXT NOT NULL,
  code TEXT NOT NULL,
  stage TEXT NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (key_id, day, code, stage)
) STRICT, WITHOUT ROWID;
CREATE INDEX refusal_counts_by_day ON refusal_counts (day);
