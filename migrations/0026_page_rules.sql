-- Rules about pages, of which the first by position that matches a path decides about it. `path_key` is
-- the pattern in the form in which it is compared, so that no two rules are about the same paths.
CREATE TABLE page_rules (
  id TEXT PRIMARY KEY,
  path TEXT NOT NULL,
  path_key TEXT NOT NULL UNIQUE,
  -- JSON: a word, or an object that names a permission or a badge.
  access TEXT NOT NULL CHECK (json_valid(access)),
  on_unauthenticated TEXT NOT NULL CHECK (on_unauthenticated IN ('sign-in', '401', '404')),
  sign_in_path TEXT,
  forbidden_path TEXT,
  web_socket INTEGER NOT NULL CHECK (web_socket IN (0, 1)),
  position INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  -- A badge that opens a page stays as long as the rule does.
  badge_id TEXT GENERATED ALWAYS AS (access ->> 'badge') STORED REFERENCES badges (id)
) STRICT, WITHOUT ROWID;
CREATE INDEX page_rules_by_badge ON page_rules (badge_id) WHERE badge_id IS NOT NULL;
