-- Every page of bookings is read in the order of an index, by whatever it is filtered, so that it costs as
-- much with a million rows as with a thousand. A page of any status merges one of each.
DROP INDEX bookings_by_owner;
DROP INDEX bookings_by_service;
CREATE INDEX bookings_by_owner ON bookings (owner, status, id);
CREATE INDEX bookings_by_service ON bookings (service_id, status, id);
CREATE INDEX bookings_by_owner_and_service ON bookings (owner, service_id, status, id);
CREATE INDEX bookings_by_start ON bookings (status, starts_at, id);
CREATE INDEX bookings_by_owner_and_start ON bookings (owner, status, starts_at, id);
CREATE INDEX bookings_by_service_and_start ON bookings (service_id, status, starts_at, id);
CREATE INDEX bookings_by_owner_service_and_start
  ON bookings (owner, service_id, status, starts_at, id);
