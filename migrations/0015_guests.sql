-- Bookings of guests: whom a booking is for, what it was agreed on, and how many one visitor may have.

-- What was agreed on when it was booked, so that nothing of it hangs on a service that may change or go.
ALTER TABLE bookings ADD COLUMN service_name TEXT;
ALTER TABLE bookings ADD COLUMN cancel_until_minutes INTEGER CHECK (cancel_until_minutes >= 0);
-- Whether somebody with reach any booked it for whoever is named in `contact`.
ALTER TABLE bookings ADD COLUMN is_for_guest INTEGER NOT NULL DEFAULT 0 CHECK (is_for_guest IN (0, 1));
-- What people in a slot are told apart by. It comes and goes with the contact.
ALTER TABLE bookings ADD COLUMN guest_email TEXT CHECK (guest_email IS NULL OR contact IS NOT NULL);
ALTER TABLE bookings ADD COLUMN guest_phone TEXT CHECK (guest_phone IS NULL OR contact IS NOT NULL);
-- A keyed hash of the network a visitor booked from. It goes when the booking ends.
ALTER TABLE bookings ADD COLUMN network TEXT
  CHECK (network IS NULL OR status IN ('pending', 'confirmed'));

-- The name of a service that has gone is in the audit log, where names of services are kept.
UPDATE bookings SET
  service_name = coalesce(
    (SELECT name FROM services WHERE services.id = bookings.service_id),
    (SELECT changes ->> '$.name' FROM audit_log
      WHERE target = bookings.service_id AND action IN ('service.create', 'service.update')
        AND changes ->> '$.name' IS NOT NULL
      ORDER BY id DESC LIMIT 1)),
  cancel_until_minutes = coalesce(
    (SELECT cancel_until_minutes FROM services WHERE services.id = bookings.service_id), 0),
  is_for_guest = iif(contact IS NOT NULL AND owner LIKE 'key!_%' ESCAPE '!', 1, 0),
  guest_email = lower(contact ->> '$.email'),
  guest_phone = contact ->> '$.phone';

-- Whoever writes a booking, an earlier version in between included, it has its terms.
CREATE TRIGGER bookings_have_terms AFTER INSERT ON bookings
WHEN new.service_name IS NULL OR new.cancel_until_minutes IS NULL
BEGIN
  UPDATE bookings SET
    service_name = coalesce(new.service_name,
      (SELECT name FROM services WHERE services.id = new.service_id)),
    cancel_until_minutes = coalesce(new.cancel_until_minutes,
      (SELECT cancel_until_minutes FROM services WHERE services.id = new.service_id), 0)
  WHERE id = new.id;
END;

-- Pending bookings end: with their hold, or when what they are of begins.
DROP INDEX bookings_on_hold;
CREATE INDEX bookings_unanswered ON bookings (status, coalesce(hold_until, starts_at))
  WHERE status = 'pending';
-- What a visitor and a network hold.
CREATE INDEX bookings_by_booker ON bookings (booked_by, ends_at) WHERE status IN ('pending', 'confirmed');
CREATE INDEX bookings_by_network ON bookings (network, ends_at) WHERE network IS NOT NULL;
-- Whose personal data is old enough to be forgotten.
CREATE INDEX bookings_with_data ON bookings (ends_at)
  WHERE contact IS NOT NULL OR note IS NOT NULL OR reason IS NOT NULL;

-- Networks are hashed with it, so that nobody can tell one by trying all there are.
INSERT INTO site (key, value) VALUES ('network_key', lower(hex(randomblob(32))));
