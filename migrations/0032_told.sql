-- Who has booked is told what has become of it, by mail. What there is to tell is noted by whatever
-- changes the state of a booking, an earlier version in between included, in the transaction of the change.
CREATE TABLE booking_notices (
  booking_id TEXT NOT NULL,
  -- That of the booking after the change, so that nothing is told twice.
  revision INTEGER NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('pending', 'confirmed', 'declined', 'canceled')),
  created_at TEXT NOT NULL,
  -- From when on it may be sent; NULL once nothing is left to do.
  due_at TEXT,
  attempts INTEGER NOT NULL DEFAULT 0,
  -- What came of it; NULL as long as nobody has tried.
  outcome TEXT,
  -- A keyed hash of the network the booking came from, until nothing is left to do.
  network TEXT CHECK (network IS NULL OR due_at IS NOT NULL),
  PRIMARY KEY (booking_id, revision)
) STRICT, WITHOUT ROWID;
CREATE INDEX booking_notices_due ON booking_notices (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX booking_notices_by_age ON booking_notices (created_at);

-- What is over when it is changed interests nobody any more.
CREATE TRIGGER bookings_made_are_told AFTER INSERT ON bookings WHEN new.ends_at > new.updated_at
BEGIN
  INSERT INTO booking_notices (booking_id, revision, status, created_at, due_at, network)
  VALUES (new.id, new.revision, new.status, new.updated_at, new.updated_at, new.network);
END;
CREATE TRIGGER bookings_changed_are_told AFTER UPDATE OF status ON bookings
WHEN new.status <> old.status AND new.ends_at > new.updated_at
BEGIN
  INSERT INTO booking_notices (booking_id, revision, status, created_at, due_at, network)
  VALUES (new.id, new.revision, new.status, new.updated_at, new.updated_at,
    coalesce(new.network, old.network));
END;

-- Addresses that get no mail about bookings any more, as keyed hashes.
CREATE TABLE mail_suppressions (
  address_hash TEXT PRIMARY KEY,
  -- Whether whoever reads it has said so, or the mail service has refused it for good.
  reason TEXT NOT NULL CHECK (reason IN ('ended', 'refused')),
  created_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- How many mails have gone, on a day (UTC), to an address that nobody has confirmed, and because of a network.
CREATE TABLE mail_counts (
  day TEXT NOT NULL,
  -- `address` or `network` and a keyed hash.
  subject TEXT NOT NULL,
  mails INTEGER NOT NULL,
  PRIMARY KEY (day, subject)
) STRICT, WITHOUT ROWID;

-- Whether the member wants mail about bookings.
ALTER TABLE users ADD COLUMN booking_mails INTEGER NOT NULL DEFAULT 1 CHECK (booking_mails IN (0, 1));
