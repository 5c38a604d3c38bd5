-- Until when an endpoint is left alone, though something is due: it failed, or asked for time.
ALTER TABLE webhook_endpoints ADD COLUMN held_until TEXT;
