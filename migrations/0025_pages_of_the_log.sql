-- Every page of the audit log, by any two filters, and every page of badges is read in the order of an
-- index. The indexes of bookings are a migration before this one, because D1 gives each 30 s.
CREATE INDEX audit_log_by_actor_and_action ON audit_log (actor, action, id);
CREATE INDEX audit_log_by_target_and_action ON audit_log (target, action, id);
CREATE INDEX audit_log_by_target_and_actor ON audit_log (target, actor, id);
CREATE INDEX badges_by_position ON badges (position, id);
