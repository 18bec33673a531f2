-- A link that was used is kept for its hour: whoever sends the form again, for the answer was lost, is
-- told that it is done.
ALTER TABLE auth_tickets ADD COLUMN is_used INTEGER NOT NULL DEFAULT 0 CHECK (is_used IN (0, 1));
