import { type Ctx, batch } from "./env";
import { Failure } from "./errors";

export interface User {
  id: number;
  email: string;
  username: string | null;
  display_name: string | null;
  avatar_url: string | null;
  tier: string;
  status?: string;
  created_at: string;
  updated_at: string;
}

export function claims(c: Ctx) {
  const claims = c.get("claims");
  if (!claims) throw new Failure("UNAUTHORIZED");
  return claims;
}

/** The caller's live session and what else is asked for, in one trip. */
export async function actorAnd(c: Ctx, ...others: Parameters<typeof batch>[1]): Promise<[User, ...any[][]]> {
  const { session, user } = claims(c);
  const find = c.env.DB.prepare(
    `SELECT u.id, u.email, u.username, u.display_name, u.avatar_url, u.tier, u.status, u.created_at, u.updated_at
     FROM sessions s JOIN users u ON u.id = s.user_id
     WHERE s.id = ?1 AND s.user_id = ?2 AND s.revoked_at IS NULL AND s.expires_at > ?3`,
  ).bind(session, user, c.get("now").toISOString());
  const [[actor] = [], ...rest] = await batch(c, [find, ...others]);
  if (!actor) throw new Failure("AUTH_INVALID");
  if (actor.status !== "active") throw new Failure("ACCOUNT_SUSPENDED");
  return [actor, ...rest];
}

/** A row where the user is on the project's team. */
export function memberOf(c: Ctx, project: string, user: number) {
  return c.env.DB.prepare("SELECT role FROM team_members WHERE project_id = ?1 AND user_id = ?2").bind(project, user);
}

/** What was allowed a trip ago may not be any more. */
export function mustBeMember(c: Ctx, project: string, user: number) {
  return c.env.DB.prepare(
    `INSERT INTO refusals SELECT 'PROJECT_NOT_FOUND' WHERE NOT EXISTS
       (SELECT 1 FROM team_members WHERE project_id = ?1 AND user_id = ?2)`,
  ).bind(project, user);
}
