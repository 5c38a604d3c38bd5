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
