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
