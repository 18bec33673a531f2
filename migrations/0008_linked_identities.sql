-- Members with several identities. What leaves its member, by deletion or by unlinking, and comes
-- back must not be made an admin by BOOTSTRAP_ADMINS a second time.
ALTER TABLE erased_identities
  ADD COLUMN bootstrapped INTEGER NOT NULL DEFAULT 0 CHECK (bootstrapped IN (0, 1));
