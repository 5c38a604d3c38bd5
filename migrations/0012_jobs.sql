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
  expires_at    TEXT
) STRICT;

CREATE INDEX jobs_of_project ON jobs (project_id, kind, id);
CREATE INDEX jobs_of_user ON jobs (requested_by, kind, created_at);
CREATE INDEX jobs_active ON jobs (requested_by, kind, status) WHERE status IN ('queued', 'running');
CREATE INDEX jobs_waiting ON jobs (kind, lane, created_at) WHERE status = 'queued';
CREATE INDEX jobs_running ON jobs (lease_until) WHERE status = 'running';
CREATE INDEX jobs_of_worker ON jobs (worker_id, status);
CREATE INDEX jobs_expiring ON jobs (expires_at) WHERE status = 'completed';
CREATE INDEX jobs_by_age ON jobs (created_at);
CREATE INDEX jobs_left ON jobs (created_at) WHERE project_id IS NULL;

-- How many jobs of a kind were handed out: every fourth comes from the lane that would starve.
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
