import { SignJWT, base64url, errors, jwtVerify } from "jose";
import type { Bindings } from "./env";
import { Failure } from "./errors";
import { bytesOf } from "./ids";

export interface Claims {
  user: number;
  session: string;
  tier: string;
}

export interface Keys {
  kid: string;
  access: CryptoKey;
  session: CryptoKey;
}

const text = new TextEncoder();
const HMAC = { name: "HMAC", hash: "SHA-256" };

let keys: Promise<Keys> | undefined;

/** Imported once per isolate: importing a key costs more than using it. */
export function keysOf(env: Bindings): Promise<Keys> {
  return (keys ??= importKeys(env));
}

async function importKeys(env: Bindings): Promise<Keys> {
  const hmacKey = (secret: string) => crypto.subtle.importKey("raw", text.encode(secret), HMAC, false, ["sign", "verify"]);
  const digest = await crypto.subtle.digest("SHA-256", text.encode(`kid:${env.JWT_SECRET}`));
  return {
    kid: base64url.encode(new Uint8Array(digest, 0, 9)),
    access: await hmacKey(env.JWT_SECRET),
    session: await hmacKey(env.SESSION_SECRET),
  };
}

export async function verifyAccess(token: string, keys: Keys): Promise<Claims> {
  try {
    const find = ({ kid }: { kid?: string }) => {
      if (kid !== keys.kid) throw new errors.JWKSNoMatchingKey();
      return keys.access;
    };
    const { payload } = await jwtVerify(token, find, { algorithms: ["HS256"], clockTolerance: 5 });
    if (payload.type !== "access") throw new errors.JWTInvalid();
    return { user: Number(payload.sub), session: payload.sid as string, tier: payload.tier as string };
  } catch {
    throw new Failure("AUTH_INVALID");
  }
}

export function signAccess({ user, session, tier }: Claims, keys: Keys, now: Date): Promise<string> {
  const seconds = Math.floor(now.getTime() / 1000);
  return new SignJWT({ sid: session, tier, type: "access" })
    .setProtectedHeader({ alg: "HS256", kid: keys.kid })
    .setSubject(String(user))
    .setIssuedAt(seconds)
    .setExpirationTime(seconds + 900)
    .sign(keys.access);
}

/** A digest under a key of ours, for what must be found again but not read. */
export async function digest(keys: Keys, purpose: string, parts: (string | Uint8Array)[]): Promise<Uint8Array> {
  const pieces = parts.map((part) => (typeof part === "string" ? text.encode(part) : part));
  const head = text.encode(purpose);
  const whole = new Uint8Array(pieces.reduce((length, piece) => length + 8 + piece.length, head.length));
  whole.set(head);
  let at = head.length;
  for (const piece of pieces) {
    new DataView(whole.buffer).setUint32(at + 4, piece.length);
    whole.set(piece, at + 8);
    at += 8 + piece.length;
  }
  return new Uint8Array(await crypto.subtle.sign("HMAC", keys.session, whole));
}

/** `hsr_`, the session, a secret and a seal; with it, what the database keeps. */
export async function newRefresh(session: string, keys: Keys): Promise<{ token: string; hash: string }> {
  const id = bytesOf(session);
  const secret = crypto.getRandomValues(new Uint8Array(32));
  const seal = await digest(keys, "refresh seal", [id, secret]);
  const token = new Uint8Array(64);
  token.set(id);
  token.set(secret, 16);
  token.set(seal.subarray(0, 16), 48);
  const hash = await crypto.subtle.digest("SHA-256", secret);
  return { token: `hsr_${base64url.encode(token)}`, hash: base64url.encode(new Uint8Array(hash)) };
}
