import type { Bindings, Ctx } from "./env";
import { newId } from "./ids";

interface Happened {
  kind: string;
  actor: number | null;
  project?: string;
  task?: string | null;
  entity: string | number;
  data?: object;
}

/** The event's row for the batch that changes something, and its id for the queue. */
export function event(c: Ctx, { kind, actor, project, task, entity, data = {} }: Happened) {
  const id = newId(c.get("now"));
  const insert = c.env.DB.prepare(
    `INSERT INTO events (id, kind, actor_id, project_id, entity_id, data, ip_address, request_id, created_at, task_id)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)`,
  ).bind(
    id, kind, actor, project ?? null, String(entity), JSON.stringify(data), c.get("ip"), c.get("requestId"),
    c.get("now").toISOString(), task ?? null,
  );
  return { id, insert };
}

/** Hands a committed event to the queue once the answer is out. */
export function announce(c: Ctx, id: string) {
  c.executionCtx.waitUntil(c.env.EVENTS.send(id));
}

/** Whom an event is told, by its kind. */
const NOTIFY: Record<string, string> = {
  "task.created": `INSERT INTO notifications (id, user_id, event_id, type, project_id, payload, created_at)
    SELECT substr(e.id, 1, 24) || printf('%012x', r.user_id), r.user_id, e.id, 'task_assigned', e.project_id,
           json_object('actor_id', e.actor_id, 'task_id', t.id), e.created_at
    FROM events e JOIN tasks t ON t.id = e.entity_id
         JOIN team_members r ON r.project_id = e.project_id AND r.user_id = e.data ->> '$.assignee_id'
    WHERE e.id = ?1 AND r.user_id IS NOT e.actor_id
      AND NOT EXISTS (SELECT 1 FROM notification_settings s WHERE s.user_id = r.user_id AND s.type = 'task_assigned' AND NOT s.in_app)
    ON CONFLICT DO NOTHING`,
  "comment.created": `WITH team AS (
      SELECT r.user_id, e.id AS event_id, e.project_id, e.actor_id, e.created_at, c.id, c.parent_id, c.entity_type, c.task_id,
             EXISTS (SELECT 1 FROM comment_mentions k WHERE k.comment_id = c.id AND k.user_id = r.user_id)
               AND NOT EXISTS (SELECT 1 FROM notification_settings s WHERE s.user_id = r.user_id AND s.type = 'mention' AND NOT s.in_app)
               AS is_mentioned,
             (r.user_id IS p.author_id OR r.user_id IS t.assignee_id OR r.user_id IS t.created_by
               OR (c.task_id IS NULL AND r.role = 'owner')
               OR EXISTS (SELECT 1 FROM comments o WHERE o.author_id = r.user_id AND o.project_id = c.project_id
                            AND o.entity_type = c.entity_type AND o.entity_id = c.entity_id))
               AND NOT EXISTS (SELECT 1 FROM notification_settings s WHERE s.user_id = r.user_id AND s.type = 'comment_added' AND NOT s.in_app)
               AS is_concerned
      FROM events e JOIN comments c ON c.id = e.entity_id
           LEFT JOIN comments p ON p.id = c.parent_id LEFT JOIN tasks t ON t.id = c.task_id
           JOIN team_members r ON r.project_id = e.project_id
      WHERE e.id = ?1 AND c.deleted_at IS NULL AND r.user_id IS NOT e.actor_id)
    INSERT INTO notifications (id, user_id, event_id, type, project_id, payload, created_at)
    SELECT substr(event_id, 1, 24) || printf('%012x', user_id), user_id, event_id, iif(is_mentioned, 'mention', 'comment_added'), project_id,
           json_object('actor_id', actor_id, 'comment_id', id, 'parent_id', parent_id, 'entity_type', entity_type, 'task_id', task_id),
           created_at
    FROM team
    WHERE (is_mentioned OR is_concerned)
      AND NOT EXISTS (SELECT 1 FROM notifications n WHERE n.user_id = team.user_id AND n.type = 'mention' AND n.payload ->> 'comment_id' = +team.id)
    ON CONFLICT DO NOTHING`,
};

/** Does everything that follows from these events, once, in two trips for all of them. */
export async function deliver(env: Bindings, ids: string[]) {
  const list = JSON.stringify(ids);
  const [found] = await env.DB.batch<{ id: string; kind: string }>([
    env.DB.prepare(
      `SELECT id, kind, entity_id, created_at FROM events
       WHERE id IN (SELECT value FROM json_each(?1)) AND delivered_at IS NULL`,
    ).bind(list),
  ]);
  if (!found?.results.length) return;
  await env.DB.batch([
    ...found.results.flatMap(({ id, kind }) => (kind in NOTIFY ? [env.DB.prepare(NOTIFY[kind]!).bind(id)] : [])),
    env.DB.prepare(
      `UPDATE events SET delivered_at = ?2
       WHERE id IN (SELECT value FROM json_each(?1)) AND delivered_at IS NULL`,
    ).bind(list, new Date().toISOString()),
  ]);
}
