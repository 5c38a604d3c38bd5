-- Ids are UUIDv7 text except users', which are integers from `sequences`, so that
-- a new user's id is known before the batch that creates it. Times are RFC 3339
-- UTC text with milliseconds: they compare as they sort.

CREATE TABLE sequences (
  name  TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Inserting here aborts the whole batch with the inserted code: the way a
-- statement refuses what its batch would otherwise do.
CREATE TABLE refusals (
  code TEXT NOT NULL
) STRICT;

CREATE TRIGGER refuse BEFORE INSERT ON refusals
BEGIN
  SELECT RAISE(ABORT, NEW.code);
END;

CREATE TABLE users (
  id            INTEGER PRIMARY KEY,
  email         TEXT NOT NULL UNIQUE,
  username      TEXT UNIQUE COLLATE NOCASE,
  password_hash TEXT NOT NULL,
  display_name  TEXT,
  avatar_url    TEXT,
  preferences   TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(preferences)),
  tier          TEXT NOT NULL DEFAULT 'free' CHECK (tier IN ('free', 'pro', 'premium')),
  status        TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended')),
  created_at    TEXT NOT NULL,
  updated_at    TEXT NOT NULL
) STRICT;

CREATE TABLE sessions (
  id           TEXT PRIMARY KEY,
  user_id      INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  device       TEXT NOT NULL,
  device_name  TEXT,
  platform     TEXT,
  user_agent   TEXT NOT NULL,
  ip_address   TEXT NOT NULL,
  suspicious   INTEGER NOT NULL DEFAULT 0 CHECK (suspicious IN (0, 1)),
  refresh_hash TEXT NOT NULL,
  parent_hash  TEXT,
  rotated_at   TEXT NOT NULL,
  created_at   TEXT NOT NULL,
  last_seen_at TEXT NOT NULL,
  expires_at   TEXT NOT NULL,
  revoked_at   TEXT
) STRICT;

CREATE INDEX sessions_of_user ON sessions (user_id, device);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

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

CREATE TABLE login_attempts (
  key          TEXT PRIMARY KEY,
  failures     INTEGER NOT NULL,
  last_attempt TEXT NOT NULL,
  last_at      TEXT NOT NULL,
  locked_until TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX login_attempts_by_age ON login_attempts (last_at);

CREATE TABLE projects (
  id          TEXT PRIMARY KEY,
  owner_id    INTEGER NOT NULL REFERENCES users (id),
  name        TEXT NOT NULL,
  description TEXT,
  created_at  TEXT NOT NULL,
  updated_at  TEXT NOT NULL
) STRICT;

CREATE INDEX projects_of_owner ON projects (owner_id);

CREATE TABLE team_members (
  project_id TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  user_id    INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  role       TEXT NOT NULL CHECK (role IN ('owner', 'member')),
  joined_at  TEXT NOT NULL,
  PRIMARY KEY (project_id, user_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX memberships_of_user ON team_members (user_id, project_id, role);

CREATE TABLE project_favorites (
  user_id    INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  project_id TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  created_at TEXT NOT NULL,
  PRIMARY KEY (user_id, project_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX favorites_of_project ON project_favorites (project_id);

CREATE TABLE project_tags (
  id         TEXT PRIMARY KEY,
  project_id TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  name       TEXT NOT NULL COLLATE NOCASE,
  color      TEXT,
  created_at TEXT NOT NULL,
  UNIQUE (project_id, name)
) STRICT;

-- What the provider says somebody has, as told by its events sorted by version.
CREATE TABLE subscriptions (
  subscription_id TEXT PRIMARY KEY,
  user_id         INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  tier            TEXT NOT NULL CHECK (tier IN ('pro', 'premium')),
  billing_cycle   TEXT NOT NULL CHECK (billing_cycle IN ('monthly', 'yearly')),
  status          TEXT NOT NULL CHECK (status IN ('active', 'past_due', 'canceled', 'paused', 'expired')),
  renews_at       TEXT,
  ends_at         TEXT,
  -- Until when it gives its tier; null: it does not.
  access_until    TEXT,
  -- Grows with every decision: one taken on an older state is refused.
  revision        INTEGER NOT NULL,
  created_at      TEXT NOT NULL,
  updated_at      TEXT NOT NULL
) STRICT;

CREATE INDEX subscriptions_of_user ON subscriptions (user_id);
CREATE INDEX subscriptions_by_access ON subscriptions (access_until) WHERE access_until IS NOT NULL;

-- The checkouts we opened. Who pays sends the reference back: it says whose the subscription is, once.
CREATE TABLE checkouts (
  reference       TEXT PRIMARY KEY,
  user_id         INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  tier            TEXT NOT NULL CHECK (tier IN ('pro', 'premium')),
  billing_cycle   TEXT NOT NULL CHECK (billing_cycle IN ('monthly', 'yearly')),
  created_at      TEXT NOT NULL,
  subscription_id TEXT UNIQUE
) STRICT, WITHOUT ROWID;

CREATE INDEX checkouts_of_user ON checkouts (user_id);
CREATE INDEX checkouts_unused ON checkouts (created_at) WHERE subscription_id IS NULL;

-- The inbox of everything the provider said, and the log of what came of it.
CREATE TABLE billing_events (
  id              TEXT PRIMARY KEY,
  -- 'webhook': it told us; 'api': we asked.
  source          TEXT NOT NULL CHECK (source IN ('webhook', 'api')),
  name            TEXT NOT NULL,
  webhook_id      TEXT UNIQUE,
  hash            TEXT NOT NULL UNIQUE,
  -- As it came, personal data included; gone 30 days later.
  body            TEXT,
  object_id       TEXT,
  subscription_id TEXT,
  -- What it says of the subscription, without personal data.
  snapshot        TEXT CHECK (json_valid(snapshot)),
  claimed_user    INTEGER,
  reference       TEXT,
  received_at     TEXT NOT NULL,
  outcome         TEXT CHECK (outcome IN ('applied', 'unchanged', 'recorded', 'ignored', 'refused')),
  reason          TEXT,
  processed_at    TEXT,
  attempts        INTEGER NOT NULL DEFAULT 0,
  failure         TEXT
) STRICT;

CREATE INDEX billing_events_of_subscription ON billing_events (subscription_id);
CREATE INDEX billing_events_with_body ON billing_events (received_at) WHERE body IS NOT NULL;

-- How far the comparison with the provider's list has come.
CREATE TABLE reconciliations (
  name      TEXT PRIMARY KEY,
  next_page INTEGER NOT NULL,
  due_at    TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The outbox, the audit log and the activity feed in one.
CREATE TABLE events (
  id           TEXT PRIMARY KEY,
  kind         TEXT NOT NULL,
  actor_id     INTEGER,
  project_id   TEXT,
  entity_id    TEXT NOT NULL,
  data         TEXT NOT NULL CHECK (json_valid(data)),
  ip_address   TEXT,
  request_id   TEXT NOT NULL,
  created_at   TEXT NOT NULL,
  delivered_at TEXT
) STRICT;

CREATE INDEX events_undelivered ON events (created_at) WHERE delivered_at IS NULL;
CREATE INDEX events_of_project ON events (project_id, id);

CREATE TABLE idempotency_keys (
  scope       TEXT NOT NULL,
  key         TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  status      INTEGER NOT NULL,
  answer      TEXT NOT NULL,
  created_at  TEXT NOT NULL,
  PRIMARY KEY (scope, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
