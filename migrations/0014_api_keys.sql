-- What programs of a user call with.
CREATE TABLE api_keys (
  id           TEXT PRIMARY KEY,
  user_id      INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  name         TEXT NOT NULL COLLATE NOCASE,
  -- How the latest secret begins and ends, for people to tell it by.
  prefix       TEXT NOT NULL,
  last_four    TEXT NOT NULL,
  scopes       TEXT NOT NULL CHECK (scopes IN ('["read"]', '["read","write"]')),
  created_at   TEXT NOT NULL,
  expires_at   TEXT,
  last_used_at TEXT,
  revoked_at   TEXT
) STRICT;

CREATE INDEX api_keys_of_user ON api_keys (user_id);
CREATE INDEX api_keys_by_expiry ON api_keys (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX api_keys_by_revocation ON api_keys (revoked_at) WHERE revoked_at IS NOT NULL;

-- What opens a key: one, and those it replaced until their time is up. Only hashes are kept.
CREATE TABLE api_key_secrets (
  hash       TEXT PRIMARY KEY,
  api_key_id TEXT NOT NULL REFERENCES api_keys (id) ON DELETE CASCADE,
  created_at TEXT NOT NULL,
  -- Null: it is the latest.
  expires_at TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX secrets_of_api_key ON api_key_secrets (api_key_id);
