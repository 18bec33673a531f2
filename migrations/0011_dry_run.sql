-- A dry run (of a request, for POST /v1/explain) keeps what its statements answer in here, inside a
-- transaction that is rolled back. The table had another name; it is always empty, so it is made anew.

DROP TABLE rehearsal;

-- Always empty: `never` refers to a row that cannot exist, which is found out at the commit, so a
-- transaction with a row in here cannot end well, whatever else is in it.
CREATE TABLE dry_run (
  seq INTEGER PRIMARY KEY NOT NULL CHECK (seq > 0),
  -- Position of the statement in its batch; null for the end.
  step INTEGER,
  result TEXT NOT NULL,
  never INTEGER NOT NULL DEFAULT 0 CHECK (never = 0)
    REFERENCES dry_run (seq) DEFERRABLE INITIALLY DEFERRED
) STRICT;

-- The end: everything is undone, and the results leave as the message of the failure.
CREATE TRIGGER dry_run_ends BEFORE INSERT ON dry_run WHEN NEW.step IS NULL
BEGIN
  SELECT RAISE(ABORT, NEW.result);
END;
