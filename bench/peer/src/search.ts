import { Hono } from "hono";
import * as z from "zod";
import { actorAnd, claims } from "./access";
import type { Env } from "./env";
import { checked } from "./errors";
import { Id, pageOf, paging, text } from "./inputs";
import { assigneeOf, filters } from "./tasks";

const Filter = z.object({ ...filters, q: text(100, 1), project_id: Id.optional(), ...paging });

/** Characters of a snippet, and of those before the first match. */
const SHOWN = 200;
const BEFORE = 50;

const ENTITIES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
const escaped = (text: string) => text.replace(/[&<>"']/g, (c) => ENTITIES[c]!);

/** Without case and accents, where that leaves every letter in its place. */
function folded(text: string): string {
  const plain = text.toLowerCase().normalize("NFD").replace(/\p{M}/gu, "");
  return plain.length === text.length ? plain : text.toLowerCase();
}

/** The part of a text around the first match, matches marked, everything else escaped. */
function snippet(text: string, words: string[]): string {
  const pattern = words.map((word) => folded(word).replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|");
  const marks = [...folded(text).matchAll(new RegExp(pattern, "g"))];
  const start = Math.max(0, (marks[0]?.index ?? 0) - BEFORE);
  const end = Math.min(text.length, start + SHOWN);
  let html = start > 0 ? "…" : "";
  let at = start;
  for (const { index, 0: match } of marks) {
    if (index + match.length > end) break;
    html += `${escaped(text.slice(at, index))}<mark>${escaped(text.slice(index, index + match.length))}</mark>`;
    at = index + match.length;
  }
  return html + escaped(text.slice(at, end)) + (end < text.length ? "…" : "");
}

/** Where among everybody's tasks the index is to look. */
const SCOPE = `SELECT 'scope : (' || ifnull(group_concat('"' || p.scope || '"', ' OR '), '"---"') || ') AND '
  FROM team_members m JOIN projects p ON p.id = m.project_id WHERE m.user_id = ?1 AND (?4 IS NULL OR p.id = ?4)`;

/** All tasks of the caller, where no word is long enough for the index. */
const UNINDEXED = `team_members m CROSS JOIN projects p ON p.id = m.project_id
  CROSS JOIN tasks t NOT INDEXED ON t.n BETWEEN p.slot << 28 AND (p.slot << 28) + 268435455 AND t.project_id = p.id
  WHERE ?2 = '[]' AND m.user_id = ?1 AND (?4 IS NULL OR p.id = ?4)`;

const MATCHES = `NOT EXISTS (SELECT 1 FROM json_each(?3) WHERE NOT instr(lower(t.title || char(10) || ifnull(t.description, '')), value))
  AND (?4 IS NULL OR t.project_id = ?4)
  AND (?5 IS NULL OR t.status IN (SELECT value FROM json_each(?5)))
  AND (?6 IS NULL OR t.assignee_id IS nullif(?6, 0))
  AND (?7 IS NULL OR json_array_length(?7) =
    (SELECT count(*) FROM task_label_links WHERE task_id = t.id AND label_id IN (SELECT value FROM json_each(?7))))
  AND (?8 IS NULL OR t.due_date >= ?8) AND (?9 IS NULL OR t.due_date < ?9)`;

export const search = new Hono<Env>();

search.get("/tasks", async (c) => {
  const { q, project_id, status, assignee, labels, due_after, due_before, ...asked } = checked(Filter, c.req.query());
  const { user, tier } = claims(c);
  const { page, size, offset } = pageOf(asked, tier);
  const words = [...new Set(q.toLowerCase().split(/\s+/).filter(Boolean))];
  const quoted = (word: string) => `"${word.replaceAll('"', '""')}"`;
  const long = words.filter((word) => [...word].length >= 3).map(quoted);
  const short = words.filter((word) => [...word].length < 3);
  const all = `(${long.join(" AND ")})`;
  const anywhere = long.length ? [`{title description} : ${all}`] : [];
  // The keys rank: the title begins so, has all words, or the description has some.
  const ranked = long.length ? [`title : ^ ${quoted(words.join(" "))}`, `title : ${all}`, ...anywhere] : [];
  const filter = [
    JSON.stringify(short),
    project_id ?? null,
    status ? JSON.stringify(status) : null,
    assigneeOf(assignee, user),
    labels ? JSON.stringify(labels) : null,
    due_after ?? null,
    due_before ?? null,
  ];
  const [, [count], rows] = await actorAnd(
    c,
    c.env.DB.prepare(
      `WITH hits AS (
         SELECT tasks_fts.rowid AS n FROM json_each(?2) CROSS JOIN tasks_fts
         WHERE tasks_fts MATCH (${SCOPE}) || value
         UNION ALL
         SELECT t.n FROM ${UNINDEXED})
       SELECT count(*) AS total
       FROM hits CROSS JOIN tasks t ON t.n = hits.n CROSS JOIN team_members m ON m.project_id = t.project_id AND m.user_id = ?1
       WHERE ${MATCHES}`,
    ).bind(user, JSON.stringify(anywhere), ...filter),
    c.env.DB.prepare(
      `WITH hits AS (
         SELECT tasks_fts.rowid AS n, min(key) AS best FROM json_each(?2) CROSS JOIN tasks_fts
         WHERE tasks_fts MATCH (${SCOPE}) || value
         GROUP BY 1
         UNION ALL
         SELECT t.n, NULL FROM ${UNINDEXED}),
       page AS (
         SELECT t.n, t.updated_at, t.id,
                CASE WHEN best = 0 OR best IS NULL AND instr(lower(t.title), ?10) = 1 THEN length(t.title) > length(?10)
                     WHEN best IS NOT 2 AND NOT EXISTS (SELECT 1 FROM json_each(?3) WHERE NOT instr(lower(t.title), value)) THEN 2
                     ELSE 3 END AS rank
         FROM hits CROSS JOIN tasks t ON t.n = hits.n CROSS JOIN team_members m ON m.project_id = t.project_id AND m.user_id = ?1
         WHERE ${MATCHES}
         ORDER BY rank, t.updated_at DESC, t.id DESC LIMIT ?11 OFFSET ?12)
       SELECT t.id, t.project_id, p.name AS project_name, t.title, t.status, t.assignee_id, t.due_date, t.created_at, t.updated_at,
              iif(page.rank < 3, t.title, ifnull(t.description, t.title)) AS found
       FROM page CROSS JOIN tasks t ON t.n = page.n CROSS JOIN projects p ON p.id = t.project_id
       ORDER BY page.rank, page.updated_at DESC, page.id DESC`,
    ).bind(user, JSON.stringify(ranked), ...filter, words.join(" "), size, offset),
  );
  const items = rows.map(({ found, ...row }) => ({ ...row, snippet: snippet(found, words) }));
  return c.json({ items, total: count.total, page, page_size: size });
});
