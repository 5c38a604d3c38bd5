// What operators see of the service, and what they do to it. Every look is written down in the audit log: so nothing
// here asks by itself, but when somebody opens a view or presses a button.

import { bars, facts, line, table, tag, time, value, words } from "./admin-parts.js";
import { call, explain, make, show } from "./site.js";

const $ = (id) => document.getElementById(id);
const said = (text) => ($("said").textContent = text);

const EXPORTS = {
  audit: "Everything that happened, with its link in the chain.",
  users: "Accounts with their tier and standing.",
  previews: "Previews, what became of them and how long they took.",
  ai_docs: "AI documents, what became of them and how long they took.",
  workers: "Worker nodes and when they were last heard of.",
  metrics: "Figures by the day.",
};

const SWITCHES = {
  previews: ["Previews", "Whether new previews may be asked for.", "Switch previews off? Those that run go on."],
  ai_docs: ["AI documents", "Whether new AI documents may be asked for.", "Switch AI documents off? Those that run go on."],
  maintenance: [
    "Maintenance",
    "While in force, everybody but operators is turned away.",
    "Turn everybody but operators away, at once?",
  ],
  read_only: [
    "Read only",
    "While in force, nobody but operators changes anything.",
    "Refuse every change but operators’, at once?",
  ],
};
const ALLOWS = ["previews", "ai_docs"];

/** What each does, and what to ask before, where it cannot be taken back. */
const MAINTENANCE = {
  run_diagnostics: ["Run diagnostics", "Checks the database, its search indexes, storage, queues and configuration."],
  cleanup: ["Clean up", "Does the round of the cron now: drops what is past keeping, sends again what was not delivered."],
  cache_reset: ["Reset caches", "Lets go of what is remembered at the edge; it is read anew."],
  reindex: ["Rebuild the search", "Builds the search indexes anew, piece by piece.", "Search may miss things until it is done."],
  drain_workers: ["Drain workers", "Workers end what they do and take nothing new."],
  reset_preview_queue: [
    "Empty the preview queue",
    "Cancels every preview that waits or runs.",
    "Every preview that waits or runs is canceled. Their users have to ask again.",
  ],
  reset_ai_queue: [
    "Empty the AI queue",
    "Cancels every AI document that waits or runs.",
    "Every AI document that waits or runs is canceled. Their users have to ask again.",
  ],
  invalidate_sessions: [
    "End all sessions",
    "Logs everybody out but you.",
    "Everybody but you is logged out, on every device. API keys go on working.",
  ],
};

// ---- Asking

/** Answers with the data; where there is none it shows why, and answers nothing. */
async function ask(path) {
  const answer = await call("GET", path).catch(() => null);
  if (answer?.ok) return answer.data;
  stop(answer);
}

/** Shows why there is nothing to see: what the API answered, or that this page does not understand it. */
function stop(answer) {
  if (answer instanceof Error) console.error(answer);
  if (answer?.status === 401) return leave();
  if (answer?.error?.code === "AUTH_FORBIDDEN") return show("refused");
  $("trouble-text").textContent = answer instanceof Error ? "This page is older than the service. Reload it." : explain(answer);
  show("trouble");
}

function leave() {
  document.querySelector("nav").hidden = $("logout").hidden = true;
  $("email").textContent = "";
  $("sure").close();
  show("enter");
}

const query = (form) => {
  const given = [...new FormData(form)].filter(([, text]) => text.trim());
  const asked = given.map(([name, text]) => [name, /^(from|to)$/.test(name) ? new Date(text).toISOString() : text.trim()]);
  return new URLSearchParams(asked);
};

const looked = (view) => {
  const at = make("span", {}, "As of ", time(new Date().toISOString()));
  document.querySelector(`#${view} .when`).replaceChildren(at);
};

// ---- The views

const VIEWS = { overview, workers, queues, audit, control, export: exporting };

/** Which figures stand together; what is new to this page comes last. */
const GROUPS = {
  People: /^(users|active_|signups_|failed_logins_)/,
  Work: /^(projects|previews_|ai_docs_|escalations_|webhook)/,
  Service: /./,
};

