-- What has changed, in the order in which it was committed, for whoever follows the site from outside.
-- It holds ids, names of fields and revisions only, so nothing in it has to be erased with a member.
-- A position is one more than the greatest there is; the newest row is never deleted, so none is given
-- twice. AUTOINCREMENT would give the same for a row more that is written with every change.
CREATE TABLE feed (
  position INTEGER NOT NULL PRIMARY KEY,
  id TEXT NOT NULL,
  type TEXT NOT NULL,
  at TEXT NOT NULL,
  subject TEXT NOT NULL,
  -- What the subject is at after the change; NULL for what has none, or is gone.
  revision INTEGER,
  fields TEXT NOT NULL CHECK (json_valid(fields)),
  about TEXT NOT NULL CHECK (json_valid(about))
) STRICT;

CREATE TRIGGER feed_keeps_its_newest BEFORE DELETE ON feed
WHEN OLD.position = (SELECT max(position) FROM feed)
BEGIN
  SELECT RAISE(IGNORE);
END;

-- What an object reports may be reported again until the object knows that it is here.
CREATE UNIQUE INDEX feed_of_objects ON feed (id) WHERE type = 'visit.milestone';

-- Every row of the log is an event, so no change can forget to make one. Left out are what changes
-- nothing, and what people do at the login, which concerns them and the admins only; src/db/actions.ts
-- has the same list.
CREATE TRIGGER feed_follows_the_log AFTER INSERT ON audit_log
WHEN NEW.action NOT IN ('profile.read', 'profile.export', 'password.update', 'password.refuse',
  'passkey.create', 'passkey.delete', 'session.delete', 'session.end', 'calendar-feed.create',
  'calendar-feed.delete', 'webhook.ping', 'webhook.replay', 'stores.reconcile')
BEGIN
  INSERT INTO feed (id, type, at, subject, revision, fields, about) VALUES (
    'evt_' || substr(NEW.id, 5), NEW.action, NEW.at, NEW.target,
    CASE iif(NEW.action GLOB '*.delete', 'gone', substr(NEW.target, 1, 4))
      WHEN 'gone' THEN NULL
      WHEN 'usr_' THEN (SELECT revision FROM users WHERE id = NEW.target)
      -- A claim is logged before it is made.
      WHEN 'bkg_' THEN (SELECT revision FROM bookings WHERE id = NEW.target)
        + (NEW.action = 'booking.claim')
      WHEN 'bdg_' THEN (SELECT revision FROM badges WHERE id = NEW.target)
      WHEN 'rul_' THEN (SELECT revision FROM badge_rules WHERE id = NEW.target)
      WHEN 'svc_' THEN (SELECT revision FROM services WHERE id = NEW.target)
      WHEN 'key_' THEN (SELECT revision FROM api_keys WHERE id = NEW.target)
      WHEN 'pgr_' THEN (SELECT revision FROM page_rules WHERE id = NEW.target)
      ELSE (SELECT revision FROM roles WHERE name = NEW.target)
    END,
    -- Of values the names; where the log itself has only names, those.
    (SELECT json_group_array(name) FROM (
      SELECT key AS name FROM json_each(NEW.changes)
      WHERE key NOT IN ('fields', 'role', 'job') AND key NOT GLOB '*Id'
      UNION SELECT value FROM json_each(NEW.changes, '$.fields'))),
    -- Of values only those that name something: ids, roles and jobs.
    (SELECT json_group_object(key, value) FROM json_each(NEW.changes)
      WHERE key IN ('role', 'job') OR (key GLOB '*Id' AND value GLOB '[a-z][a-z][a-z]_[0-7]*')));
END;

-- Of jobs what somebody asked for, and what failed.
CREATE TRIGGER feed_follows_the_ledger AFTER UPDATE OF status ON job_runs
WHEN NEW.status <> OLD.status
  AND (NEW.status = 'failed' OR (NEW.status = 'succeeded' AND NEW.requested_by <> 'cron'))
BEGIN
  INSERT INTO feed (id, type, at, subject, revision, fields, about) VALUES (
    'evt_' || substr(NEW.id, 5), iif(NEW.status = 'failed', 'job.fail', 'job.succeed'),
    NEW.finished_at, NEW.id, NULL, '["status"]', json_object('job', NEW.job));
END;

-- The last position that is forgotten.
INSERT INTO site (key, value) VALUES ('feed_forgotten', '0');
