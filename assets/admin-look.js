// What there is to see: figures, machines, queues, and files of all of it.

import { $, ask, query } from "./admin-ask.js";
import { act, bars, facts, line, list, tag, value, words } from "./admin-parts.js";
import { make } from "./site.js";

const EXPORTS = {
  audit: "Everything that happened, with its link in the chain.",
  users: "Accounts with their tier and standing.",
  previews: "Previews, what became of them and how long they took.",
  ai_docs: "AI documents, what became of them and how long they took.",
  workers: "Worker nodes and when they were last heard of.",
  metrics: "Figures by the day.",
};

/** Which figures stand together; what is new to this page comes last. */
const GROUPS = {
  People: /^(users|active_|signups_|failed_logins_)/,
  Work: /^(projects|previews_|ai_docs_|escalations_|webhook)/,
  Service: /./,
};

export async function overview() {
  const data = await ask("/admin/overview");
  if (!data) return;
  const { health, figures = {}, series = [], hours = [], switches, ...lists } = data;
  if (health) standing(health);
  const daily = charts(series, "day", past(30, DAY, 10, ""));
  const hourly = charts(hours, "hour", past(25, HOUR, 13, ":00:00.000Z"));
  $("charts").replaceChildren(...daily, ...hourly);
  const left = new Map(Object.entries(figures));
  const groups = Object.entries(GROUPS).map(([title, which]) => {
    const mine = [...left].filter(([name]) => which.test(name));
    mine.forEach(([name]) => left.delete(name));
    return mine.length ? [part(title, facts(Object.fromEntries(mine)))] : [];
  });
  const tables = Object.entries(lists).map(([name, rows]) => part(words(name), list(words(name), rows)));
  $("figures").replaceChildren(...groups.flat(), ...tables);
  return true;
}

const part = (title, ...content) => make("section", {}, make("h2", {}, title), ...content);

function standing({ level, reasons }) {
  const title = { green: "All is well.", yellow: "Something needs a look.", red: "Something is wrong." }[level];
  $("health").className = `health ${level}`;
  const list = make("ul", {}, ...reasons.map((reason) => make("li", {}, words(reason))));
  $("health").replaceChildren(make("strong", {}, title), ...(reasons.length ? [list] : []));
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** How the last so many days or hours are named, the current one last. */
const past = (count, long, digits, rest) =>
  Array.from({ length: count }, (_, i) => new Date(Date.now() - (count - 1 - i) * long).toISOString().slice(0, digits) + rest);

/** A chart for each figure. Times at which nothing happened are not told, but shown. */
function charts(rows, unit, times) {
  const told = new Map(rows.map((row) => [row[unit], row]));
  const names = rows.length ? Object.keys(rows[0]).filter((name) => name !== unit) : [];
  return names.map((name) => bars(words(name), times.map((time) => [time, told.get(time)?.[name] ?? 0])));
}

export async function workers() {
  const data = await ask(`/admin/workers?${query($("worker-filter"))}&page_size=200`);
  if (!data) return;
  const how = { healthy: "good", warning: "warn", critical: "bad" };
  const status = (row) => tag(row.status, how[row.status]);
  const none = make("p", { className: "empty" }, "No worker has been heard of. cargo xtask preview-worker starts one.");
  $("worker-list").replaceChildren(data.items.length ? list("Workers", data.items, { status }) : none);
  return true;
}

export async function queues() {
  const data = await ask("/admin/queues");
  if (!data) return;
  const each = ({ queue, samples, longest_waits, ...rest }) => {
    const drawn = line(words(queue), `${value(rest.waiting)} waiting`, samples.map(({ at, waiting }) => [at, waiting]));
    const waits = Object.entries(longest_waits).map(([tier, of]) => [`longest_wait_of_${tier}_seconds`, of]);
    drawn.append(facts({ ...rest, ...Object.fromEntries(waits) }));
    return drawn;
  };
  $("queue-list").replaceChildren(...data.items.map(each));
  return true;
}

export async function questions() {
  const data = await ask("/admin/questions?page_size=200");
  if (!data) return;
  const { items, total } = data;
  const rest = total > items.length ? [make("p", {}, `${total - items.length} earlier ones are not shown.`)] : [];
  const rows = items.map(({ question, ...about }) => ({ question, ...about }));
  $("question-list").replaceChildren(list("Questions", rows), ...rest);
  return true;
}

export async function exporting() {
  const range = query($("export-range"));
  const links = (type) => ["csv", "json", "ndjson"].map((format) => {
    const asked = new URLSearchParams([...range, ["format", format]]);
    return [format.toUpperCase(), `/api/v1/admin/export/${type}?${asked}`];
  });
  $("exports").replaceChildren(...Object.entries(EXPORTS).map(([type, text]) => act(words(type), text, links(type))));
  return true;
}