async function overview() {
  const data = await ask("/admin/overview");
  if (!data) return;
  const { health, figures = {}, series = [], switches, ...lists } = data;
  if (health) standing(health);
  $("charts").replaceChildren(...charts(series));
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

const DAY = 86_400_000;

/** A chart for each figure. Days on which nothing happened are not told, but shown. */
function charts(series) {
  const days = Array.from({ length: 30 }, (_, i) => new Date(Date.now() - (29 - i) * DAY).toISOString().slice(0, 10));
  const told = new Map(series.map((row) => [row.day, row]));
  const names = series.length ? Object.keys(series[0]).filter((name) => name !== "day") : [];
  return names.map((name) => bars(words(name), days.map((day) => [day, told.get(day)?.[name] ?? 0])));
}

/** Rows of one kind, whatever they have. */
function list(title, rows, shown = {}) {
  if (!rows.length) return make("p", { className: "empty" }, "None.");
  const columns = Object.keys(rows[0]).map((name) => {
    const kinds = rows.map((row) => typeof (row[name] ?? undefined));
    const is = kinds.includes("number") ? "number" : kinds.includes("object") ? "wide" : "";
    return [words(name), shown[name] ?? ((row) => value(row[name], name)), is];
  });
  return table(title, columns, rows);
}

async function workers() {
  const data = await ask(`/admin/workers?${query($("worker-filter"))}&page_size=200`);
  if (!data) return;
  const how = { healthy: "good", warning: "warn", critical: "bad" };
  const status = (row) => tag(row.status, how[row.status]);
  const none = make("p", { className: "empty" }, "No worker has been heard of. cargo xtask preview-worker starts one.");
  $("worker-list").replaceChildren(data.items.length ? list("Workers", data.items, { status }) : none);
  return true;
}

async function queues() {
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

// ---- The audit log

let page = 1;
const PAGE_SIZE = 25;

async function audit() {
  const asked = query($("audit-filter"));
  asked.set("page", page);
  asked.set("page_size", PAGE_SIZE);
  $("audit-note").textContent = "";
  const answer = await call("GET", `/admin/logs/audit?${asked}`).catch(() => null);
  if (answer?.status === 422) {
    const [wrong] = answer.error.details.fields;
    $("audit-note").textContent = `${words(wrong.field)} ${wrong.message}.`;
    return true;
  }
  if (!answer?.ok) return void stop(answer);
  const { items, total } = answer.data;
  const how = { warning: "warn", critical: "bad" };
  const columns = [
    ["When", (row) => time(row.created_at)],
    ["Event", (row) => [row.kind, " ", ...(how[row.severity] ? [tag(row.severity, how[row.severity])] : [])]],
    ["Who", (row) => (row.actor ? [row.actor.email, make("small", {}, `User ${row.actor.id}`)] : "–")],
    ["What it happened to", (row) => [make("code", {}, row.entity_id), ...(row.ip_address ? [make("small", {}, `From ${row.ip_address}`)] : [])], "wide"],
    ["More", (row) => (Object.keys(row.data ?? {}).length ? make("code", {}, JSON.stringify(row.data)) : "–"), "wide"],
    ["Link", (row) => (row.link ? [String(row.link.seq), make("small", { title: row.link.hash }, row.link.hash.slice(0, 8))] : tag("none", "warn"))],
  ];
  const none = make("p", { className: "empty" }, "Nothing of that kind happened.");
  $("audit-list").replaceChildren(items.length ? table("Events", columns, items) : none);
  const pages = Math.max(1, Math.ceil(total / PAGE_SIZE));
  $("audit-page").textContent = `Page ${page} of ${value(pages)}, ${value(total)} events`;
  $("newer").disabled = page <= 1;
  $("older").disabled = page >= pages;
  return true;
}

const turn = (to) => {
  page = to;
  return open("audit", $("audit-list"));
};

/** Walks the whole chain, part by part. */
async function verify(button) {
  const state = $("chain-state");
  button.disabled = true;
  let [checked, next, verdict] = [0, 1, null];
  while (next) {
    const answer = await call("GET", `/admin/logs/audit/verify?from_seq=${next}`).catch(() => null);
    if (answer?.status === 401) return leave();
    if (!answer?.ok) {
      state.textContent = explain(answer);
      button.disabled = false;
      return;
    }
    verdict = answer.data;
    checked += verdict.checked;
    next = verdict.valid ? verdict.next_seq : null;
    state.textContent = `${value(checked)} links checked…`;
  }
  button.disabled = false;
  state.parentElement.className = `chain ${verdict.valid ? "good" : "bad"}`;
  state.replaceChildren(...judgement(verdict, checked));
}

function judgement({ valid, first_broken, unlinked, head }, checked) {
  if (valid) return ["Chain verified: ", `${value(checked)} links`, ...(head ? [`, the last is ${value(head.seq)}, `, time(new Date().toISOString())] : []), "."];
  if (first_broken) return [`The chain is broken at link ${first_broken.seq}: ${words(first_broken.reason).toLowerCase()}.`];
  return [`${value(unlinked.length)} events have no link: ${unlinked.slice(0, 3).join(", ")}.`];
}

// ---- Control

async function control() {
  const data = await ask("/admin/overview");
  if (!data) return;
  $("switches").replaceChildren(...data.switches.map(lever));
  $("maintenance").replaceChildren(
    ...Object.entries(MAINTENANCE).map(([name, [title, text, warning]]) => act(title, text, [["Run", () => run(name, title, warning)]])),
  );
  return true;
}

function lever({ name, is_on, changed_at, changed_by }) {
  const [title, text, warning] = SWITCHES[name] ?? [words(name), ""];
  const allows = ALLOWS.includes(name);
  const state = allows ? (is_on ? "Allowed" : "Switched off") : is_on ? "In force" : "Not in force";
  const does = allows ? (is_on ? "Switch off" : "Allow") : is_on ? "End it" : "Put in force";
  const usual = is_on === allows;
  const made = act(title, text, [[does, () => run(name, `${does}: ${title}`, usual ? warning : "", { on: !is_on })]]);
  made.querySelector("h3").append(" ", tag(state, usual ? "good" : "bad"));
  if (changed_at) made.querySelector("p").append(" Changed ", time(changed_at), changed_by ? ` by user ${changed_by}.` : ".");
  return made;
}

/** A line with what it does and its buttons, or links. */
function act(title, text, does) {
  const buttons = does.map(([label, what]) => {
    if (typeof what === "string") return make("a", { href: what, download: "", textContent: label, ariaLabel: `${title} as ${label}` });
    const button = make("button", { type: "button", className: "plain", textContent: label, ariaLabel: `${label}: ${title}` });
    button.addEventListener("click", what);
    return button;
  });
  const about = make("div", {}, make("h3", {}, title), make("p", {}, text));
  return make("li", {}, about, make("div", { className: "buttons" }, ...buttons));
}

let sure = null;

/** Asks, then does it: nothing here happens by one press. */
function run(action, title, warning, body = {}) {
  $("sure-title").textContent = title;
  $("sure-text").textContent = warning || MAINTENANCE[action]?.[1] || SWITCHES[action]?.[1] || "";
  $("sure-note").textContent = "";
  const keep = [$("do"), $("leave")];
  keep.forEach((button) => (button.hidden = button.disabled = false));
  $("leave").textContent = "Leave it";
  $("sure").querySelector("dl")?.remove();
  sure = () => call("POST", `/admin/maintenance/${action}`, { ...body, confirm: true });
  $("sure").showModal();
}

async function confirmed() {
  $("do").disabled = true;
  const answer = await sure().catch(() => null);
  if (answer?.status === 401) return leave();
  $("do").disabled = false;
  if (!answer?.ok) return void ($("sure-note").textContent = explain(answer));
  $("do").hidden = true;
  $("leave").textContent = "Close";
  $("sure-text").textContent = "Done.";
  const told = answer.data ?? {};
  if (Object.keys(told).length) $("sure-text").after(facts(told));
  said("Done.");
  $("leave").focus();
}

// ---- Exports

async function exporting() {
  const range = query($("export-range"));
  const links = (type) => ["csv", "json", "ndjson"].map((format) => {
    const asked = new URLSearchParams([...range, ["format", format]]);
    return [format.toUpperCase(), `/api/v1/admin/export/${type}?${asked}`];
  });
  $("exports").replaceChildren(...Object.entries(EXPORTS).map(([type, text]) => act(words(type), text, links(type))));
  return true;
}

// ---- Getting in and out

/** Trades the password for the browser's own session: the page keeps no token, and the cookie is none of its business. */
async function enter(form) {
  const note = $("login-note");
  const button = form.querySelector("button");
  const { email, password } = Object.fromEntries(new FormData(form));
  const bearing = async (path, token, body = {}) => {
    const headers = { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) };
    const answer = await fetch(`/api/v1${path}`, { method: "POST", headers, credentials: "omit", body: JSON.stringify(body) });
    const json = await answer.json().catch(() => null);
    if (!answer.ok) throw { status: answer.status, ...json, request: json?.request_id, wait: Number(answer.headers.get("retry-after")) };
    return json;
  };
  note.textContent = "";
  button.disabled = true;
  try {
    const { access_token } = (await bearing("/auth/login", null, { email, password })).data;
    const { url } = await bearing("/auth/session-token", access_token);
    const entered = await call("POST", "/auth/session-exchange", { token: url.split("/").pop() });
    bearing("/auth/logout", access_token).catch(() => {});
    if (!entered.ok) throw entered;
    form.reset();
    button.disabled = false;
    await begin();
  } catch (failed) {
    button.disabled = false;
    note.textContent = explain(failed?.status ? failed : null);
    form.elements.password.focus();
  }
}

async function exit() {
  await call("POST", "/auth/logout").catch(() => null);
  leave();
}

// ---- Light and dark

const dark = matchMedia("(prefers-color-scheme: dark)");

function paint(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
  const isDark = (theme ?? (dark.matches ? "dark" : "light")) === "dark";
  $("theme").textContent = isDark ? "Light" : "Dark";
  $("theme").ariaLabel = `Use ${isDark ? "light" : "dark"} colors`;
  return isDark ? "light" : "dark";
}

/** Storage may be closed to us: then the choice holds for this page. */
const chosen = () => {
  try {
    return localStorage.getItem("theme");
  } catch {
    return document.documentElement.dataset.theme;
  }
};

function toggle() {
  const next = paint(chosen());
  paint(next);
  try {
    localStorage.setItem("theme", next);
  } catch {
    // It is not kept.
  }
}

// ---- Beginning

let current = null;

/** Loads a view and shows it; of two at once the later one counts. `focus` is where one goes on. */
async function open(view, focus) {
  const mine = (current = Symbol(view));
  const old = document.querySelector("nav [aria-current]");
  old?.removeAttribute("aria-current");
  document.querySelector(`nav [href="#${view}"]`).ariaCurrent = "page";
  if ($(view).hidden) show("loading");
  const loaded = await VIEWS[view]().catch(stop);
  if (mine !== current || !loaded) return;
  if (view !== "export") looked(view);
  if ($(view).hidden) show(view);
  else said(`${document.querySelector(`#${view} h1`).textContent} refreshed.`);
  focus?.querySelector("[tabindex]")?.focus();
}

const here = () => (location.hash.slice(1) in VIEWS ? location.hash.slice(1) : "overview");

async function begin() {
  show("loading");
  const me = await ask("/auth/me");
  if (!me) return;
  $("email").textContent = me.email;
  $("logout").hidden = false;
  document.querySelector("nav").hidden = false;
  await open(here());
  if (!$("refused").hidden) document.querySelector("nav").hidden = true;
}

const on = (id, kind, does) =>
  $(id).addEventListener(kind, (event) => {
    if (kind === "submit") event.preventDefault();
    does($(id), event);
  });

on("login", "submit", enter);
on("logout", "click", exit);
on("other", "click", exit);
on("theme", "click", toggle);
on("verify", "click", verify);
on("newer", "click", () => turn(page - 1));
on("older", "click", () => turn(page + 1));
on("audit-filter", "submit", () => turn(1));
on("audit-filter", "reset", () => setTimeout(() => turn(1)));
on("worker-filter", "change", () => open("workers"));
on("export-range", "change", () => exporting());
on("do", "click", confirmed);
on("leave", "click", () => $("sure").close());
on("sure", "close", () => $("do").hidden && current && open("control"));
const again = () => (document.querySelector("nav").hidden ? begin() : open(here()));
for (const button of document.querySelectorAll("button.again")) button.addEventListener("click", again);
addEventListener("hashchange", () => !document.querySelector("nav").hidden && open(here()));
dark.addEventListener("change", () => paint(chosen()));
paint(chosen());
begin();
