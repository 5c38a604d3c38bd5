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
CREATE INDEX users_operators ON users (is_admin) WHERE is_admin = 1;

-- Who runs the service no more is not told of it any more.
CREATE TRIGGER operators_left AFTER UPDATE OF is_admin ON users WHEN NOT NEW.is_admin
BEGIN
  DELETE FROM notifications WHERE user_id = NEW.id AND type = 'admin_alert';
END;
