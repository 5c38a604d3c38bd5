import { Hono } from "hono";
import { base64url } from "jose";
import * as z from "zod";
import type { User } from "./access";
import { type Ctx, type Env, batch } from "./env";
import { Failure, body } from "./errors";
import { announce, event } from "./events";
import { newId } from "./ids";
import { hashPassword, passwordMatches } from "./password";
import { type Keys, digest, keysOf, newRefresh, signAccess } from "./tokens";

const Email = z.string().trim().toLowerCase().pipe(z.email()).pipe(z.string().max(254));
const Password = z.string().min(8).max(256);
const text = (max: number) => z.string().trim().min(1).max(max);

const Register = z.strictObject({
  email: Email,
  password: Password,
  username: z.string().regex(/^[A-Za-z0-9._-]{3,64}$/).nullish(),
  display_name: text(100).nullish(),
});

const Login = z.strictObject({
  email: Email,
  password: Password,
  device_name: text(100).nullish(),
  platform: text(40).nullish(),
});

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

export const auth = new Hono<Env>();

auth.post("/register", async (c) => {
  const { email, password, username = null, display_name = null } = await body(c, Register);
  const refuse = [
    c.env.DB.prepare("INSERT INTO refusals SELECT 'EMAIL_TAKEN' WHERE EXISTS (SELECT 1 FROM users WHERE email = ?1)").bind(email),
    c.env.DB.prepare("INSERT INTO refusals SELECT 'USERNAME_TAKEN' WHERE EXISTS (SELECT 1 FROM users WHERE username = ?1)").bind(username),
  ];
  const [, [reserved]] = await batch(c, [
    c.env.DB.prepare(
      `INSERT INTO sequences (name, value) VALUES ('users', 1)
       ON CONFLICT (name) DO UPDATE SET value = value + 1`,
    ),
    c.env.DB.prepare(
      `SELECT (SELECT value FROM sequences WHERE name = 'users') AS value,
              EXISTS (SELECT 1 FROM users WHERE email = ?1) AS email_taken,
              EXISTS (SELECT 1 FROM users WHERE username = ?2) AS username_taken`,
    ).bind(email, username),
  ]);
  if (reserved.email_taken) throw new Failure("EMAIL_TAKEN");
  if (reserved.username_taken) throw new Failure("USERNAME_TAKEN");
  const id: number = reserved.value;
  const hash = hashPassword(password);
  const at = c.get("now").toISOString();
  const happened = event(c, { kind: "user.registered", actor: id, entity: id });
  await batch(c, [
    ...refuse,
    c.env.DB.prepare(
      `INSERT INTO users (id, email, username, password_hash, display_name, created_at, updated_at)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)`,
    ).bind(id, email, username, hash, display_name, at),
    happened.insert,
  ]);
  announce(c, happened.id);
  return c.json({ data: { id, email, username, display_name, avatar_url: null, tier: "free", created_at: at, updated_at: at } }, 201);
});

