import { Hono } from "hono";
import * as z from "zod";
import { actorAnd, claims, mustBeMember } from "./access";
import { type Env, batch } from "./env";
import { Failure, body, invalid } from "./errors";
import { announce, event } from "./events";
import { newId } from "./ids";
import { Id, text } from "./inputs";

interface Person {
  id: number;
  username: string | null;
}

const NewComment = z.object({
  entity_type: z.enum(["project", "task", "code"]).default("project"),
  entity_id: text(512, 1).nullish(),
  parent_id: Id.nullish(),
  body: text(10_000, 1),
});

/** What it is on: the entity's id, and the task it is. */
function entityOf({ entity_type, entity_id }: z.output<typeof NewComment>, project: string): [string, string | null] {
  if (entity_type === "project") {
    if (entity_id && entity_id.toLowerCase() !== project) throw invalid("entity_id", "must be this project");
    return [project, null];
  }
  if (!entity_id) throw invalid("entity_id", "is required");
  if (entity_type === "code") return [entity_id, null];
  const task = Id.safeParse(entity_id).data;
  if (!task) throw invalid("entity_id", "must be a UUID");
  return [task, task];
}

/** Those of the team whom a text names as `@username`, at most 20. */
function mentioned(body: string, team: Person[]): Person[] {
  const found = new Set<Person>();
  for (const [, name] of body.matchAll(/(?<![\p{L}\p{N}._\-+\/@])@([A-Za-z0-9._-]+)(?![\p{L}\p{N}@])/gu)) {
    const wanted = name!.toLowerCase();
    const person = team.find(({ username }) => username?.toLowerCase() === wanted || username?.toLowerCase() === wanted.replace(/[._-]+$/, ""));
    if (person && found.size < 20) found.add(person);
  }
  return [...found].sort((a, b) => a.id - b.id);
}

export const comments = new Hono<Env>();

comments.post("/:project_id/comments", async (c) => {
  const { user } = claims(c);
  const project = Id.safeParse(c.req.param("project_id")).data ?? "";
  const [, [row]] = await actorAnd(
    c,
    c.env.DB.prepare(
      `SELECT m.project_id, m.role,
              (SELECT json_group_array(json_object('id', u.id, 'username', u.username, 'display_name', u.display_name, 'avatar_url', u.avatar_url))
               FROM team_members t JOIN users u ON u.id = t.user_id WHERE t.project_id = m.project_id) AS people
       FROM team_members m WHERE m.project_id = ?1 AND m.user_id = ?2`,
    ).bind(project, user),
  );
  if (!row) throw new Failure("PROJECT_NOT_FOUND");
  const given = await body(c, NewComment);
  const { entity_type, parent_id = null, body: said } = given;
  const [entity_id, task] = entityOf(given, project);
  const team: Person[] = JSON.parse(row.people);
  const mentions = mentioned(said, team);
  const ids = mentions.map(({ id }) => id);
  const id = newId(c.get("now"));
  const at = c.get("now").toISOString();
  const data = { entity_type, parent_id, mentions: ids };
  const happened = event(c, { kind: "comment.created", actor: user, project, task, entity: id, data });
  await batch(c, [
    mustBeMember(c, project, user),
    c.env.DB.prepare(
      `INSERT INTO refusals SELECT 'TASK_NOT_FOUND' WHERE ?1 IS NOT NULL
         AND NOT EXISTS (SELECT 1 FROM tasks WHERE id = ?1 AND project_id = ?2)`,
    ).bind(task, project),
    c.env.DB.prepare(
      `INSERT INTO refusals SELECT 'COMMENT_NOT_FOUND' WHERE ?1 IS NOT NULL
         AND NOT EXISTS (SELECT 1 FROM comments WHERE id = ?1 AND project_id = ?2 AND entity_type = ?3 AND entity_id = ?4
                           AND deleted_at IS NULL)`,
    ).bind(parent_id, project, entity_type, entity_id),
    c.env.DB.prepare(
      `INSERT INTO comments (id, project_id, parent_id, entity_type, entity_id, task_id, author_id, body, created_at, updated_at)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9)`,
    ).bind(id, project, parent_id, entity_type, entity_id, task, user, said, at),
    c.env.DB.prepare(
      "INSERT INTO comment_mentions (comment_id, user_id) SELECT ?1, value FROM json_each(?2) WHERE true ON CONFLICT DO NOTHING",
    ).bind(id, JSON.stringify(ids)),
    happened.insert,
  ]);
  announce(c, happened.id);
  const comment = {
    id, project_id: project, parent_id, entity_type, entity_id, author_id: user, author: team.find((person) => person.id === user),
    body: said, mentions, is_starred: false, star_count: 0, reply_count: 0, is_deleted: false, version: 1, created_at: at, updated_at: at,
  };
  return c.json({ data: comment }, 201);
});
