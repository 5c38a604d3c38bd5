-- `n` is what the search index knows a row by. A trigger makes its upper 24 of 52 bits the project's `slot`,
-- so that what is in a project lies together, in the table and in the index, however large both grow. `scope`
-- is the slot as three private-use characters, which is one token to the index. Two projects may share a slot:
-- it makes looking quick, and the team decides who sees what.
CREATE TABLE tasks (
  n           INTEGER PRIMARY KEY,
  id          TEXT NOT NULL UNIQUE,
  project_id  TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  title       TEXT NOT NULL,
  description TEXT,
  status      TEXT NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'in_progress', 'blocked', 'done')),
  assignee_id INTEGER REFERENCES users (id) ON DELETE SET NULL,
  due_date    TEXT,
  created_by  INTEGER REFERENCES users (id) ON DELETE SET NULL,
  version     INTEGER NOT NULL DEFAULT 1,
  created_at  TEXT NOT NULL,
  updated_at  TEXT NOT NULL,
  slot        INTEGER GENERATED ALWAYS AS (('0x' || substr(project_id, 31)) ->> '$') VIRTUAL,
  scope       TEXT GENERATED ALWAYS AS (char(57344 + (slot >> 16), 57344 + (slot >> 8 & 255), 57344 + (slot & 255))) VIRTUAL
) STRICT;

CREATE INDEX tasks_of_project ON tasks (project_id, id);
CREATE INDEX tasks_by_status ON tasks (project_id, status);
CREATE INDEX tasks_by_due_date ON tasks (project_id, due_date);
CREATE INDEX tasks_by_update ON tasks (project_id, updated_at);
CREATE INDEX tasks_of_assignee ON tasks (assignee_id, project_id);
CREATE INDEX tasks_of_creator ON tasks (created_by);

CREATE TABLE task_labels (
  id         TEXT PRIMARY KEY,
  project_id TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  name       TEXT NOT NULL COLLATE NOCASE,
  color      TEXT,
  created_at TEXT NOT NULL,
  UNIQUE (project_id, name)
) STRICT;

CREATE TABLE task_label_links (
  task_id  TEXT NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
  label_id TEXT NOT NULL REFERENCES task_labels (id) ON DELETE CASCADE,
  PRIMARY KEY (task_id, label_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX tasks_of_label ON task_label_links (label_id);

CREATE TABLE task_dependencies (
  task_id            TEXT NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
  depends_on_task_id TEXT NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
  created_at         TEXT NOT NULL,
  PRIMARY KEY (task_id, depends_on_task_id),
  CHECK (task_id <> depends_on_task_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX dependents_of_task ON task_dependencies (depends_on_task_id);

-- The task an event is about, for what happened to it.
ALTER TABLE events ADD COLUMN task_id TEXT;
CREATE INDEX events_of_task ON events (task_id, id) WHERE task_id IS NOT NULL;
