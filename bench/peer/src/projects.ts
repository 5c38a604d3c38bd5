import { Hono } from "hono";
import * as z from "zod";
import { actorAnd, claims } from "./access";
import { type Env, batch } from "./env";
import { Failure, body, checked } from "./errors";
import { announce, event } from "./events";
import { newId } from "./ids";
import { Id, pageOf, paging, text } from "./inputs";

const NewProject = z.object({ name: text(160, 1), description: text(4000).nullish() });

const Filter = z.object({
  search: text(100).optional(),
  favorite: z.stringbool({ truthy: ["true"], falsy: ["false"] }).optional(),
  sort: z.enum(["created_at", "-created_at", "updated_at", "-updated_at", "name", "-name"]).default("-created_at"),
  ...paging,
});

function shown(row: any) {
  return { ...row, is_favorite: row.is_favorite === 1, tags: JSON.parse(row.tags) };
}

export const projects = new Hono<Env>();

projects.get("/", async (c) => {
  const { search, favorite, sort, ...where } = checked(Filter, c.req.query());
  const { user, tier } = claims(c);
  const { page, size, offset } = pageOf(where, tier);
  const asked = search || null;
  const folded = asked?.toLowerCase() ?? null;
  const wanted = favorite === undefined ? null : Number(favorite);
  const [, [count], rows] = await actorAnd(
    c,
    c.env.DB.prepare(
      `SELECT count(*) AS total
       FROM team_members m JOIN projects p ON p.id = m.project_id
       WHERE m.user_id = ?1
         AND (?2 IS NULL OR instr(lower(p.name), ?3) OR instr(lower(p.description), ?3)
              OR instr(p.name, ?2) OR instr(p.description, ?2))
         AND (?4 IS NULL OR ?4 = EXISTS (SELECT 1 FROM project_favorites f WHERE f.user_id = ?1 AND f.project_id = p.id))`,
    ).bind(user, asked, folded, wanted),
    c.env.DB.prepare(
      `WITH page AS (
         SELECT p.*, m.role, row_number() OVER (ORDER BY
           CASE ?5 WHEN 'created_at' THEN p.created_at WHEN 'updated_at' THEN p.updated_at END,
           CASE ?5 WHEN '-created_at' THEN p.created_at WHEN '-updated_at' THEN p.updated_at END DESC,
           CASE ?5 WHEN 'name' THEN p.name END COLLATE NOCASE,
           CASE ?5 WHEN '-name' THEN p.name END COLLATE NOCASE DESC,
           p.id DESC) AS place
         FROM team_members m JOIN projects p ON p.id = m.project_id
         WHERE m.user_id = ?1
           AND (?2 IS NULL OR instr(lower(p.name), ?3) OR instr(lower(p.description), ?3)
                OR instr(p.name, ?2) OR instr(p.description, ?2))
           AND (?4 IS NULL OR ?4 = EXISTS (SELECT 1 FROM project_favorites f WHERE f.user_id = ?1 AND f.project_id = p.id))
         ORDER BY place LIMIT ?6 OFFSET ?7)
       SELECT id, owner_id, name, description, role, created_at, updated_at,
              EXISTS (SELECT 1 FROM project_favorites f WHERE f.user_id = ?1 AND f.project_id = page.id) AS is_favorite,
              (SELECT json_group_array(json_object('id', t.id, 'name', t.name, 'color', t.color, 'created_at', t.created_at))
               FROM (SELECT * FROM project_tags WHERE project_id = page.id ORDER BY name) t) AS tags
       FROM page ORDER BY place`,
    ).bind(user, asked, folded, wanted, sort, size, offset),
  );
  return c.json({ items: rows.map(shown), total: count.total, page, page_size: size });
});

projects.get("/:project_id", async (c) => {
  const id = Id.safeParse(c.req.param("project_id"));
  const [, rows] = await actorAnd(
    c,
    c.env.DB.prepare(
      `SELECT p.id, p.owner_id, p.name, p.description, m.role, p.created_at, p.updated_at,
              EXISTS (SELECT 1 FROM project_favorites f WHERE f.user_id = m.user_id AND f.project_id = p.id) AS is_favorite,
              (SELECT json_group_array(json_object('id', t.id, 'name', t.name, 'color', t.color, 'created_at', t.created_at))
               FROM (SELECT * FROM project_tags WHERE project_id = p.id ORDER BY name) t) AS tags
       FROM team_members m JOIN projects p ON p.id = m.project_id
       WHERE m.project_id = ?1 AND m.user_id = ?2`,
    ).bind(id.data ?? "", claims(c).user),
  );
  if (!rows?.[0]) throw new Failure("PROJECT_NOT_FOUND");
  return c.json({ data: shown(rows[0]) });
});

projects.post("/", async (c) => {
  const [actor] = await actorAnd(c);
  const { name, description = null } = await body(c, NewProject);
  const id = newId(c.get("now"));
  const at = c.get("now").toISOString();
  const happened = event(c, { kind: "project.created", actor: actor.id, project: id, entity: id });
  await batch(c, [
    c.env.DB.prepare(
      `INSERT INTO refusals SELECT 'TIER_LIMIT_EXCEEDED ' || used
       FROM (SELECT count(*) AS used FROM projects WHERE owner_id = ?1) WHERE used >= ?2`,
    ).bind(actor.id, Number(c.env.LIMIT_PROJECTS_FREE)),
    c.env.DB.prepare(
      "INSERT INTO projects (id, owner_id, name, description, created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?5)",
    ).bind(id, actor.id, name, description, at),
    c.env.DB.prepare("INSERT INTO team_members (project_id, user_id, role, joined_at) VALUES (?1, ?2, 'owner', ?3)").bind(id, actor.id, at),
    happened.insert,
  ]);
  announce(c, happened.id);
  const project = { id, owner_id: actor.id, name, description, role: "owner", is_favorite: false, tags: [], created_at: at, updated_at: at };
  return c.json({ data: project }, 201);
});
