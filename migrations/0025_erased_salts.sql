-- Of whom is erased it stays known that they were somebody.
DROP TRIGGER users_salted;

CREATE TABLE audit_salts_new (
  user_id INTEGER PRIMARY KEY,
  salt    TEXT
) STRICT, WITHOUT ROWID;

INSERT INTO audit_salts_new (user_id, salt) SELECT user_id, salt FROM audit_salts;
DROP TABLE audit_salts;
ALTER TABLE audit_salts_new RENAME TO audit_salts;

CREATE TRIGGER users_salted AFTER INSERT ON users
BEGIN
  INSERT INTO audit_salts (user_id, salt) VALUES (NEW.id, lower(hex(randomblob(32))));
END;

CREATE TRIGGER users_erased AFTER DELETE ON users
BEGIN
  UPDATE audit_salts SET salt = NULL WHERE user_id = OLD.id;
END;
