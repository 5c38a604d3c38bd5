// What operators switch and have done. Nothing of it happens by one press.

import { $, ask, leave, said } from "./admin-ask.js";
import { act, facts, list, tag, time, words } from "./admin-parts.js";
import { call, explain, make } from "./site.js";

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
  run_diagnostics: [
    "Run diagnostics",
    "Checks the database, its search indexes, storage, queues and configuration.",
    "All of the database is read. A large one answers others slowly meanwhile.",
  ],
  cleanup: ["Clean up", "Does the round of the cron now: drops what is past keeping, sends again what was not delivered."],
  cache_reset: ["Reset caches", "The isolate that answers lets go of the limits and tiers it remembers, and reads them anew."],
  reindex: ["Rebuild the search", "Builds the search indexes anew.", "Search answers as before until it is done, but a large database answers others slowly."],
  drain_workers: ["Drain workers", "They end what they do, and take nothing new until they are let work again."],
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

export async function control() {
  const data = await ask("/admin/overview");
  if (!data) return;
  $("switches").replaceChildren(...data.switches.map(lever));
  $("maintenance").replaceChildren(
    ...Object.entries(MAINTENANCE).map(([name, [title, text, warning]]) => {
      const back = name === "drain_workers" ? [["Let them work", () => run(name, "Let workers work", "", { on: false })]] : [];
      return act(title, text, [...back, ["Run", () => run(name, title, warning)]]);
    }),
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

let sure = null;

/** Asks first. */
function run(action, title, warning, body = {}) {
  $("sure-title").textContent = title;
  $("sure-text").textContent = warning || MAINTENANCE[action]?.[1] || SWITCHES[action]?.[1] || "";
  $("sure-note").textContent = "";
  $("do").hidden = $("do").disabled = false;
  $("leave").textContent = "Leave it";
  $("sure-done").replaceChildren();
  sure = () => call("POST", `/admin/maintenance/${action}`, { ...body, confirm: true });
  $("sure").showModal();
}

export async function confirmed() {
  $("do").disabled = true;
  const answer = await sure().catch(() => null);
  if (answer?.status === 401) return leave();
  $("do").disabled = false;
  if (!answer?.ok) return void ($("sure-note").textContent = explain(answer));
  $("do").hidden = true;
  $("leave").textContent = "Close";
  $("sure-text").textContent = "Done.";
  const { numbers, checks, notes } = answer.data;
  const how = { ok: (row) => tag(row.ok ? "fine" : "wrong", row.ok ? "good" : "bad") };
  const checked = checks.length ? [list("Checks", checks, how)] : [];
  $("sure-done").replaceChildren(facts(numbers), ...checked, ...notes.map((note) => make("p", {}, note)));
  said("Done.");
  $("leave").focus();
}
