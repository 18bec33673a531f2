-- Names are folded as they are written, which SQL cannot do, so a job folds those that are there. A site
-- without members has none.
INSERT INTO site (key, value)
SELECT 'name_keys', 'folded' WHERE NOT EXISTS (SELECT 1 FROM users);
