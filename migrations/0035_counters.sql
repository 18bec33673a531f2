-- What a site has of each kind, counted as it changes: whoever wants to know reads a few rows. Days are UTC.
CREATE TABLE counters (
  kind TEXT NOT NULL CHECK (kind IN ('members', 'joined', 'bookings', 'awards')),
  key TEXT NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;

INSERT INTO counters SELECT 'members', status, count(*) FROM users GROUP BY status;
INSERT INTO counters
SELECT 'joined', substr(created_at, 1, 10), count(*) FROM users GROUP BY substr(created_at, 1, 10);
INSERT INTO counters SELECT 'bookings', status, count(*) FROM bookings GROUP BY status;
INSERT INTO counters SELECT 'awards', 'held', count(*) FROM badge_assignments WHERE removed_at IS NULL;

CREATE TRIGGER users_counted AFTER INSERT ON users
BEGIN
  INSERT INTO counters VALUES ('members', NEW.status, 1)
  ON CONFLICT (kind, key) DO UPDATE SET count = count + 1;
  INSERT INTO counters VALUES ('joined', substr(NEW.created_at, 1, 10), 1)
  ON CONFLICT (kind, key) DO UPDATE SET count = count + 1;
END;

CREATE TRIGGER users_counted_anew AFTER UPDATE OF status ON users WHEN NEW.status <> OLD.status
BEGIN
  UPDATE counters SET count = count - 1 WHERE kind = 'members' AND key = OLD.status;
  INSERT INTO counters VALUES ('members', NEW.status, 1)
  ON CONFLICT (kind, key) DO UPDATE SET count = count + 1;
END;

-- Who joined on a day goes on having joined.
CREATE TRIGGER users_not_counted AFTER DELETE ON users
BEGIN
  UPDATE counters SET count = count - 1 WHERE kind = 'members' AND key = OLD.status;
END;

CREATE TRIGGER bookings_counted AFTER INSERT ON bookings
BEGIN
  INSERT INTO counters VALUES ('bookings', NEW.status, 1)
  ON CONFLICT (kind, key) DO UPDATE SET count = count + 1;
END;

CREATE TRIGGER bookings_counted_anew AFTER UPDATE OF status ON bookings WHEN NEW.status <> OLD.status
BEGIN
  UPDATE counters SET count = count - 1 WHERE kind = 'bookings' AND key = OLD.status;
  INSERT INTO counters VALUES ('bookings', NEW.status, 1)
  ON CONFLICT (kind, key) DO UPDATE SET count = count + 1;
END;

CREATE TRIGGER bookings_not_counted AFTER DELETE ON bookings
BEGIN
  UPDATE counters SET count = count - 1 WHERE kind = 'bookings' AND key = OLD.status;
END;

CREATE TRIGGER awards_counted AFTER INSERT ON badge_assignments WHEN NEW.removed_at IS NULL
BEGIN
  UPDATE counters SET count = count + 1 WHERE kind = 'awards' AND key = 'held';
END;

CREATE TRIGGER awards_counted_anew AFTER UPDATE OF removed_at ON badge_assignments
WHEN (NEW.removed_at IS NULL) <> (OLD.removed_at IS NULL)
BEGIN
  UPDATE counters SET count = count + iif(NEW.removed_at IS NULL, 1, -1)
  WHERE kind = 'awards' AND key = 'held';
END;

CREATE TRIGGER awards_not_counted AFTER DELETE ON badge_assignments WHEN OLD.removed_at IS NULL
BEGIN
  UPDATE counters SET count = count - 1 WHERE kind = 'awards' AND key = 'held';
END;
