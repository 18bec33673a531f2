-- What an issuer has told of its subjects: that somebody signed out there, or an event (RFC 8417). There is one
-- row for each, so that none is taken twice; whom it is about is in it until it has been followed up. Times are
-- milliseconds since the epoch where the column is a number.
CREATE TABLE signals (
  id TEXT PRIMARY KEY,
  issuer TEXT NOT NULL,
  kind TEXT NOT NULL,
  action TEXT NOT NULL CHECK (action IN ('nothing', 'end-sessions', 'suspend')),
  subject TEXT,
  sid TEXT,
  happened_at INTEGER NOT NULL,
  issued_until INTEGER NOT NULL,
  received_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX signals_by_age ON signals (received_at);

-- Until when tokens of an identity were issued that are good no more: all of them (`sid` is empty), or those of
-- one session at the issuer, and those that do not say of which session they are. The identity is a hash, for it
-- may never have been here.
CREATE TABLE session_ends (
  identity_hash TEXT NOT NULL,
  issued_until INTEGER NOT NULL,
  sid TEXT NOT NULL,
  PRIMARY KEY (identity_hash, issued_until, sid)
) STRICT, WITHOUT ROWID;
CREATE INDEX session_ends_by_age ON session_ends (issued_until);
