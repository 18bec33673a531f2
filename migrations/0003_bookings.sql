-- Services, their slots, and bookings of them.

CREATE TABLE services (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  time_zone TEXT NOT NULL,
  auto_confirm INTEGER NOT NULL CHECK (auto_confirm IN (0, 1)),
  cancel_until_minutes INTEGER NOT NULL CHECK (cancel_until_minutes >= 0),
  hold_minutes INTEGER CHECK (hold_minutes >= 1),
  revision INTEGER NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE slots (
  id TEXT PRIMARY KEY,
  service_id TEXT NOT NULL REFERENCES services (id),
  starts_at TEXT NOT NULL,
  ends_at TEXT NOT NULL,
  capacity INTEGER NOT NULL CHECK (capacity >= 1),
  created_at TEXT NOT NULL,
  CHECK (ends_at > starts_at)
) STRICT, WITHOUT ROWID;
CREATE INDEX slots_by_service ON slots (service_id, starts_at);

-- A booking keeps what it was for, so that a slot can be deleted and the record stays.
CREATE TABLE bookings (
  id TEXT PRIMARY KEY,
  service_id TEXT NOT NULL,
  slot_id TEXT NOT NULL,
  starts_at TEXT NOT NULL,
  ends_at TEXT NOT NULL,
  owner TEXT NOT NULL,
  booked_by TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('pending', 'confirmed', 'declined', 'canceled')),
  hold_until TEXT,
  note TEXT,
  contact TEXT CHECK (contact IS NULL OR json_valid(contact)),
  confirmed_by TEXT,
  reason TEXT,
  revision INTEGER NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX bookings_by_slot ON bookings (slot_id, status);
CREATE INDEX bookings_by_owner ON bookings (owner, id);
CREATE INDEX bookings_on_hold ON bookings (id) WHERE status = 'pending' AND hold_until IS NOT NULL;

-- What happened and has not been handled yet; written with what happened, deleted when handled.
CREATE TABLE events (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('booking-created', 'member-reinstated')),
  subject TEXT NOT NULL,
  created_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
