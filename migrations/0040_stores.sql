-- The database and the objects are put back separately. The generation is what both were told they belong
-- to: it changes when either is put back, and in each site's database it is another one. With it ends what
-- was told of positions of the feed, which may be given again.
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
