-- Secret addresses that calendar programs read bookings at: all of a member's, all of a service, or the one
-- that a mail was about. They may read that and nothing else.
CREATE TABLE calendar_feeds (
  -- SHA-256 of the secret.
  secret_hash TEXT PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('member', 'service', 'booking')),
  -- Whose rights it hangs on; NULL for a booking of somebody who has no account.
  user_id TEXT,
  service_id TEXT CHECK ((service_id IS NOT NULL) = (kind = 'service')),
  booking_id TEXT CHECK ((booking_id IS NOT NULL) = (kind = 'booking')),
  created_at TEXT NOT NULL,
  CHECK (user_id IS NOT NULL OR kind = 'booking')
) STRICT, WITHOUT ROWID;
CREATE INDEX calendar_feeds_by_user ON calendar_feeds (user_id, kind, service_id)
  WHERE user_id IS NOT NULL;
CREATE INDEX calendar_feeds_by_service ON calendar_feeds (service_id) WHERE service_id IS NOT NULL;
CREATE INDEX calendar_feeds_by_booking ON calendar_feeds (booking_id) WHERE booking_id IS NOT NULL;
