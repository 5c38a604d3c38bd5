-- What AI documents said in short: it stays when they go.
CREATE TABLE ai_doc_history (
  job_id  TEXT PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
  summary TEXT NOT NULL,
  model   TEXT NOT NULL
) STRICT;
