-- `project_id` where only its team may go on reading it. No reference: what a deleted project's
-- notifications say is not shown any more, and goes with age.
CREATE TABLE notifications (
  id         TEXT PRIMARY KEY,
  user_id    INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  event_id   TEXT NOT NULL,
  type       TEXT NOT NULL,
  project_id TEXT,
  payload    TEXT NOT NULL CHECK (json_valid(payload)),
  created_at TEXT NOT NULL,
  read_at    TEXT,
  UNIQUE (event_id, user_id)
) STRICT;

CREATE INDEX notifications_of_user ON notifications (user_id, id);
CREATE INDEX notifications_unread ON notifications (user_id, id) WHERE read_at IS NULL;
CREATE INDEX notifications_by_age ON notifications (created_at);

-- Only what differs from the default, which is on.
CREATE TABLE notification_settings (
  user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  type    TEXT NOT NULL,
  in_app  INTEGER NOT NULL CHECK (in_app IN (0, 1)),
  email   INTEGER NOT NULL CHECK (email IN (0, 1)),
  PRIMARY KEY (user_id, type)
) STRICT, WITHOUT ROWID;
