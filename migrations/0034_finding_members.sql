-- Members are found by address, role and status, each page in the order of an index.
ALTER TABLE users ADD COLUMN suspension_reason TEXT;
CREATE INDEX users_by_status ON users (status, name_key, id);
-- Few members have one address, so whatever else is asked for is looked at in their rows.
CREATE INDEX users_by_email ON users (lower(email)) WHERE email IS NOT NULL;

-- A role repeats what its holders are sorted and found by, because an index is of one table.
ALTER TABLE user_roles ADD COLUMN name_key TEXT NOT NULL DEFAULT '';
ALTER TABLE user_roles ADD COLUMN status TEXT NOT NULL DEFAULT 'active'
  CHECK (status IN ('active', 'suspended'));
UPDATE user_roles SET (name_key, status) =
  (SELECT name_key, status FROM users WHERE users.id = user_roles.user_id);
CREATE INDEX user_roles_by_name ON user_roles (role, name_key, user_id);
CREATE INDEX user_roles_by_status ON user_roles (role, status, name_key, user_id);

CREATE TRIGGER user_roles_begin AFTER INSERT ON user_roles
BEGIN
  UPDATE user_roles SET (name_key, status) =
    (SELECT name_key, status FROM users WHERE users.id = NEW.user_id)
  WHERE user_id = NEW.user_id AND role = NEW.role
    AND EXISTS (SELECT 1 FROM users WHERE users.id = NEW.user_id);
END;

CREATE TRIGGER user_roles_follow AFTER UPDATE OF name_key, status ON users
WHEN NEW.name_key <> OLD.name_key OR NEW.status <> OLD.status
BEGIN
  UPDATE user_roles SET name_key = NEW.name_key, status = NEW.status WHERE user_id = NEW.id;
END;
