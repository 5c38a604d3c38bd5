import type { Ctx } from "./env";
import { Failure } from "./errors";

// A token bucket per caller, in this isolate's memory. Cloudflare's rate limit
// binding costs about as much where it is real; its local simulation writes to SQLite
// on every call, which would charge this Worker for what production does not do.
// The Worker it is measured against leases tokens from a Durable Object, and asks
// for more once in many requests.

interface Bucket {
  used: number;
  at: number;
}

const buckets = new Map<string, Bucket>();
const WINDOW = 60;

export function limit(c: Ctx, credentials: boolean) {
  const claims = c.get("claims");
  const [name, key, max] = credentials
    ? ["auth", `auth ${c.get("ip")}`, Number(c.env.RATE_LIMIT_AUTH)]
    : claims
      ? [claims.tier, `user ${claims.user}`, Number(c.env.RATE_LIMIT_FREE)]
      : ["anonymous", `ip ${c.get("ip")}`, Number(c.env.RATE_LIMIT_ANONYMOUS)];
  const now = c.get("now").getTime();
  let bucket = buckets.get(key);
  if (!bucket) {
    if (buckets.size >= 10_000) buckets.clear();
    buckets.set(key, (bucket = { used: 0, at: now }));
  }
  bucket.used = Math.max(0, bucket.used - ((now - bucket.at) * max) / (WINDOW * 1000));
  bucket.at = now;
  const allowed = bucket.used + 1 <= max;
  if (allowed) bucket.used += 1;
  const remaining = Math.floor(max - bucket.used);
  const reset = Math.ceil(((max - remaining) * WINDOW) / max);
  c.header("ratelimit-policy", `"${name}";q=${max};w=${WINDOW}`);
  c.header("ratelimit", `"${name}";r=${remaining};t=${reset}`);
  c.header("x-ratelimit-limit", String(max));
  c.header("x-ratelimit-remaining", String(remaining));
  c.header("x-ratelimit-reset", String(Math.floor(now / 1000) + reset));
  if (!allowed) {
    c.header("retry-after", String(Math.ceil(WINDOW / max)));
    throw new Failure("RATE_LIMITED");
  }
}
