-- The built-in login: accounts, their sessions, what was mailed, and the keys that sign tokens.
-- Columns of the first five tables are what better-auth asks for. Times are RFC 3339 UTC.

-- Whoever has a row here has read mail sent to that address: nobody waits under somebody else's.
CREATE TABLE auth_users (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  email TEXT NOT NULL UNIQUE CHECK (email = lower(email)),
  email_verified INTEGER NOT NULL CHECK (email_verified = 1),
  image TEXT,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE auth_sessions (
  id TEXT PRIMARY KEY,
  token TEXT NOT NULL UNIQUE,
  user_id TEXT NOT NULL REFERENCES auth_users (id),
  expires_at TEXT NOT NULL,
  ip_address TEXT,
  user_agent TEXT,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX auth_sessions_by_user ON auth_sessions (user_id);
CREATE INDEX auth_sessions_by_expiry ON auth_sessions (expires_at);

-- Ways to sign in that are not passkeys: a password (provider_id 'credential') or a social provider.
CREATE TABLE auth_accounts (
  id TEXT PRIMARY KEY,
  account_id TEXT NOT NULL,
  provider_id TEXT NOT NULL,
  user_id TEXT NOT NULL REFERENCES auth_users (id),
  access_token TEXT,
  refresh_token TEXT,
  id_token TEXT,
  access_token_expires_at TEXT,
  refresh_token_expires_at TEXT,
  scope TEXT,
  password TEXT,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  UNIQUE (provider_id, account_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX auth_accounts_by_user ON auth_accounts (user_id);

-- Challenges of a passkey or a social sign-in under way.
CREATE TABLE auth_verifications (
  id TEXT PRIMARY KEY,
  identifier TEXT NOT NULL,
  value TEXT NOT NULL,
  expires_at TEXT NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX auth_verifications_by_identifier ON auth_verifications (identifier);

CREATE TABLE auth_passkeys (
  id TEXT PRIMARY KEY,
  name TEXT,
  public_key TEXT NOT NULL,
  user_id TEXT NOT NULL REFERENCES auth_users (id),
  credential_id TEXT NOT NULL UNIQUE,
  counter INTEGER NOT NULL,
  device_type TEXT NOT NULL,
  backed_up INTEGER NOT NULL CHECK (backed_up IN (0, 1)),
  transports TEXT,
  created_at TEXT,
  aaguid TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX auth_passkeys_by_user ON auth_passkeys (user_id);

-- Links that were mailed, each good once. Only a hash of the secret in the link is kept.
CREATE TABLE auth_tickets (
  secret_hash TEXT PRIMARY KEY,
  purpose TEXT NOT NULL CHECK (purpose IN ('sign-up', 'reset', 'change-email')),
  email TEXT NOT NULL,
  name TEXT,
  user_id TEXT REFERENCES auth_users (id),
  expires_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX auth_tickets_by_user ON auth_tickets (user_id);

-- How often somebody tried, by a hash of the account or address. Milliseconds since the epoch.
CREATE TABLE auth_attempts (
  subject TEXT PRIMARY KEY,
  attempts INTEGER NOT NULL,
  ends_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Keys of the tokens this site issues. The private half is encrypted with AUTH_SECRET.
CREATE TABLE signing_keys (
  kid TEXT PRIMARY KEY,
  public_jwk TEXT NOT NULL CHECK (json_valid(public_jwk)),
  private_jwk TEXT NOT NULL,
  signs_from INTEGER NOT NULL,
  signs_until INTEGER NOT NULL UNIQUE
) STRICT, WITHOUT ROWID;
