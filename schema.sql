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
  updated_at    TEXT NOT NULL,
  -- Who runs this. Set from the deployment's configuration, never over the API.
  is_admin      INTEGER NOT NULL DEFAULT 0 CHECK (is_admin IN (0, 1))
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
  updated_at  TEXT NOT NULL,
  -- As tasks and comments have them. A project itself is known by its rowid, which nothing renumbers.
  slot        INTEGER GENERATED ALWAYS AS (('0x' || substr(id, 31)) ->> '$') VIRTUAL,
  scope       TEXT GENERATED ALWAYS AS (char(57344 + (slot >> 16), 57344 + (slot >> 8 & 255), 57344 + (slot & 255))) VIRTUAL
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
  delivered_at TEXT,
  task_id      TEXT
) STRICT;

CREATE INDEX events_undelivered ON events (created_at) WHERE delivered_at IS NULL;
CREATE INDEX events_of_project ON events (project_id, id);
CREATE INDEX events_of_task ON events (task_id, id) WHERE task_id IS NOT NULL;
CREATE INDEX events_of_actor ON events (actor_id, id);
CREATE INDEX events_of_entity ON events (entity_id, id);
CREATE INDEX events_of_kind ON events (kind, id);

-- What an event's link in the audit chain says. The event itself may be changed or gone: then that shows. `actor`,
-- `entity` and `data` are what was chained of it, without personal data.
CREATE TABLE audit_links (
  seq      INTEGER PRIMARY KEY,
  event_id TEXT NOT NULL UNIQUE,
  actor    TEXT,
  entity   TEXT NOT NULL,
  data     TEXT NOT NULL,
  hash     TEXT NOT NULL
) STRICT;

-- What shows which events are of a user. The salt goes with them, and then nothing does; that there was somebody stays.
CREATE TABLE audit_salts (
  user_id INTEGER PRIMARY KEY,
  salt    TEXT
) STRICT, WITHOUT ROWID;

CREATE TRIGGER users_salted AFTER INSERT ON users
BEGIN
  INSERT INTO audit_salts (user_id, salt) VALUES (NEW.id, lower(hex(randomblob(32))));
END;

CREATE TRIGGER users_erased AFTER DELETE ON users
BEGIN
  UPDATE audit_salts SET salt = NULL WHERE user_id = OLD.id;
END;

CREATE VIEW audit_log AS
  SELECT e.id, e.kind, e.actor_id, u.email AS actor_email, e.project_id, e.entity_id, e.data, e.ip_address, e.request_id,
         e.created_at, l.seq, l.hash
  FROM events e LEFT JOIN audit_links l ON l.event_id = e.id LEFT JOIN users u ON u.id = e.actor_id;

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

-- `n` is what the search index knows a row by. A trigger makes its upper 24 of 52 bits the project's `slot`,
-- so that what is in a project lies together, in the table and in the index, however large both grow. `scope`
-- is the slot as three private-use characters, which is one token to the index. Two projects may share a slot:
-- it makes looking quick, and the team decides who sees what.
CREATE TABLE tasks (
  n           INTEGER PRIMARY KEY,
  id          TEXT NOT NULL UNIQUE,
  project_id  TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  title       TEXT NOT NULL,
  description TEXT,
  status      TEXT NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'in_progress', 'blocked', 'done')),
  assignee_id INTEGER REFERENCES users (id) ON DELETE SET NULL,
  due_date    TEXT,
  created_by  INTEGER REFERENCES users (id) ON DELETE SET NULL,
  version     INTEGER NOT NULL DEFAULT 1,
  created_at  TEXT NOT NULL,
  updated_at  TEXT NOT NULL,
  slot        INTEGER GENERATED ALWAYS AS (('0x' || substr(project_id, 31)) ->> '$') VIRTUAL,
  scope       TEXT GENERATED ALWAYS AS (char(57344 + (slot >> 16), 57344 + (slot >> 8 & 255), 57344 + (slot & 255))) VIRTUAL
) STRICT;

CREATE INDEX tasks_of_project ON tasks (project_id, id);
CREATE INDEX tasks_by_status ON tasks (project_id, status);
CREATE INDEX tasks_by_due_date ON tasks (project_id, due_date);
CREATE INDEX tasks_by_update ON tasks (project_id, updated_at);
CREATE INDEX tasks_of_assignee ON tasks (assignee_id, project_id);
CREATE INDEX tasks_of_creator ON tasks (created_by);

