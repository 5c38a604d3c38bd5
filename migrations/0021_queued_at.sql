-- Since when a job waits: a retry waits anew.
ALTER TABLE jobs ADD COLUMN queued_at TEXT NOT NULL DEFAULT '';

UPDATE jobs SET queued_at = created_at;

DROP INDEX jobs_waiting;
CREATE INDEX jobs_waiting ON jobs (kind, lane, queued_at) WHERE status = 'queued';