auth.post("/login", async (c) => {
  const { email, password, device_name = null, platform = null } = await body(c, Login);
  const keys = await keysOf(c.env);
  const now = c.get("now");
  const key = base64url.encode(await digest(keys, "lockout", [email, c.get("ip")]));
  const agent = (c.req.header("user-agent") ?? "").slice(0, 256);
  const device = await deviceOf(c, keys, agent);
  const found = await attempt(c, { key, email, device });
  if (!found) throw new Failure("INTERNAL_ERROR");
  if (!found.admitted) throw new Failure("AUTH_LOCKED");
  const matches = passwordMatches(password, found.password_hash);
  const user: (User & { status: string }) | null = JSON.parse(found.user);
  if (!matches || !user) {
    const failed = event(c, { kind: "login.failed", actor: user?.id ?? null, entity: user?.id ?? 0 });
    await batch(c, [failed.insert]);
    announce(c, failed.id);
    throw new Failure("AUTH_INVALID_CREDENTIALS");
  }
  if (user.status !== "active") throw new Failure("ACCOUNT_SUSPENDED");

  const session = newId(now);
  const refresh = await newRefresh(session, keys);
  const suspicious = found.has_sessions === 1 && found.known_device === 0;
  const at = now.toISOString();
  const kind = suspicious ? "session.suspicious" : "session.created";
  const happened = event(c, { kind, actor: user.id, entity: session });
  const access_token = await signAccess({ user: user.id, session, tier: user.tier }, keys, now);
  await batch(c, [
    c.env.DB.prepare("DELETE FROM login_attempts WHERE key = ?1").bind(key),
    c.env.DB.prepare(
      `INSERT INTO sessions (id, user_id, device, device_name, platform, user_agent, ip_address, suspicious,
                             refresh_hash, rotated_at, created_at, last_seen_at, expires_at)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10, ?10, ?11)`,
    ).bind(
      session, user.id, device, device_name, platform, agent, c.get("ip"), Number(suspicious),
      refresh.hash, at, new Date(now.getTime() + 30 * DAY).toISOString(),
    ),
    happened.insert,
  ]);
  announce(c, happened.id);
  const { status: _, ...shown } = user;
  return c.json({ data: { user: shown, access_token, refresh_token: refresh.token, token_type: "Bearer", expires_in: 900 } });
});

/** What tells a known device from a new one: its network, and what it says it is. */
async function deviceOf(c: Ctx, keys: Keys, agent: string): Promise<string> {
  const network = c.get("ip").split(".").slice(0, 3).join(".");
  return base64url.encode(await digest(keys, "device", [network, agent]));
}

/** Counts the attempt before its password is looked at, and reads what it needs, in one trip. */
async function attempt(c: Ctx, { key, email, device }: { key: string; email: string; device: string }) {
  const now = c.get("now");
  const id = newId(now);
  const at = (millis: number) => new Date(now.getTime() + millis).toISOString();
  const [, [row] = []] = await batch(c, [
    c.env.DB.prepare(
      `INSERT INTO login_attempts (key, failures, last_attempt, last_at, locked_until) VALUES (?1, 1, ?2, ?3, NULL)
       ON CONFLICT (key) DO UPDATE SET
         failures = iif(max(last_at, ifnull(locked_until, '')) < ?4, 1, failures + 1),
         last_attempt = excluded.last_attempt,
         last_at = excluded.last_at,
         locked_until = CASE iif(max(last_at, ifnull(locked_until, '')) < ?4, 1, failures + 1)
           WHEN 1 THEN NULL WHEN 2 THEN NULL WHEN 3 THEN NULL WHEN 4 THEN NULL
           WHEN 5 THEN ?5 WHEN 6 THEN ?6 WHEN 7 THEN ?7 WHEN 8 THEN ?8 ELSE ?9 END
       WHERE locked_until IS NULL OR locked_until <= ?3`,
    ).bind(key, id, at(0), at(-15 * MINUTE), at(MINUTE), at(2 * MINUTE), at(4 * MINUTE), at(8 * MINUTE), at(15 * MINUTE)),
    c.env.DB.prepare(
      `SELECT a.last_attempt = ?2 AS admitted, a.locked_until, u.password_hash,
              EXISTS (SELECT 1 FROM sessions WHERE user_id = u.id AND device = ?4) AS known_device,
              EXISTS (SELECT 1 FROM sessions WHERE user_id = u.id) AS has_sessions,
              iif(u.id IS NULL, 'null', json_object('id', u.id, 'email', u.email, 'username', u.username,
                'display_name', u.display_name, 'avatar_url', u.avatar_url, 'tier', u.tier, 'status', u.status,
                'created_at', u.created_at, 'updated_at', u.updated_at)) AS user
       FROM login_attempts a LEFT JOIN users u ON u.email = ?3
       WHERE a.key = ?1`,
    ).bind(key, id, email, device),
  ]);
  return row;
}
