-- Answers are kept sealed from here on; those in clear are forgotten.
DELETE FROM idempotency_keys;
