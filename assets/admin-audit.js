// The audit log, page by page, and the walk along its chain.

import { $, leave, query, stop } from "./admin-ask.js";
import { table, tag, time, value, words } from "./admin-parts.js";
import { call, explain, make } from "./site.js";

let page = 1;
const PAGE_SIZE = 25;
// As far as the list is counted and turned.
const REACH = 100_000;

export async function audit() {
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
  $("audit-page").textContent = `Page ${page} of ${value(pages)}, ${value(total)} events${total < REACH ? "" : " or more"}`;
  $("newer").disabled = page <= 1;
  $("older").disabled = page >= pages;
  return true;
}

/** To which page, counted from the one that is shown; from the first where the filter is new. */
export const turn = (by) => (page = by ? page + by : 1);

/** Walks the whole chain, part by part. */
export async function verify(button) {
  const state = $("chain-state");
  button.disabled = true;
  let [checked, erased, next, verdict] = [0, 0, 1, null];
  while (next) {
    const answer = await call("GET", `/admin/logs/audit/verify?from_seq=${next}`).catch(() => null);
    if (answer?.status === 401) return leave();
    // A long chain takes more calls than a minute allows.
    if (answer?.status === 429) {
      await new Promise((wake) => setTimeout(wake, answer.wait * 1000));
      continue;
    }
    if (!answer?.ok) {
      state.textContent = explain(answer);
      button.disabled = false;
      return;
    }
    verdict = answer.data;
    checked += verdict.checked;
    erased += verdict.erased;
    next = verdict.valid ? verdict.next_seq : null;
    state.textContent = `${value(checked)} links checked…`;
  }
  button.disabled = false;
  state.parentElement.className = `chain ${verdict.valid ? "good" : "bad"}`;
  state.replaceChildren(...judgement(verdict, checked, erased));
}

function judgement({ valid, first_broken, unlinked, head }, checked, erased) {
  const gone = erased ? ` ${value(erased)} of them name somebody who is erased: who that was cannot be checked.` : "";
  if (valid) return ["Chain verified: ", `${value(checked)} links`, ...(head ? [`, the last is ${value(head.seq)}, `, time(new Date().toISOString())] : []), `.${gone}`];
  if (first_broken) return [`The chain is broken at link ${first_broken.seq}: ${words(first_broken.reason).toLowerCase()}.`];
  return [`${value(unlinked.length)} events have no link: ${unlinked.slice(0, 3).join(", ")}.`];
}
