-- How many badges were given on each day of the site, taken away since or not. Written by the award itself, which
-- knows the site's zone; of those from before the day is that of UTC.
CREATE TABLE awards_by_day (
  day TEXT NOT NULL PRIMARY KEY,
  count INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO awards_by_day
SELECT substr(assigned_at, 1, 10), count(*) FROM badge_assignments GROUP BY substr(assigned_at, 1, 10);
