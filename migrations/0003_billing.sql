-- Nothing could be bought until now: it was never filled.
DROP TABLE subscriptions;

-- What the provider says somebody has, as told by its events sorted by version.
CREATE TABLE subscriptions (
  subscription_id TEXT PRIMARY KEY,
  user_id         INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  tier            TEXT NOT NULL CHECK (tier IN ('pro', 'premium')),
  billing_cycle   TEXT NOT NULL CHECK (billing_cycle IN ('monthly', 'yearly')),
  status          TEXT NOT NULL CHECK (status IN ('active', 'past_due', 'canceled', 'paused', 'expired')),
  renews_at       TEXT,
  ends_at         TEXT,
  -- Until when it gives its tier; null: it does not.
  access_until    TEXT,
  -- Grows with every decision: one taken on an older state is refused.
  revision        INTEGER NOT NULL,
  created_at      TEXT NOT NULL,
  updated_at      TEXT NOT NULL
) STRICT;

CREATE INDEX subscriptions_of_user ON subscriptions (user_id);
CREATE INDEX subscriptions_by_access ON subscriptions (access_until) WHERE access_until IS NOT NULL;

-- The checkouts we opened. Who pays sends the reference back: it says whose the subscription is, once.
CREATE TABLE checkouts (
  reference       TEXT PRIMARY KEY,
  user_id         INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  tier            TEXT NOT NULL CHECK (tier IN ('pro', 'premium')),
  billing_cycle   TEXT NOT NULL CHECK (billing_cycle IN ('monthly', 'yearly')),
  created_at      TEXT NOT NULL,
  subscription_id TEXT UNIQUE
) STRICT, WITHOUT ROWID;

CREATE INDEX checkouts_of_user ON checkouts (user_id);
CREATE INDEX checkouts_unused ON checkouts (created_at) WHERE subscription_id IS NULL;

-- The inbox of everything the provider said, and the log of what came of it.
CREATE TABLE billing_events (
  id              TEXT PRIMARY KEY,
  -- 'webhook': it told us; 'api': we asked.
  source          TEXT NOT NULL CHECK (source IN ('webhook', 'api')),
  name            TEXT NOT NULL,
  webhook_id      TEXT UNIQUE,
  hash            TEXT NOT NULL UNIQUE,
  -- As it came, personal data included; gone 30 days later.
  body            TEXT,
  object_id       TEXT,
  subscription_id TEXT,
  -- What it says of the subscription, without personal data.
  snapshot        TEXT CHECK (json_valid(snapshot)),
  claimed_user    INTEGER,
  reference       TEXT,
  received_at     TEXT NOT NULL,
  outcome         TEXT CHECK (outcome IN ('applied', 'unchanged', 'recorded', 'ignored', 'refused')),
  reason          TEXT,
  processed_at    TEXT,
  attempts        INTEGER NOT NULL DEFAULT 0,
  failure         TEXT
) STRICT;

CREATE INDEX billing_events_of_subscription ON billing_events (subscription_id);
CREATE INDEX billing_events_with_body ON billing_events (received_at) WHERE body IS NOT NULL;

-- How far the comparison with the provider's list has come.
CREATE TABLE reconciliations (
  name      TEXT PRIMARY KEY,
  next_page INTEGER NOT NULL,
  due_at    TEXT NOT NULL
) STRICT, WITHOUT ROWID;
