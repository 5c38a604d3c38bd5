import type * as z from "zod";
import type { Ctx } from "./env";

const CODES = {
  BAD_REQUEST: [400, "The request could not be read."],
  UNAUTHORIZED: [401, "Log in and send the access token as a Bearer token."],
  AUTH_INVALID_CREDENTIALS: [401, "The email or the password is wrong."],
  AUTH_INVALID: [401, "The token is not valid."],
  ACCOUNT_SUSPENDED: [403, "This account is suspended."],
  TIER_LIMIT_EXCEEDED: [403, "Your plan does not allow more of these."],
  NOT_FOUND: [404, "There is nothing at this address."],
  PROJECT_NOT_FOUND: [404, "There is no such project."],
  TASK_NOT_FOUND: [404, "There is no such task."],
  COMMENT_NOT_FOUND: [404, "There is no such comment."],
  CONFLICT: [409, "Somebody was quicker; read again, then repeat."],
  EMAIL_TAKEN: [409, "An account with this email exists."],
  USERNAME_TAKEN: [409, "This username is taken."],
  PAYLOAD_TOO_LARGE: [413, "The body is too large."],
  UNSUPPORTED_MEDIA_TYPE: [415, "Send the body as application/json."],
  VALIDATION_ERROR: [422, "Some fields are not valid."],
  RATE_LIMITED: [429, "Too many requests; wait before the next one."],
  AUTH_LOCKED: [429, "Too many failed logins; wait before the next one."],
  INTERNAL_ERROR: [500, "Something went wrong on our side."],
} as const;

export type Code = keyof typeof CODES;

export class Failure extends Error {
  constructor(
    readonly code: Code,
    readonly details: Record<string, unknown> = {},
  ) {
    super(CODES[code][1]);
  }
}

/** A batch that was refused says so in the text of its error. */
function fromDatabase(error: Error): Failure {
  const refused = /^D1_ERROR: ([A-Z_]+)/.exec(error.message)?.[1];
  if (refused && refused in CODES) return new Failure(refused as Code);
  console.error(error.message);
  return new Failure("INTERNAL_ERROR");
}

export function failed(error: Error, c: Ctx) {
  const failure = error instanceof Failure ? error : fromDatabase(error);
  const { code, message, details } = failure;
  const [status] = CODES[code];
  return c.json({ error: { code, message, details }, request_id: c.get("requestId") }, status);
}

export function invalid(field: string, message: string): Failure {
  return new Failure("VALIDATION_ERROR", { fields: [{ field, message }] });
}

/** The request's JSON body, checked. */
export async function body<T extends z.ZodType>(c: Ctx, schema: T): Promise<z.output<T>> {
  if (!/^application\/json\s*(;|$)/i.test(c.req.header("content-type") ?? "")) throw new Failure("UNSUPPORTED_MEDIA_TYPE");
  let json: unknown;
  try {
    json = await c.req.json();
  } catch {
    throw new Failure("BAD_REQUEST");
  }
  return checked(schema, json);
}

export function checked<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const result = schema.safeParse(value);
  if (!result.success) {
    const fields = result.error.issues.map(({ path, message }) => ({ field: path.join(".") || "body", message }));
    throw new Failure("VALIDATION_ERROR", { fields });
  }
  return result.data;
}