CREATE TABLE task_labels (
  id         TEXT PRIMARY KEY,
  project_id TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  name       TEXT NOT NULL COLLATE NOCASE,
  color      TEXT,
  created_at TEXT NOT NULL,
  UNIQUE (project_id, name)
) STRICT;

CREATE TABLE task_label_links (
  task_id  TEXT NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
  label_id TEXT NOT NULL REFERENCES task_labels (id) ON DELETE CASCADE,
  PRIMARY KEY (task_id, label_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX tasks_of_label ON task_label_links (label_id);

CREATE TABLE task_dependencies (
  task_id            TEXT NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
  depends_on_task_id TEXT NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
  created_at         TEXT NOT NULL,
  PRIMARY KEY (task_id, depends_on_task_id),
  CHECK (task_id <> depends_on_task_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX dependents_of_task ON task_dependencies (depends_on_task_id);


-- `entity_id` is a project's id, a task's, or a path in the code; `task_id` is the task again, for as long as it is there.
-- What is deleted while it has replies stays as a tombstone without its body; so replies need no cascade, which
-- the depth of a thread would break: D1 nests ten.
CREATE TABLE comments (
  n           INTEGER PRIMARY KEY,
  id          TEXT NOT NULL UNIQUE,
  project_id  TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  parent_id   TEXT REFERENCES comments (id),
  entity_type TEXT NOT NULL CHECK (entity_type IN ('project', 'task', 'code')),
  entity_id   TEXT NOT NULL,
  task_id     TEXT REFERENCES tasks (id) ON DELETE CASCADE,
  author_id   INTEGER REFERENCES users (id) ON DELETE SET NULL,
  body        TEXT NOT NULL,
  version     INTEGER NOT NULL DEFAULT 1,
  created_at  TEXT NOT NULL,
  updated_at  TEXT NOT NULL,
  deleted_at  TEXT,
  slot        INTEGER GENERATED ALWAYS AS (('0x' || substr(project_id, 31)) ->> '$') VIRTUAL,
  scope       TEXT GENERATED ALWAYS AS (char(57344 + (slot >> 16), 57344 + (slot >> 8 & 255), 57344 + (slot & 255))) VIRTUAL
) STRICT;

CREATE INDEX comments_of_project ON comments (project_id, id);
CREATE INDEX comments_of_entity ON comments (project_id, entity_type, entity_id, id);
CREATE INDEX comments_of_task ON comments (task_id, author_id);
CREATE INDEX counted_comments_of_task ON comments (task_id, deleted_at) WHERE deleted_at IS NULL;
CREATE INDEX comments_of_gone_task ON comments (project_id, entity_type, task_id, entity_id, id) WHERE entity_type = 'task' AND task_id IS NULL;
CREATE INDEX replies_of_comment ON comments (parent_id);
CREATE INDEX comments_of_author ON comments (author_id, project_id, entity_type, entity_id);

CREATE TABLE comment_stars (
  user_id    INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  comment_id TEXT NOT NULL REFERENCES comments (id) ON DELETE CASCADE,
  created_at TEXT NOT NULL,
  PRIMARY KEY (user_id, comment_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX stars_of_comment ON comment_stars (comment_id);

CREATE TABLE comment_mentions (
  comment_id TEXT NOT NULL REFERENCES comments (id) ON DELETE CASCADE,
  user_id    INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  PRIMARY KEY (comment_id, user_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX mentions_of_user ON comment_mentions (user_id);

-- `lost_at`: when the object behind `r2_key` was found missing.
CREATE TABLE task_attachments (
  id           TEXT PRIMARY KEY,
  project_id   TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  task_id      TEXT NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
  r2_key       TEXT UNIQUE,
  external_url TEXT,
  filename     TEXT NOT NULL,
  content_type TEXT,
  size_bytes   INTEGER,
  etag         TEXT,
  uploaded_by  INTEGER REFERENCES users (id) ON DELETE SET NULL,
  uploaded_at  TEXT NOT NULL,
  lost_at      TEXT,
  CHECK ((r2_key IS NULL) <> (external_url IS NULL))
) STRICT;

CREATE INDEX attachments_of_task ON task_attachments (task_id, id);
CREATE INDEX attachments_of_project ON task_attachments (project_id);
CREATE INDEX attachments_of_uploader ON task_attachments (uploaded_by);

-- How far a round of the cron has come that takes many.
CREATE TABLE cursors (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- `project_id` where only its team may go on reading it. No reference: what a deleted project's
-- notifications say is not shown any more, and goes with age. The id is made of the event's and the receiver's,
-- an invite's of the invite's: telling it twice tells it once.
CREATE TABLE notifications (
  id         TEXT PRIMARY KEY,
  user_id    INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  event_id   TEXT NOT NULL,
  type       TEXT NOT NULL,
  project_id TEXT,
  payload    TEXT NOT NULL CHECK (json_valid(payload)),
  created_at TEXT NOT NULL,
  read_at    TEXT
) STRICT;

CREATE INDEX notifications_of_event ON notifications (event_id);
CREATE INDEX notifications_of_user ON notifications (user_id, id);
CREATE INDEX notifications_unread ON notifications (user_id, id, project_id) WHERE read_at IS NULL;
CREATE INDEX notifications_by_age ON notifications (created_at);
CREATE INDEX notifications_read_by_age ON notifications (created_at) WHERE read_at IS NOT NULL;
CREATE INDEX mentions_told ON notifications (user_id, payload ->> 'comment_id') WHERE type = 'mention';

-- Without a row, both are on.
CREATE TABLE notification_settings (
  user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  type    TEXT NOT NULL,
  in_app  INTEGER NOT NULL CHECK (in_app IN (0, 1)),
  email   INTEGER NOT NULL CHECK (email IN (0, 1)),
  PRIMARY KEY (user_id, type)
) STRICT, WITHOUT ROWID;

-- Who is told elsewhere of what happens in a project. No reference to it: they hear of its end, too.
CREATE TABLE webhook_endpoints (
  id              TEXT PRIMARY KEY,
  project_id      TEXT NOT NULL,
  url             TEXT NOT NULL,
  description     TEXT,
  -- Names of what it wants to hear of, or `*`.
  event_types     TEXT NOT NULL CHECK (json_valid(event_types)),
  is_active       INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),
  -- Sealed. Those before it sign beside it, each until its time: `[{"sealed", "until"}]`.
  secret          TEXT NOT NULL,
  old_secrets     TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(old_secrets)),
  -- Attempts that failed in a row, the rounds they were made in, and since when.
  failures        INTEGER NOT NULL DEFAULT 0,
  strikes         INTEGER NOT NULL DEFAULT 0,
  failing_since   TEXT,
  disabled_reason TEXT CHECK (disabled_reason IN ('gone', 'failing')),
  -- When its sender has something to do; null: nothing.
  due_at          TEXT,
  -- It or its project is deleted: nobody sees it, and once all that is due is sent, it goes.
  closed_at       TEXT,
  created_at      TEXT NOT NULL,
  updated_at      TEXT NOT NULL,
  -- Until when it is left alone, though something is due: it failed, or asked for time.
  held_until      TEXT,
  -- The origin of ours by which the address was given: where none is configured, no round could know it.
  site            TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE INDEX webhooks_of_project ON webhook_endpoints (project_id, id);
CREATE INDEX webhooks_due ON webhook_endpoints (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX webhooks_closed ON webhook_endpoints (closed_at) WHERE closed_at IS NOT NULL;

-- What an endpoint is told of an event, byte for byte and once, however often it is tried. `tries` are those since
-- it was last asked for, `attempts` all there were.
CREATE TABLE webhook_deliveries (
  id              TEXT PRIMARY KEY,
  webhook_id      TEXT NOT NULL REFERENCES webhook_endpoints (id) ON DELETE CASCADE,
  event_id        TEXT NOT NULL,
  event           TEXT NOT NULL,
  body            TEXT NOT NULL,
  status          TEXT NOT NULL CHECK (status IN ('pending', 'delivered', 'failed', 'canceled')),
  tries           INTEGER NOT NULL DEFAULT 0,
  attempts        INTEGER NOT NULL DEFAULT 0,
  next_attempt_at TEXT,
  created_at      TEXT NOT NULL,
  finished_at     TEXT,
  UNIQUE (event_id, webhook_id),
  CHECK ((status = 'pending') = (next_attempt_at IS NOT NULL))
) STRICT;

CREATE INDEX deliveries_of_webhook ON webhook_deliveries (webhook_id, created_at, id);
CREATE INDEX deliveries_due ON webhook_deliveries (webhook_id, next_attempt_at) WHERE status = 'pending';
CREATE INDEX deliveries_by_age ON webhook_deliveries (created_at);

CREATE TABLE webhook_attempts (
  delivery_id TEXT NOT NULL REFERENCES webhook_deliveries (id) ON DELETE CASCADE,
  n           INTEGER NOT NULL,
  at          TEXT NOT NULL,
  -- Null where no answer came; then `error` says why.
  status      INTEGER,
  latency_ms  INTEGER NOT NULL,
  error       TEXT,
  -- How the answer's body begins.
  answer      TEXT,
  PRIMARY KEY (delivery_id, n)
) STRICT, WITHOUT ROWID;

-- Kept by triggers, so that nothing written is ever missed; slots and scopes are told with the tables. Trigrams find
-- what stands anywhere in a word and in scripts without spaces; accents and case are folded. Sizes of columns
-- serve ranking by `bm25()` only, which counts matches in everybody's rows. A search leaps through each
-- segment of its index: the cron merges them, any two of a size.
CREATE VIRTUAL TABLE projects_fts USING fts5(
  scope, name, description, content = 'projects', content_rowid = 'rowid', columnsize = 0, tokenize = 'trigram remove_diacritics 1'
);

INSERT INTO projects_fts (projects_fts, rank) VALUES ('usermerge', 2);

CREATE TRIGGER projects_indexed AFTER INSERT ON projects
BEGIN
  INSERT INTO projects_fts (rowid, scope, name, description) VALUES (NEW.rowid, NEW.scope, NEW.name, NEW.description);
END;

CREATE TRIGGER projects_unindexed AFTER DELETE ON projects
BEGIN
  INSERT INTO projects_fts (projects_fts, rowid, scope, name, description) VALUES ('delete', OLD.rowid, OLD.scope, OLD.name, OLD.description);
END;

CREATE TRIGGER projects_reindexed AFTER UPDATE OF name, description ON projects
BEGIN
  INSERT INTO projects_fts (projects_fts, rowid, scope, name, description) VALUES ('delete', OLD.rowid, OLD.scope, OLD.name, OLD.description);
  INSERT INTO projects_fts (rowid, scope, name, description) VALUES (NEW.rowid, NEW.scope, NEW.name, NEW.description);
END;

CREATE VIRTUAL TABLE tasks_fts USING fts5(
  scope, title, description, content = 'tasks', content_rowid = 'n', columnsize = 0, tokenize = 'trigram remove_diacritics 1'
);

INSERT INTO tasks_fts (tasks_fts, rank) VALUES ('usermerge', 2);

CREATE TRIGGER tasks_indexed AFTER INSERT ON tasks
BEGIN
  UPDATE tasks SET n = ifnull((SELECT max(n) FROM tasks WHERE n BETWEEN NEW.slot << 28 AND (NEW.slot << 28) + 268435455), NEW.slot << 28) + 1
  WHERE n = NEW.n AND n >> 28 <> NEW.slot;
  INSERT INTO tasks_fts (rowid, scope, title, description) SELECT n, scope, title, description FROM tasks WHERE id = NEW.id;
END;

CREATE TRIGGER tasks_unindexed AFTER DELETE ON tasks
BEGIN
  INSERT INTO tasks_fts (tasks_fts, rowid, scope, title, description) VALUES ('delete', OLD.n, OLD.scope, OLD.title, OLD.description);
END;

CREATE TRIGGER tasks_reindexed AFTER UPDATE OF title, description ON tasks
BEGIN
  INSERT INTO tasks_fts (tasks_fts, rowid, scope, title, description) VALUES ('delete', OLD.n, OLD.scope, OLD.title, OLD.description);
  INSERT INTO tasks_fts (rowid, scope, title, description) VALUES (NEW.n, NEW.scope, NEW.title, NEW.description);
END;

CREATE VIRTUAL TABLE comments_fts USING fts5(
  scope, body, content = 'comments', content_rowid = 'n', columnsize = 0, tokenize = 'trigram remove_diacritics 1'
);

INSERT INTO comments_fts (comments_fts, rank) VALUES ('usermerge', 2);

CREATE TRIGGER comments_indexed AFTER INSERT ON comments
BEGIN
  UPDATE comments SET n = ifnull((SELECT max(n) FROM comments WHERE n BETWEEN NEW.slot << 28 AND (NEW.slot << 28) + 268435455), NEW.slot << 28) + 1
  WHERE n = NEW.n AND n >> 28 <> NEW.slot;
  INSERT INTO comments_fts (rowid, scope, body) SELECT n, scope, body FROM comments WHERE id = NEW.id;
END;

CREATE TRIGGER comments_unindexed AFTER DELETE ON comments
BEGIN
  INSERT INTO comments_fts (comments_fts, rowid, scope, body) VALUES ('delete', OLD.n, OLD.scope, OLD.body);
END;

CREATE TRIGGER comments_reindexed AFTER UPDATE OF body ON comments
BEGIN
  INSERT INTO comments_fts (comments_fts, rowid, scope, body) VALUES ('delete', OLD.n, OLD.scope, OLD.body);
  INSERT INTO comments_fts (rowid, scope, body) VALUES (NEW.n, NEW.scope, NEW.body);
END;

-- What operators switch: 'previews' and 'ai_docs' are on where allowed, the other two where in force.
CREATE TABLE switches (
  name       TEXT PRIMARY KEY CHECK (name IN ('previews', 'ai_docs', 'maintenance', 'read_only')),
  is_on      INTEGER NOT NULL CHECK (is_on IN (0, 1)),
  -- Null: never.
  changed_at TEXT,
  changed_by INTEGER
) STRICT, WITHOUT ROWID;

INSERT INTO switches (name, is_on) VALUES ('previews', 1), ('ai_docs', 1), ('maintenance', 0), ('read_only', 0);

-- What machines do for people: previews and AI documents. The row stays as history; what was handed in and what
-- came of it are files, which go. A deleted project's rows stay without it for a day, for its team's limits.
CREATE TABLE jobs (
  id            TEXT PRIMARY KEY,
  kind          TEXT NOT NULL CHECK (kind IN ('preview', 'ai_doc')),
  project_id    TEXT REFERENCES projects (id) ON DELETE SET NULL,
  requested_by  INTEGER REFERENCES users (id) ON DELETE SET NULL,
  -- As it was when it was requested.
  tier          TEXT NOT NULL CHECK (tier IN ('free', 'pro', 'premium')),
  lane          INTEGER GENERATED ALWAYS AS (CASE tier WHEN 'premium' THEN 0 WHEN 'pro' THEN 1 ELSE 2 END) VIRTUAL,
  status        TEXT NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'running', 'completed', 'failed', 'canceled', 'expired')),
  attempt       INTEGER NOT NULL DEFAULT 1,
  -- What is wanted, without contents.
  request       TEXT NOT NULL CHECK (json_valid(request)),
  -- What came of it, without contents.
  result        TEXT CHECK (json_valid(result)),
  warnings      TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(warnings)),
  error_code    TEXT,
  error_message TEXT,
  -- Whoever runs it; without its heartbeat the lease ends.
  worker_id     TEXT,
  lease_until   TEXT,
  -- The digest of how the worker said the latest attempt ended: the same again is the same answer.
  outcome       TEXT,
  created_at    TEXT NOT NULL,
  started_at    TEXT,
  finished_at   TEXT,
  -- When the files of a completed one go.
  expires_at    TEXT,
  -- Since when it waits, or how long it did: a retry waits anew.
  queued_at     TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE INDEX jobs_of_project ON jobs (project_id, kind, id);
CREATE INDEX jobs_of_user ON jobs (requested_by, kind, created_at);
CREATE INDEX jobs_active ON jobs (requested_by, kind, status) WHERE status IN ('queued', 'running');
CREATE INDEX jobs_waiting ON jobs (kind, lane, queued_at) WHERE status = 'queued';
CREATE INDEX jobs_running ON jobs (lease_until) WHERE status = 'running';
CREATE INDEX jobs_of_worker ON jobs (worker_id, status);
CREATE INDEX jobs_expiring ON jobs (expires_at) WHERE status = 'completed';
CREATE INDEX jobs_by_age ON jobs (created_at);
CREATE INDEX jobs_left ON jobs (created_at) WHERE project_id IS NULL;

-- How many jobs of a kind were handed out: every fourth comes from a lane that would starve.
CREATE TABLE lanes (
  kind   TEXT PRIMARY KEY,
  claims INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO lanes (kind, claims) VALUES ('preview', 0), ('ai_doc', 0);

-- The machines that said they are there. `status` is by their silence, as the cron last saw it.
CREATE TABLE worker_nodes (
  id                TEXT PRIMARY KEY,
  type              TEXT NOT NULL CHECK (type IN ('cpu', 'gpu')),
  status            TEXT NOT NULL DEFAULT 'healthy' CHECK (status IN ('healthy', 'warning', 'critical')),
  draining          INTEGER NOT NULL DEFAULT 0 CHECK (draining IN (0, 1)),
  registered_at     TEXT NOT NULL,
  last_heartbeat_at TEXT NOT NULL,
  metrics           TEXT NOT NULL CHECK (json_valid(metrics)),
  -- Attempts: how they ended, and how long those that were completed took in all.
  completed         INTEGER NOT NULL DEFAULT 0,
  failed            INTEGER NOT NULL DEFAULT 0,
  timed_out         INTEGER NOT NULL DEFAULT 0,
  busy_ms           INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE INDEX worker_nodes_by_heartbeat ON worker_nodes (last_heartbeat_at);

-- Signatures of workers' requests, for as long as their time would count: each counts once.
CREATE TABLE worker_signatures (
  signature TEXT PRIMARY KEY,
  seen_at   TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX worker_signatures_by_age ON worker_signatures (seen_at);

-- What was handed in for a project's previews, by content. Several may lie in one stored file.
CREATE TABLE preview_files (
  project_id TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  sha256     TEXT NOT NULL,
  file_id    TEXT NOT NULL,
  start      INTEGER NOT NULL,
  bytes      INTEGER NOT NULL,
  stored_at  TEXT NOT NULL,
  PRIMARY KEY (project_id, sha256)
) STRICT, WITHOUT ROWID;

CREATE INDEX preview_files_by_age ON preview_files (stored_at);
-- How requests were answered in each minute, as the isolates counted them and told once in a while; the row 'all' is
-- of all time. `switched` are those of `s5xx` that an operator's switch refused. `ms_10`: how many took 10 ms at most.
CREATE TABLE request_counts (
  minute   TEXT PRIMARY KEY,
  s2xx     INTEGER NOT NULL,
  s3xx     INTEGER NOT NULL,
  s4xx     INTEGER NOT NULL,
  s5xx     INTEGER NOT NULL,
  switched INTEGER NOT NULL,
  trips    INTEGER NOT NULL,
  ms       INTEGER NOT NULL,
  ms_10    INTEGER NOT NULL,
  ms_25    INTEGER NOT NULL,
  ms_50    INTEGER NOT NULL,
  ms_100   INTEGER NOT NULL,
  ms_250   INTEGER NOT NULL,
  ms_500   INTEGER NOT NULL,
  ms_1000  INTEGER NOT NULL,
  ms_2500  INTEGER NOT NULL,
  ms_5000  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What users ask, for as long as an answer may be of use.
CREATE TABLE support_questions (
  id         TEXT PRIMARY KEY,
  user_id    INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  question   TEXT NOT NULL,
  status     TEXT NOT NULL CHECK (status IN ('answered', 'escalated')),
  -- What the answer is from.
  source     TEXT CHECK (source IN ('faq', 'ai')),
  entry_id   TEXT,
  answer     TEXT,
  -- How well the best entry fits: 0 to 1000.
  score      INTEGER NOT NULL,
  is_helpful INTEGER CHECK (is_helpful IN (0, 1)),
  rated_at   TEXT,
  created_at TEXT NOT NULL
) STRICT;

CREATE INDEX support_questions_of_user ON support_questions (user_id, created_at);
CREATE INDEX support_questions_by_age ON support_questions (created_at);
-- Operators list what was passed on to them, the latest first.
CREATE INDEX support_questions_by_status ON support_questions (status, id);
CREATE INDEX users_operators ON users (is_admin) WHERE is_admin = 1;

-- Who runs the service no more is not told of it any more.
CREATE TRIGGER operators_left AFTER UPDATE OF is_admin ON users WHEN NOT NEW.is_admin
BEGIN
  DELETE FROM notifications WHERE user_id = NEW.id AND type = 'admin_alert';
END;

-- What AI documents said in short: it stays when they go.
CREATE TABLE ai_doc_history (
  job_id  TEXT PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
  summary TEXT NOT NULL,
  model   TEXT NOT NULL
) STRICT;

-- How much waited, every five minutes.
CREATE TABLE queue_samples (
  at             TEXT NOT NULL,
  queue          TEXT NOT NULL,
  waiting        INTEGER NOT NULL,
  oldest_seconds INTEGER NOT NULL,
  PRIMARY KEY (at, queue)
) STRICT, WITHOUT ROWID;

CREATE INDEX users_by_age ON users (created_at);
CREATE INDEX sessions_by_activity ON sessions (last_seen_at, user_id);
