import { Hono } from "hono";
import * as z from "zod";
import { actorAnd, claims, memberOf, mustBeMember } from "./access";
import { type Env, batch } from "./env";
import { Failure, body, checked, invalid } from "./errors";
import { announce, event } from "./events";
import { newId } from "./ids";
import { Id, paging, pageOf, text } from "./inputs";

const Moment = z.union([z.iso.date(), z.iso.datetime({ offset: true })]).transform((text) => new Date(text).toISOString());
const Status = z.enum(["open", "in_progress", "blocked", "done"]);
const Ids = z.array(Id).max(20).transform((ids) => [...new Set(ids)].sort());
const listed = (text: string) => text.split(",");

const NewTask = z.object({
  title: text(200, 1),
  description: text(10_000).nullish(),
  status: Status.default("open"),
  assignee_id: z.int().nullish(),
  due_date: Moment.nullish(),
  label_ids: Ids.default([]),
});

/** What both lists of tasks can be filtered by. */
export const filters = {
  status: z.string().transform(listed).pipe(z.array(Status)).optional(),
  assignee: z.union([z.enum(["me", "none"]), z.coerce.number().int().min(1)]).optional(),
  labels: z.string().transform(listed).pipe(Ids).optional(),
  due_after: Moment.optional(),
  due_before: Moment.optional(),
};

/** As the statements take it: 0 is nobody. */
export function assigneeOf(assignee: "me" | "none" | number | undefined, user: number): number | null {
  return assignee === "me" ? user : assignee === "none" ? 0 : (assignee ?? null);
}

const Filter = z.object({
  ...filters,
  search: text(100).optional(),
  sort: z.enum(["created_at", "-created_at", "updated_at", "-updated_at", "due_date", "-due_date"]).default("-created_at"),
  ...paging,
});

function shown({ role: _, ...row }: any) {
  const [assignee, label_ids, labels, depends_on] = [row.assignee, row.label_ids, row.labels, row.depends_on].map(
    (json) => json && JSON.parse(json),
  );
  return { ...row, assignee, label_ids, labels, depends_on };
}

const MATCHES = `t.project_id = ?1 AND t.status IN (SELECT value FROM json_each(?2))
  AND (?3 IS NULL OR t.assignee_id IS nullif(?3, 0))
  AND (?4 IS NULL OR json_array_length(?4) =
    (SELECT count(*) FROM task_label_links WHERE task_id = t.id AND label_id IN (SELECT value FROM json_each(?4))))
  AND (?5 IS NULL OR t.due_date >= ?5) AND (?6 IS NULL OR t.due_date < ?6)
  AND (?7 IS NULL OR t.n IN (SELECT rowid FROM tasks_fts WHERE tasks_fts MATCH
    'scope : "' || (SELECT scope FROM projects WHERE id = ?1) || '" AND {title description} : (' || ?7 || ')'))
  AND (?8 IS NULL OR NOT EXISTS (SELECT 1 FROM json_each(?8)
    WHERE NOT instr(lower(t.title || char(10) || ifnull(t.description, '')), value)))`;

export const tasks = new Hono<Env>();

tasks.get("/:project_id/tasks", async (c) => {
  const { status, assignee, labels, due_after, due_before, search, sort, ...asked } = checked(Filter, c.req.query());
  const { user, tier } = claims(c);
  const { page, size, offset } = pageOf(asked, tier);
  const words = search?.toLowerCase().split(/\s+/).filter(Boolean) ?? [];
  const long = words.filter((word) => [...word].length >= 3).map((word) => `"${word.replaceAll('"', '""')}"`);
  const short = words.filter((word) => [...word].length < 3);
  const project = Id.safeParse(c.req.param("project_id")).data ?? "";
  const newest = sort === "-created_at" && !words.length && [status, assignee, labels, due_after, due_before].every((it) => it === undefined);
  const filter = [
    project,
    JSON.stringify(status ?? Status.options),
    assigneeOf(assignee, user),
    labels ? JSON.stringify(labels) : null,
    due_after ?? null,
    due_before ?? null,
    long.length ? long.join(" AND ") : null,
    short.length ? JSON.stringify(short) : null,
  ];
  const [, [member], [count], rows] = await actorAnd(
    c,
    memberOf(c, project, user),
    c.env.DB.prepare(
      `SELECT count(*) AS total FROM tasks t
       WHERE ${MATCHES}`,
    ).bind(...filter),
    c.env.DB.prepare(
      `WITH page AS (
         SELECT * FROM (
           SELECT n, id, NULL AS up, id AS down FROM tasks WHERE ?13 AND project_id = ?1 ORDER BY id DESC LIMIT ?10 OFFSET ?11)
         UNION ALL
         SELECT * FROM (
           SELECT t.n, t.id,
                  CASE ?9 WHEN 'created_at' THEN t.id WHEN 'updated_at' THEN t.updated_at WHEN 'due_date' THEN t.due_date END AS up,
                  CASE ?9 WHEN '-created_at' THEN t.id WHEN '-updated_at' THEN t.updated_at WHEN '-due_date' THEN t.due_date END AS down
           FROM tasks t
           WHERE NOT ?13 AND ${MATCHES}
           ORDER BY up NULLS LAST, down DESC NULLS LAST, t.id DESC LIMIT ?10 OFFSET ?11))
       SELECT t.id, t.project_id, t.title, t.description, t.status, t.assignee_id, t.due_date, t.created_by, t.version,
              t.created_at, t.updated_at, m.role,
              (SELECT json_object('id', u.id, 'username', u.username, 'display_name', u.display_name, 'avatar_url', u.avatar_url)
               FROM users u WHERE u.id = t.assignee_id) AS assignee,
              (SELECT json_group_array(id) FROM (SELECT l.id FROM task_label_links k JOIN task_labels l ON l.id = k.label_id
                                                 WHERE k.task_id = t.id ORDER BY l.name)) AS label_ids,
              (SELECT json_group_array(json_object('id', id, 'name', name, 'color', color))
               FROM (SELECT l.* FROM task_label_links k JOIN task_labels l ON l.id = k.label_id
                     WHERE k.task_id = t.id ORDER BY l.name)) AS labels,
              (SELECT json_group_array(depends_on_task_id)
               FROM (SELECT depends_on_task_id FROM task_dependencies WHERE task_id = t.id ORDER BY depends_on_task_id)) AS depends_on,
              (SELECT count(*) FROM comments WHERE task_id = t.id AND deleted_at IS NULL) AS comment_count,
              (SELECT count(*) FROM task_attachments WHERE task_id = t.id) AS attachment_count
       FROM page JOIN tasks t ON t.n = page.n JOIN team_members m ON m.project_id = t.project_id AND m.user_id = ?12
       ORDER BY page.up NULLS LAST, page.down DESC NULLS LAST, page.id DESC`,
    ).bind(...filter, sort, size, offset, user, Number(newest)),
  );
  if (!member) throw new Failure("PROJECT_NOT_FOUND");
  return c.json({ items: rows.map(shown), total: count.total, page, page_size: size });
});

