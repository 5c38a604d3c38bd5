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
