// The plan somebody has, the plans there are, and the way through the provider's checkout and back.

import { call, explain, make, seconds, show } from "./site.js";

const NAMES = { free: "Free", pro: "Pro", premium: "Premium" };
const TIERS = Object.keys(NAMES);
const EVERY = { monthly: "a month", yearly: "a year" };
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const $ = (id) => document.getElementById(id);
const name = (tier) => NAMES[tier] ?? tier;
const rank = (tier) => TIERS.indexOf(tier);
const sleep = (ms) => new Promise((wake) => setTimeout(wake, ms));
const day = (date) => new Intl.DateTimeFormat(undefined, { dateStyle: "long" }).format(new Date(date));
const cycle = () => document.querySelector("input[name=cycle]:checked").value;

// ---- What a button starts

const pressed = new Map();

function release(button) {
  if (!pressed.has(button)) return;
  button.textContent = pressed.get(button);
  button.disabled = false;
  pressed.delete(button);
}

/** Sends a button's request, once at a time. What goes wrong is told in `note`. */
async function press(button, doing, note, request, then) {
  if (button.disabled) return;
  pressed.set(button, button.textContent);
  button.disabled = true;
  button.textContent = $("said").textContent = doing;
  note.textContent = "";
  const answer = await request().catch(() => null);
  if (answer?.ok) return then(answer.data);
  if (answer?.status === 401) return leave("anonymous");
  release(button);
  $("said").textContent = "";
  note.textContent = explain(answer);
  if (answer?.error?.code === "SUBSCRIPTION_EXISTS") note.append(" ", manageButton(note));
  button.focus();
}

const portal = () => call("GET", "/billing/portal");
const manage = (button, note) => press(button, "Opening…", note, portal, ({ url }) => location.assign(url));

function manageButton(note) {
  const button = make("button", { type: "button", className: "plain", textContent: "Manage subscription" });
  button.addEventListener("click", () => manage(button, note));
  return button;
}

function checkout(button, note, tier) {
  const request = () => call("POST", "/billing/start-checkout", { tier, billing_cycle: cycle() });
  press(button, "Opening checkout…", note, request, ({ checkout_url }) => location.assign(checkout_url));
}

/** Cancels or resumes, and shows what became of the subscription. */
function change(button, doing, note, path) {
  press(button, doing, note, () => call("POST", path), (status) => {
    release(button);
    $("sure").close();
    render(status);
    show("plan");
    $("said").textContent = $("state").textContent;
  });
}

/** Nobody is logged in here any more. */
function leave(view) {
  $("sure").close();
  $("account").hidden = true;
  $("email").textContent = "";
  show(view);
}

// ---- The plan and the plans

let plans = [];

async function load() {
  show("loading");
  const paths = ["/user/me", "/billing/status", "/billing/plans"];
  const answers = await Promise.all(paths.map((path) => call("GET", path))).catch(() => null);
  if (answers?.some(({ status }) => status === 401)) return leave("anonymous");
  const bad = answers?.find(({ ok }) => !ok);
  if (!answers || bad) return trouble(bad);
  greet(answers[0].data);
  plans = answers[2].data.items;
  const bought = answers[1].data.subscription?.billing_cycle;
  if (bought) document.querySelector(`input[name=cycle][value=${CSS.escape(bought)}]`)?.click();
  render(answers[1].data);
  show("plan");
}

function trouble(answer) {
  const late = answer?.status === 429;
  $("trouble-title").textContent = !answer ? "No connection" : late ? "A moment, please." : "Something went wrong.";
  $("trouble-text").textContent = answer ? explain(answer) : "We could not be reached. Nothing has changed.";
  show("trouble");
}

function greet({ email }) {
  $("email").textContent = email;
  $("account").hidden = false;
}

function render(status) {
  const { subscription, tier, usage } = status;
  const now = subscription?.status;
  $("tier").textContent = name(tier);
  $("state").textContent = sentence(subscription);
  $("plan-note").textContent = "";
  $("pay").hidden = now !== "past_due";
  $("resume").hidden = now !== "canceled" && now !== "paused";
  $("manage").hidden = !subscription;
  $("cancel").hidden = now !== "active" && now !== "past_due";
  const until = subscription?.renews_at ?? subscription?.access_until;
  const then = until ? `It works until ${day(until)}, and nothing is charged any more.` : "Nothing is charged any more.";
  $("sure-text").textContent = `${then} Until it has ended, you can resume it.`;
  const { used, limit } = usage.projects;
  $("used").textContent = limit === null ? `${used}` : `${used} of ${limit}`;
  $("projects").hidden = limit === null;
  Object.assign($("projects"), { max: limit ?? 1, value: used });
  $("usage").classList.toggle("full", limit !== null && used >= limit);
  $("cards").replaceChildren(...plans.map((plan) => card(plan, tier)));
  price();
}

/** The subscription's state in plain words. */
function sentence(subscription) {
  if (!subscription) return "There is no subscription and nothing to pay.";
  const { status, tier, billing_cycle, renews_at, ends_at, access_until, has_access } = subscription;
  const plan = name(tier);
  const until = access_until ?? ends_at;
  const stillWorks = until ? `works until ${day(until)}` : "still works";
  const works = `${plan} ${has_access ? stillWorks : "does not work now"}.`;
  const billed = billing_cycle ? `, billed ${billing_cycle}` : "";
  const renews = renews_at ? ` Renews on ${day(renews_at)}.` : "";
  if (status === "active") return `Active${billed}.${renews}`;
  if (status === "canceled") return `Canceled. ${works}`;
  if (status === "paused") return `Paused. ${works}`;
  if (status === "past_due") return `The last payment failed. ${works} Update the payment to keep it.`;
  return `The ${plan} subscription has ended${ends_at ? `, on ${day(ends_at)}` : ""}.`;
}

