-- Kept by triggers; `scope` is told with the tables. Projects are known by their rowid, which nothing renumbers.
ALTER TABLE projects ADD COLUMN scope TEXT GENERATED ALWAYS AS (char(
    57344 + 256 * instr('123456789abcdef', substr(id, 25, 1)) + 16 * instr('123456789abcdef', substr(id, 26, 1)) + instr('123456789abcdef', substr(id, 27, 1)),
    57344 + 256 * instr('123456789abcdef', substr(id, 28, 1)) + 16 * instr('123456789abcdef', substr(id, 29, 1)) + instr('123456789abcdef', substr(id, 30, 1)),
    57344 + 256 * instr('123456789abcdef', substr(id, 31, 1)) + 16 * instr('123456789abcdef', substr(id, 32, 1)) + instr('123456789abcdef', substr(id, 33, 1)))) VIRTUAL;

CREATE VIRTUAL TABLE projects_fts USING fts5(
  scope, name, description, content = 'projects', content_rowid = 'rowid', tokenize = 'trigram remove_diacritics 1'
);

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
  scope, title, description, content = 'tasks', content_rowid = 'n', tokenize = 'trigram remove_diacritics 1'
);

CREATE TRIGGER tasks_indexed AFTER INSERT ON tasks
BEGIN
  INSERT INTO tasks_fts (rowid, scope, title, description) VALUES (NEW.n, NEW.scope, NEW.title, NEW.description);
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
  scope, body, content = 'comments', content_rowid = 'n', tokenize = 'trigram remove_diacritics 1'
);

CREATE TRIGGER comments_indexed AFTER INSERT ON comments
BEGIN
  INSERT INTO comments_fts (rowid, scope, body) VALUES (NEW.n, NEW.scope, NEW.body);
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
