-- As tasks and comments have them. A project itself is known by its rowid, which nothing renumbers.
ALTER TABLE projects ADD COLUMN slot INTEGER GENERATED ALWAYS AS (('0x' || substr(id, 31)) ->> '$') VIRTUAL;
ALTER TABLE projects ADD COLUMN scope TEXT GENERATED ALWAYS AS
  (char(57344 + (slot >> 16), 57344 + (slot >> 8 & 255), 57344 + (slot & 255))) VIRTUAL;

-- Kept by triggers, so that nothing written is ever missed; slots and scopes are told with the tables. Trigrams find
-- what stands anywhere in a word and in scripts without spaces; accents and case are folded. Sizes of columns
-- serve ranking by `bm25()` only, which counts matches in everybody's rows. A search leaps through each
-- segment of its index: the cron merges them, any two of a size.
CREATE VIRTUAL TABLE projects_fts USING fts5(
  scope, name, description, content = 'projects', content_rowid = 'rowid', columnsize = 0, tokenize = 'trigram remove_diacritics 1'
);

INSERT INTO projects_fts (projects_fts, rank) VALUES ('usermerge', 2);

CREATE TRIGGER projects_indexed AFTER INSERT ON projects
BEGIN
  INSERT INTO projects_fts (rowid, scope, name, description) VALUES (NEW.rowid, NEW.scope, NEW.name, NEW.description);
END;

CREATE TRIGGER projects_unindexed AFTER DELETE ON projects
BEGIN
  INSERT INTO projects_fts (projects_fts, rowid, scope, name, description) VALUES ('delete', OLD.rowid, OLD.scope, OLD.name, OLD.description);
END;

CREATE TRIGGER projects_reindexed AFTER UPDATE OF name, description ON projects
BEGIN
  INSERT INTO projects_fts (projects_fts, rowid, scope, name, description) VALUES ('delete', OLD.rowid, OLD.scope, OLD.name, OLD.description);
  INSERT INTO projects_fts (rowid, scope, name, description) VALUES (NEW.rowid, NEW.scope, NEW.name, NEW.description);
END;

CREATE VIRTUAL TABLE tasks_fts USING fts5(
  scope, title, description, content = 'tasks', content_rowid = 'n', columnsize = 0, tokenize = 'trigram remove_diacritics 1'
);

INSERT INTO tasks_fts (tasks_fts, rank) VALUES ('usermerge', 2);

CREATE TRIGGER tasks_indexed AFTER INSERT ON tasks
BEGIN
  UPDATE tasks SET n = ifnull((SELECT max(n) FROM tasks WHERE n BETWEEN NEW.slot << 28 AND (NEW.slot << 28) + 268435455), NEW.slot << 28) + 1
  WHERE n = NEW.n AND n >> 28 <> NEW.slot;
  INSERT INTO tasks_fts (rowid, scope, title, description) SELECT n, scope, title, description FROM tasks WHERE id = NEW.id;
END;

CREATE TRIGGER tasks_unindexed AFTER DELETE ON tasks
BEGIN
  INSERT INTO tasks_fts (tasks_fts, rowid, scope, title, description) VALUES ('delete', OLD.n, OLD.scope, OLD.title, OLD.description);
END;

CREATE TRIGGER tasks_reindexed AFTER UPDATE OF title, description ON tasks
BEGIN
  INSERT INTO tasks_fts (tasks_fts, rowid, scope, title, description) VALUES ('delete', OLD.n, OLD.scope, OLD.title, OLD.description);
  INSERT INTO tasks_fts (rowid, scope, title, description) VALUES (NEW.n, NEW.scope, NEW.title, NEW.description);
END;

CREATE VIRTUAL TABLE comments_fts USING fts5(
  scope, body, content = 'comments', content_rowid = 'n', columnsize = 0, tokenize = 'trigram remove_diacritics 1'
);

INSERT INTO comments_fts (comments_fts, rank) VALUES ('usermerge', 2);

CREATE TRIGGER comments_indexed AFTER INSERT ON comments
BEGIN
  UPDATE comments SET n = ifnull((SELECT max(n) FROM comments WHERE n BETWEEN NEW.slot << 28 AND (NEW.slot << 28) + 268435455), NEW.slot << 28) + 1
  WHERE n = NEW.n AND n >> 28 <> NEW.slot;
  INSERT INTO comments_fts (rowid, scope, body) SELECT n, scope, body FROM comments WHERE id = NEW.id;
END;

CREATE TRIGGER comments_unindexed AFTER DELETE ON comments
BEGIN
  INSERT INTO comments_fts (comments_fts, rowid, scope, body) VALUES ('delete', OLD.n, OLD.scope, OLD.body);
END;

CREATE TRIGGER comments_reindexed AFTER UPDATE OF body ON comments
BEGIN
  INSERT INTO comments_fts (comments_fts, rowid, scope, body) VALUES ('delete', OLD.n, OLD.scope, OLD.body);
  INSERT INTO comments_fts (rowid, scope, body) VALUES (NEW.n, NEW.scope, NEW.body);
END;

INSERT INTO projects_fts (projects_fts) VALUES ('rebuild');
