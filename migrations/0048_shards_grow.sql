-- Visit shards may become more and never fewer: members keep the shard that they were made with, and new
-- ones get one of those that were added last (`visit_shards_from` on).
CREATE TRIGGER visit_shards_never_shrink BEFORE UPDATE ON site
WHEN OLD.key = 'visit_shards' AND (NEW.key <> OLD.key
  OR CAST(NEW.value AS INTEGER) NOT BETWEEN CAST(OLD.value AS INTEGER) AND 1024)
BEGIN
  SELECT RAISE(ABORT, 'visit shards never become fewer');
END;

CREATE TRIGGER visit_shards_never_go BEFORE DELETE ON site
WHEN OLD.key = 'visit_shards' AND EXISTS (SELECT 1 FROM users)
BEGIN
  SELECT RAISE(ABORT, 'visit shards never become fewer');
END;
