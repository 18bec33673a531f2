-- Keys of the tokens this site issues, to members and to visitors, in one table.

-- `sealed_by` says which secret the private half is encrypted with: a short hash of it, 'nothing' for a
-- key that is not encrypted, 'unknown' for keys from before it was noted, which sign nothing any more.
CREATE TABLE token_keys (
  kid TEXT PRIMARY KEY,
  use TEXT NOT NULL CHECK (use IN ('member', 'visitor')),
  sealed_by TEXT NOT NULL,
  public_jwk TEXT NOT NULL CHECK (json_valid(public_jwk)),
  private_jwk TEXT NOT NULL,
  signs_from INTEGER NOT NULL,
  signs_until INTEGER NOT NULL,
  UNIQUE (use, sealed_by, signs_until)
) STRICT, WITHOUT ROWID;

INSERT INTO token_keys (kid, use, sealed_by, public_jwk, private_jwk, signs_from, signs_until)
SELECT kid, 'member', 'unknown', public_jwk, private_jwk, signs_from, signs_until FROM signing_keys;

DROP TABLE signing_keys;
