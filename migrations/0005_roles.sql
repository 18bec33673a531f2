-- Roles that the site defines for itself.

-- What holders of a custom role may do: {"permission": "own" | "any"}. Built-in roles are code.
CREATE TABLE roles (
  name TEXT PRIMARY KEY,
  permissions TEXT NOT NULL CHECK (json_valid(permissions)),
  revision INTEGER NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Deleted roles whose former holders' API keys have gates that still have to be told.
CREATE TABLE role_deletions (
  role TEXT PRIMARY KEY,
  key_ids TEXT NOT NULL CHECK (json_valid(key_ids))
) STRICT, WITHOUT ROWID;
