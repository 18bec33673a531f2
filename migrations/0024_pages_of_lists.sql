-- Every page of a list is read in the order of an index, by whatever it is filtered, so that it costs as
-- much with a million rows as with a thousand. A page of bookings in any status merges one of each.
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

CREATE INDEX audit_log_by_actor_and_action ON audit_log (actor, action, id);
CREATE INDEX audit_log_by_target_and_action ON audit_log (target, action, id);
CREATE INDEX audit_log_by_target_and_actor ON audit_log (target, actor, id);

CREATE INDEX badges_by_position ON badges (position, id);
