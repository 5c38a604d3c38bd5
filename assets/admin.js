// What operators see of the service, and what they do to it. Every look is written down in the audit log: so nothing
// here asks by itself, but when somebody opens a view or presses a button.

import { audit, turn, verify } from "./admin-audit.js";
import { $, ask, leave, said, stop } from "./admin-ask.js";
import { confirmed, control } from "./admin-control.js";
import { exporting, overview, questions, queues, workers } from "./admin-look.js";
import { time } from "./admin-parts.js";
import { call, explain, make, show } from "./site.js";

const VIEWS = { overview, workers, queues, questions, audit, control, export: exporting };

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

const looked = (view) => {
  const at = make("span", {}, "As of ", time(new Date().toISOString()));
  document.querySelector(`#${view} .when`).replaceChildren(at);
};

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
const read = (by) => turn(by) && open("audit", $("audit-list"));
on("newer", "click", () => read(-1));
on("older", "click", () => read(1));
on("audit-filter", "submit", () => read(0));
on("audit-filter", "reset", () => setTimeout(() => read(0)));
on("worker-filter", "change", () => open("workers"));
on("export-range", "change", () => exporting());
on("do", "click", confirmed);
on("leave", "click", () => $("sure").close());
// What was done may show.
on("sure", "close", () => $("do").hidden && open(here()));
const again = () => (document.querySelector("nav").hidden ? begin() : open(here()));
for (const button of document.querySelectorAll("button.again")) button.addEventListener("click", again);
addEventListener("hashchange", () => {
  if (document.querySelector("nav").hidden) return;
  if ($("sure").open) $("sure").close();
  open(here());
});
dark.addEventListener("change", () => paint(chosen()));
paint(chosen());
begin();
