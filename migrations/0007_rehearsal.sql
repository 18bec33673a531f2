-- Where statements that are rehearsed leave their results, inside a transaction that is rolled back.

-- Always empty: `never` refers to a row that cannot exist, which is found out at the commit, so a
-- transaction with a row in here cannot end well, whatever else is in it.
CREATE TABLE rehearsal (
  seq INTEGER PRIMARY KEY NOT NULL CHECK (seq > 0),
  -- Position of the statement in its batch; null for the end.
  step INTEGER,
  result TEXT NOT NULL,
  never INTEGER NOT NULL DEFAULT 0 CHECK (never = 0)
    REFERENCES rehearsal (seq) DEFERRABLE INITIALLY DEFERRED
) STRICT;

-- The end: everything is undone, and the results leave as the message of the failure.
CREATE TRIGGER rehearsal_ends BEFORE INSERT ON rehearsal WHEN NEW.step IS NULL
BEGIN
  SELECT RAISE(ABORT, NEW.result);
END;
