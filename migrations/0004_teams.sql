-- `email` or `username` is what was typed; `user_id` whom it means, as soon as that is known.
CREATE TABLE team_invites (
  id         TEXT PRIMARY KEY,
  project_id TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  inviter_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  email      TEXT,
  username   TEXT COLLATE NOCASE,
  user_id    INTEGER REFERENCES users (id) ON DELETE CASCADE,
  status     TEXT NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'accepted', 'declined', 'revoked')),
  created_at TEXT NOT NULL,
  expires_at TEXT NOT NULL,
  decided_at TEXT,
  CHECK ((email IS NULL) <> (username IS NULL))
) STRICT;

CREATE INDEX invites_of_project ON team_invites (project_id, status);
CREATE INDEX invites_of_user ON team_invites (user_id, status);
CREATE INDEX invites_of_inviter ON team_invites (inviter_id);
CREATE INDEX invites_of_email ON team_invites (email) WHERE status = 'pending';
