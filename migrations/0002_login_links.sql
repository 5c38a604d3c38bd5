-- One-time logins: a phone hands its user over to the browser. Only the token's hash is kept.
CREATE TABLE session_tokens (
  token_hash TEXT PRIMARY KEY,
  user_id    INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  -- The session that asked; when it ends, so does the link.
  session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
  created_at TEXT NOT NULL,
  expires_at TEXT NOT NULL,
  used_at    TEXT,
  -- The session it became.
  used_by    TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX session_tokens_of_user ON session_tokens (user_id);
CREATE INDEX session_tokens_of_session ON session_tokens (session_id);
CREATE INDEX session_tokens_by_expiry ON session_tokens (expires_at);
