-- What the job forget-guests looks for at each tick, and nothing else: what members have left on their own
-- bookings, and where visitors came from whose booking is not over, were read each time.
CREATE INDEX bookings_of_guests_with_data ON bookings (ends_at)
  WHERE (contact IS NOT NULL OR note IS NOT NULL OR reason IS NOT NULL)
    AND (is_for_guest = 1 OR owner NOT GLOB 'usr_*');
DROP INDEX bookings_with_data;
CREATE INDEX bookings_with_network ON bookings (ends_at) WHERE network IS NOT NULL;

-- What tell-people gives up on: all notices of the last month were read each time.
CREATE INDEX booking_notices_waiting ON booking_notices (created_at) WHERE due_at IS NOT NULL;
