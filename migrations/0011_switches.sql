-- What operators switch: 'previews' and 'ai_docs' are on where allowed, the other two where in force.
CREATE TABLE switches (
  name       TEXT PRIMARY KEY CHECK (name IN ('previews', 'ai_docs', 'maintenance', 'read_only')),
  is_on      INTEGER NOT NULL CHECK (is_on IN (0, 1)),
  -- Null: never.
  changed_at TEXT,
  changed_by INTEGER
) STRICT, WITHOUT ROWID;

INSERT INTO switches (name, is_on) VALUES ('previews', 1), ('ai_docs', 1), ('maintenance', 0), ('read_only', 0);
