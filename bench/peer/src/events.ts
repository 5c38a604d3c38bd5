import type { Bindings, Ctx } from "./env";
import { newId } from "./ids";

interface Happened {
  kind: string;
  actor: number | null;
  project?: string;
  entity: string | number;
}

/** The event's row for the batch that changes something, and its id for the queue. */
export function event(c: Ctx, { kind, actor, project, entity }: Happened) {
  const id = newId(c.get("now"));
  const insert = c.env.DB.prepare(
    `INSERT INTO events (id, kind, actor_id, project_id, entity_id, data, ip_address, request_id, created_at)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)`,
  ).bind(id, kind, actor, project ?? null, String(entity), "{}", c.get("ip"), c.get("requestId"), c.get("now").toISOString());
  return { id, insert };
}

/** Hands a committed event to the queue once the answer is out. */
export function announce(c: Ctx, id: string) {
  c.executionCtx.waitUntil(c.env.EVENTS.send(id));
}

/** Does everything that follows from these events, once, in two trips for all of them. */
export async function deliver(env: Bindings, ids: string[]) {
  const list = JSON.stringify(ids);
  const [found] = await env.DB.batch([
    env.DB.prepare(
      `SELECT id, kind, entity_id, created_at FROM events
       WHERE id IN (SELECT value FROM json_each(?1)) AND delivered_at IS NULL`,
    ).bind(list),
  ]);
  if (!found?.results.length) return;
  await env.DB.batch([
    env.DB.prepare(
      `UPDATE events SET delivered_at = ?2
       WHERE id IN (SELECT value FROM json_each(?1)) AND delivered_at IS NULL`,
    ).bind(list, new Date().toISOString()),
  ]);
}
