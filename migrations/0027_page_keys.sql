-- Keys of assertions to the origin of pages: a third use.

CREATE TABLE token_keys_with_pages (
  kid TEXT PRIMARY KEY,
  use TEXT NOT NULL CHECK (use IN ('member', 'visitor', 'page')),
  sealed_by TEXT NOT NULL,
  public_jwk TEXT NOT NULL CHECK (json_valid(public_jwk)),
  private_jwk TEXT NOT NULL,
  signs_from INTEGER NOT NULL,
  signs_until INTEGER NOT NULL,
  tokens_until INTEGER NOT NULL DEFAULT 0,
  UNIQUE (use, sealed_by, signs_until)
) STRICT, WITHOUT ROWID;

INSERT INTO token_keys_with_pages
  (kid, use, sealed_by, public_jwk, private_jwk, signs_from, signs_until, tokens_until)
SELECT kid, use, sealed_by, public_jwk, private_jwk, signs_from, signs_until, tokens_until
FROM token_keys;

DROP TABLE token_keys;
ALTER TABLE token_keys_with_pages RENAME TO token_keys;