function card(plan, current) {
  const { tier, limits } = plan;
  const note = make("p", { className: "note", role: "status" });
  const action = make("div", { className: "action" });
  if (tier === current) action.append(make("p", { className: "yours", textContent: "Your plan" }));
  if (rank(tier) > rank(current)) {
    const button = make("button", { type: "button", textContent: `Upgrade to ${name(tier)}` });
    button.addEventListener("click", () => checkout(button, note, tier));
    action.append(button);
  }
  action.append(note);
  const rows = facts(limits).map(([what, much]) => make("div", {}, make("dt", {}, what), make("dd", {}, much)));
  const heading = make("h3", { textContent: name(tier), id: `plan-${tier}` });
  const price = make("p", { className: "price" });
  const made = make("article", {}, heading, price, action, make("dl", {}, ...rows));
  made.classList.toggle("current", tier === current);
  made.setAttribute("aria-labelledby", heading.id);
  return made;
}

function facts(limits) {
  const count = (number) => (number === null ? "no limit" : number.toLocaleString());
  const size = (bytes) => {
    const [number, unit] = bytes < 1 << 20 ? [bytes / 1024, "kilobyte"] : [bytes / (1 << 20), "megabyte"];
    return number.toLocaleString(undefined, { style: "unit", unit, maximumFractionDigits: 1 });
  };
  return [
    ["Projects", count(limits.projects)],
    ["Members", count(limits.members)],
    ["Requests a minute", count(limits.requests_per_minute)],
    ["Previews an hour", count(limits.previews_per_hour)],
    ["Previews a day", count(limits.previews_per_day)],
    ["AI documents a minute", count(limits.ai_docs_per_minute)],
    ["Size of an attachment", size(limits.attachment_bytes)],
  ];
}

/** Writes the prices of the chosen cycle; the provider's own when we do not know them. */
function price() {
  for (const [i, { tier, prices }] of plans.entries()) {
    const known = prices[cycle()];
    const unknown = tier === "free" ? "Free of charge" : "Price shown at checkout";
    const text = known ? [make("strong", {}, known), ` ${EVERY[cycle()]}`] : [unknown];
    $("cards").children[i]?.querySelector(".price").replaceChildren(...text);
  }
}

// ---- Back from the checkout

/** Asks until the plan that was paid for is there, for two minutes. */
async function wait() {
  const query = new URLSearchParams(location.search);
  const wanted = Math.max(rank(query.get("tier")), 1);
  const order = { order_id: Number(query.get("order_id")), order_identifier: query.get("order") };
  const confirmable = Number.isSafeInteger(order.order_id) && UUID.test(order.order_identifier);
  const end = Date.now() + 120_000;
  let pause = 1500;
  let confirm = 0;
  show("waiting");
  while (Date.now() < end) {
    // Only helps when the provider's own notification is late, so nothing depends on it.
    if (confirmable && Date.now() >= confirm) {
      confirm = Date.now() + 15_000;
      call("POST", "/billing/confirm", order).catch(() => {});
    }
    const answer = await call("GET", "/user/me").catch(() => null);
    if ($("waiting").hidden) return; // Logged out meanwhile.
    if (answer?.status === 401) return leave("anonymous");
    if (answer?.ok) {
      greet(answer.data);
      const { tier, subscription_status } = answer.data;
      // Of a lower plan it is no news: what was paid for just now may still be on its way.
      if (rank(tier) >= wanted) return subscription_status === "past_due" ? show("failed") : arrived(tier);
    }
    const heard = answer && answer.status < 500 ? "This takes a few seconds as a rule." : "No connection, trying again";
    if ($("heard").textContent !== heard) $("heard").textContent = heard;
    await sleep(Math.max(pause, (answer?.wait ?? 0) * 1000));
    pause = Math.min(pause * 1.25, 5000);
  }
  if (!$("waiting").hidden) show("late");
}

function arrived(tier) {
  history.replaceState(null, "", "/upgrade");
  $("reached").textContent = name(tier);
  show("done");
}

// ---- Beginning

const on = (id, act) => $(id).addEventListener("click", () => act($(id)));
on("again", load);
on("check", wait);
on("manage", (button) => manage(button, $("plan-note")));
on("pay", (button) => manage(button, $("plan-note")));
on("failed-pay", (button) => manage(button, $("failed-note")));
on("resume", (button) => change(button, "Resuming…", $("plan-note"), "/billing/resume"));
on("cancel", () => {
  $("sure-note").textContent = "";
  $("sure").showModal();
});
on("keep", () => $("sure").close());
on("confirm", (button) => change(button, "Canceling…", $("sure-note"), "/billing/cancel"));
on("logout", (button) =>
  press(button, "Logging out…", $("logout-note"), () => call("POST", "/auth/logout"), () => {
    release(button);
    leave("bye");
  }),
);
for (const radio of document.querySelectorAll("input[name=cycle]")) radio.addEventListener("change", price);

const start = () => (new URLSearchParams(location.search).get("checkout") === "done" ? wait() : load());

// Somebody who comes back from the checkout by the back button may find the page as it was left.
addEventListener("pageshow", ({ persisted }) => {
  for (const button of [...pressed.keys()]) release(button);
  if (persisted && $("waiting").hidden) start();
});
start();
