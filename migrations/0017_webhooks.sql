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
  updated_at      TEXT NOT NULL
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
