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
