-- The origin of ours by which the address was given: where none is configured, no round could know it.
ALTER TABLE webhook_endpoints ADD COLUMN site TEXT NOT NULL DEFAULT '';