tasks.post("/:project_id/tasks", async (c) => {
  const { user } = claims(c);
  const project = Id.safeParse(c.req.param("project_id")).data ?? "";
  const [, [board]] = await actorAnd(
    c,
    c.env.DB.prepare(
      `SELECT m.project_id AS id, m.role,
              (SELECT json_group_array(json_object('id', l.id, 'name', l.name, 'color', l.color, 'created_at', l.created_at))
               FROM (SELECT * FROM task_labels WHERE project_id = m.project_id ORDER BY name) l) AS labels,
              (SELECT json_group_array(json_object('id', u.id, 'username', u.username, 'display_name', u.display_name, 'avatar_url', u.avatar_url))
               FROM team_members t JOIN users u ON u.id = t.user_id WHERE t.project_id = m.project_id) AS team
       FROM team_members m WHERE m.project_id = ?1 AND m.user_id = ?2`,
    ).bind(project, user),
  );
  if (!board) throw new Failure("PROJECT_NOT_FOUND");
  const { title, description = null, status, assignee_id = null, due_date = null, label_ids } = await body(c, NewTask);
  const assignee = JSON.parse(board.team).find(({ id }: { id: number }) => id === assignee_id) ?? null;
  if (assignee_id !== null && !assignee) throw invalid("assignee_id", "is not on the project's team");
  const labels = JSON.parse(board.labels)
    .filter(({ id }: { id: string }) => label_ids.includes(id))
    .map(({ created_at: _, ...label }: { created_at: string }) => label);
  if (labels.length < label_ids.length) throw invalid("label_ids", "names a label that the project does not have");
  const id = newId(c.get("now"));
  const at = c.get("now").toISOString();
  const happened = event(c, { kind: "task.created", actor: user, project, task: id, entity: id, data: { assignee_id, status } });
  await batch(c, [
    mustBeMember(c, project, user),
    c.env.DB.prepare(
      `INSERT INTO refusals SELECT 'CONFLICT'
       WHERE ?2 NOT IN (SELECT user_id FROM team_members WHERE project_id = ?1)
          OR json_array_length(?3) > (SELECT count(*) FROM task_labels
                                      WHERE project_id = ?1 AND id IN (SELECT value FROM json_each(?3)))`,
    ).bind(project, assignee_id, JSON.stringify(label_ids)),
    c.env.DB.prepare(
      `INSERT INTO tasks (id, project_id, title, description, status, assignee_id, due_date, created_by, created_at, updated_at)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9)`,
    ).bind(id, project, title, description, status, assignee_id, due_date, user, at),
    c.env.DB.prepare("INSERT INTO task_label_links (task_id, label_id) SELECT ?1, value FROM json_each(?2)").bind(id, JSON.stringify(label_ids)),
    happened.insert,
  ]);
  announce(c, happened.id);
  c.header("etag", '"1"');
  const task = {
    id, project_id: project, title, description, status, assignee_id, assignee, due_date,
    label_ids: labels.map(({ id }: { id: string }) => id), labels, depends_on: [], comment_count: 0, attachment_count: 0,
    created_by: user, version: 1, created_at: at, updated_at: at,
  };
  return c.json({ data: task }, 201);
});
