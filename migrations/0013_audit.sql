-- What an event's link in the audit chain says. The event itself may be changed or gone: then that shows. `actor`,
-- `entity` and `data` are what was chained of it, without personal data.
CREATE TABLE audit_links (
  seq      INTEGER PRIMARY KEY,
  event_id TEXT NOT NULL UNIQUE,
  actor    TEXT,
  entity   TEXT NOT NULL,
  data     TEXT NOT NULL,
  hash     TEXT NOT NULL
) STRICT;

-- What shows which events are of a user. It goes with them, and then nothing does.
CREATE TABLE audit_salts (
  user_id INTEGER PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
  salt    TEXT NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO audit_salts (user_id, salt) SELECT id, lower(hex(randomblob(32))) FROM users;

CREATE TRIGGER users_salted AFTER INSERT ON users
BEGIN
  INSERT INTO audit_salts (user_id, salt) VALUES (NEW.id, lower(hex(randomblob(32))));
END;

CREATE INDEX events_of_actor ON events (actor_id, id);
CREATE INDEX events_of_entity ON events (entity_id, id);
CREATE INDEX events_of_kind ON events (kind, id);

CREATE VIEW audit_log AS
  SELECT e.id, e.kind, e.actor_id, u.email AS actor_email, e.project_id, e.entity_id, e.data, e.ip_address, e.request_id,
         e.created_at, l.seq, l.hash
  FROM events e LEFT JOIN audit_links l ON l.event_id = e.id LEFT JOIN users u ON u.id = e.actor_id;
