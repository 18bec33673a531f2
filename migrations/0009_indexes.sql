-- Indexes for what managers look for, and for what the jobs forget, so that nothing reads a whole table.

-- Between indexes that promise as much, SQLite takes the one that was made last. So these are in order: whose a
-- booking is narrows it down the most, then its service, then its status.
CREATE INDEX bookings_by_status ON bookings (status, id);
CREATE INDEX bookings_by_service ON bookings (service_id, id);
DROP INDEX bookings_by_owner;
CREATE INDEX bookings_by_owner ON bookings (owner, id);

-- Pending bookings without a hold pile up; with the status in front, those are passed over.
DROP INDEX bookings_on_hold;
CREATE INDEX bookings_on_hold ON bookings (status, id)
  WHERE status = 'pending' AND hold_until IS NOT NULL;

CREATE INDEX audit_log_by_action ON audit_log (action, id);

CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
CREATE INDEX auth_tickets_by_expiry ON auth_tickets (expires_at);
CREATE INDEX auth_verifications_by_expiry ON auth_verifications (expires_at);
CREATE INDEX auth_attempts_by_end ON auth_attempts (ends_at);
