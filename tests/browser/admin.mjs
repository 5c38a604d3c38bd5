// Operators at their desk: getting in, looking around, switching. Takes {"site", "operator", "user", "password",
// "screenshots"}: the origin, the addresses of somebody who runs it and somebody who does not, and where pictures go.

import assert from "node:assert/strict";
import { begin } from "./walk.mjs";

const { site, operator, user, password, screenshots } = JSON.parse(process.argv[2]);
const { context, walk, pretend, end } = await begin(site, screenshots);

const heading = (page, name) => page.getByRole("heading", { level: 1, name });
const button = (page, name) => page.getByRole("button", { name });
const sees = (page, name) => heading(page, name).waitFor();
const reads = (page, text) => page.getByText(text).filter({ visible: true }).first().waitFor();
const open = (page, view = "") => page.goto(`${site}/admin${view && `#${view}`}`);
const go = (page, name) => page.getByRole("link", { name, exact: true }).click();

// ---- Getting in

async function nobody(page) {
  await open(page);
  await sees(page, "Log in to operate.");
  assert.equal(await page.getByRole("navigation").count(), 0, "there is nothing to go to");
}

async function enter(page, email, secret) {
  await page.getByLabel("Email").fill(email);
  await page.getByLabel("Password").fill(secret);
  await page.keyboard.press("Enter");
}

async function wrongPassword(page) {
  await enter(page, operator, "not the password at all");
  await reads(page, "The email or the password is wrong.");
  assert.equal(await page.evaluate(() => document.activeElement.name), "password");
}

async function plainUser(page) {
  await enter(page, user, password);
  await sees(page, "This account does not run the service.");
  assert.equal(await page.getByRole("navigation").count(), 0);
  for (const view of ["workers", "audit", "control"]) {
    await open(page, view);
    await page.reload();
    await sees(page, "This account does not run the service.");
  }
}

async function anotherAccount(page) {
  await button(page, "Use another account").click();
  await sees(page, "Log in to operate.");
}

async function logIn(page) {
  await open(page);
  await enter(page, operator, password);
  await sees(page, "Overview");
  await reads(page, operator);
  const kept = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }) + document.cookie);
  assert.equal(kept, "{}", "the page keeps no token");
  const cookies = await page.context().cookies();
  assert.deepEqual(cookies.map(({ name, httpOnly, secure }) => ({ name, httpOnly, secure })), [
    { name: "__Host-session", httpOnly: true, secure: true },
  ]);
  await page.reload();
  await sees(page, "Overview");
}

// ---- Looking around

async function auditLog(page) {
  await go(page, "Audit log");
  await sees(page, "Audit log");
  await reads(page, "session.created");
  await page.getByRole("textbox", { name: "Event" }).fill("login.failed");
  await page.keyboard.press("Enter");
  await reads(page, /^Page 1 of 1, \d+ events$/);
  const kinds = await page.locator("#audit tbody td:nth-child(2)").allTextContents();
  assert(kinds.length > 0 && kinds.every((kind) => kind.startsWith("login.failed")), kinds.join());
  const text = await page.locator("main").textContent();
  assert(!text.includes(operator) && !text.includes(user), "addresses are redacted");
}

async function auditFilterInTrouble(page) {
  await page.getByRole("textbox", { name: "Event" }).fill("nonsense");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").filter({ hasText: /^Event must be a kind of event/ }).waitFor();
}

async function questions(page) {
  await go(page, "Questions");
  await sees(page, "Questions");
  await reads(page, "Zyx wvut tsrq ponm?");
  await reads(page, /^[^@]{1,2}\*\*\*@/);
}

async function auditPages(page) {
  await button(page, "Clear").click();
  await reads(page, /^Page 1 of \d+, \d+ events$/);
  const first = await page.locator("#audit tbody").textContent();
  await button(page, "Older").click();
  await reads(page, /^Page 2 of/);
  assert.notEqual(await page.locator("#audit tbody").textContent(), first);
  await button(page, "Newer").click();
  await reads(page, /^Page 1 of/);
  assert(await button(page, "Newer").isDisabled());
}

async function chain(page) {
  await button(page, "Verify the chain").click();
  await reads(page, /^Chain verified: \d+ links, the last is \d+/);
}

async function brokenChain(page) {
  const verdict = {
    ...{ valid: false, checked: 17, from: 1, to: 17, next_seq: null, unlinked: [], erased: 0 },
    ...{ first_broken: { seq: 17, reason: "event_changed" }, head: { seq: 17, hash: "0" } },
  };
  const restore = await pretend(page, "/admin/logs/audit/verify*", 200, { data: verdict });
  await button(page, "Verify the chain").click();
  await reads(page, "The chain is broken at link 17: event changed.");
  await restore();
}

// ---- Doing things

const row = (page, name) => page.getByRole("listitem").filter({ has: page.getByRole("heading", { name }) });

async function control(page) {
  await go(page, "Control");
  await sees(page, "Control");
  await row(page, "Previews").getByText("Allowed").waitFor();
}

async function askFirst(page) {
  await button(page, "Switch off: Previews").click();
  await page.getByRole("dialog", { name: "Switch off: Previews" }).waitFor();
  await reads(page, "Switch previews off? Those that run go on.");
  await page.keyboard.press("Escape");
  await row(page, "Previews").getByText("Allowed").waitFor();
}

async function switchOff(page) {
  await button(page, "Switch off: Previews").click();
  await button(page, "Do it").click();
  await reads(page, "Done.");
  await button(page, "Close").click();
  await row(page, "Previews").getByText("Switched off").waitFor();
}

async function switchedOffShows(page) {
  await go(page, "Overview");
  await reads(page, "Something needs a look.");
  await reads(page, "Previews is off");
}

async function switchOn(page) {
  await go(page, "Control");
  await button(page, "Allow: Previews").click();
  await button(page, "Do it").click();
  await button(page, "Close").click();
  await row(page, "Previews").getByText("Allowed").waitFor();
}

async function diagnostics(page) {
  await button(page, "Run: Run diagnostics").click();
  await button(page, "Do it").click();
  await reads(page, "Done.");
  const checks = page.getByRole("dialog").getByRole("table", { name: "Checks" });
  assert((await checks.getByRole("row").count()) > 5);
  assert.equal(await checks.getByText("wrong").count(), 0);
}

async function download(page) {
  await open(page, "export");
  await sees(page, "Export");
  const arrives = page.waitForEvent("download");
  await page.getByRole("link", { name: "Audit as CSV" }).click();
  const file = await arrives;
  assert.match(file.suggestedFilename(), /^hivesync-audit-.*\.csv$/);
  assert.equal(await file.failure(), null);
}

// ---- Whatever happens

async function darkAndLight(page) {
  const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const before = await paper();
  await button(page, "Use dark colors").click();
  assert.notEqual(await paper(), before);
  await page.reload();
  assert.notEqual(await paper(), before, "the choice is kept");
  await button(page, "Use light colors").click();
  assert.equal(await paper(), before);
}

async function byKeyboard(page) {
  await open(page, "overview");
  await page.reload();
  await sees(page, "Overview");
  await page.evaluate(() => document.activeElement.blur());
  const reached = [];
  for (let i = 0; i < 12; i++) {
    await page.keyboard.press("Tab");
    reached.push(await page.evaluate(() => document.activeElement.textContent));
  }
  for (const wanted of ["Skip to the content", "Workers", "Audit log", "Refresh"]) assert(reached.includes(wanted), `${reached}`);
  assert(await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle !== "none"), "the focus shows");
}

async function offline(page) {
  await page.route(`${site}/api/**`, (route) => route.abort());
  await go(page, "Audit log");
  await sees(page, "That could not be loaded.");
  await reads(page, "No connection. Try again.");
  await page.unrouteAll();
  await button(page, "Try again").click();
  await sees(page, "Audit log");
}

async function sessionOver(page) {
  const restore = await pretend(page, "/admin/logs/audit*", 401, { error: { code: "AUTH_INVALID", message: "Over." } });
  await go(page, "Audit log");
  await sees(page, "Log in to operate.");
  await restore();
}

async function backAgain(page) {
  await page.reload();
  await sees(page, "Audit log");
}

async function logOut(page) {
  await button(page, "Log out").click();
  await sees(page, "Log in to operate.");
  assert.equal((await page.context().cookies()).length, 0);
  assert.equal(await page.getByText("@").filter({ visible: true }).count(), 0);
}

// ---- Figures of a busy service

const now = Date.now();
const ago = (minutes) => new Date(now - minutes * 60_000).toISOString();

const busy = {
  health: { level: "yellow", reasons: ["preview: the oldest has waited 74 s", "1 of 3 workers are silent"] },
  figures: {
    ...{ users: 48_211, active_24h: 3_902, active_7d: 12_480, active_30d: 27_015, signups_24h: 212, signups_7d: 1_530 },
    ...{ signups_30d: 6_004, projects: 91_440, failed_logins_24h: 87, previews_today: 5_120, ai_docs_today: 733 },
    ...{ errors_24h: 12, requests_24h: 1_804_223, escalations_24h: 4, workers: 3, workers_up: 2 },
  },
  tiers: [["free", 44_020], ["premium", 611], ["pro", 3_580]].map(([tier, users]) => ({ tier, users })),
  subscriptions: [
    { tier: "premium", billing_cycle: "yearly", count: 611 },
    { tier: "pro", billing_cycle: "monthly", count: 2_950 },
  ],
  series: Array.from({ length: 28 }, (_, i) => ({
    day: ago(i * 1440).slice(0, 10),
    ...{ signups: 150 + ((i * 37) % 90), previews: 4000 + ((i * 911) % 2600), ai_docs: (i * 53) % 800 },
    failed_logins: i === 9 ? 900 : 60 + ((i * 17) % 50),
  })),
  hours: Array.from({ length: 22 }, (_, i) => ({
    ...{ hour: `${ago(i * 60).slice(0, 13)}:00:00.000Z`, requests: 60_000 + ((i * 7919) % 30_000), errors: i === 3 ? 9 : i % 2 },
  })),
  queues: [{ queue: "events", waiting: 3, oldest_seconds: 1 }, { queue: "preview", waiting: 41, oldest_seconds: 74 }],
  switches: ["ai_docs", "maintenance", "previews", "read_only"].map((name, i) => ({
    ...{ name, is_on: i % 2 === 0, changed_at: i ? null : ago(300), changed_by: i ? null : 1 },
  })),
};

const crew = ["preview-eu-1", "preview-eu-2", "preview-us-1"].map((name, i) => ({
  ...{ name, type: i ? "cpu" : "gpu", status: ["healthy", "warning", "critical"][i], draining: i === 1 },
  ...{ registered_at: ago(90_000), last_heartbeat_at: ago(i * 1.2), average_milliseconds: 2300 + i, error_rate: 0.02 * i },
  ...{ metrics: { load: 0.42, memory_bytes: 912_000_000 }, running: 3 - i, completed: 18_220, failed: 40, timed_out: 7 },
}));

const lines = ["events", "preview", "ai_doc"].map((queue, q) => ({
  ...{ queue, waiting: 41 * q, oldest_seconds: 74 * q, running: 4 * q },
  ...{ average_wait_seconds: q ? 4.25 : null, average_processing_seconds: q ? 92 : null },
  longest_waits: { free: q ? 311 : null, pro: q ? 21.5 : null, premium: q ? 4 : null },
  samples: Array.from({ length: 288 }, (_, i) => ({
    ...{ at: ago((288 - i) * 5), waiting: Math.round(20 * q * (1 + Math.sin(i / 20))), oldest_seconds: 0 },
  })),
}));

const list = (items) => ({ items, total: items.length, page: 1, page_size: 200 });

async function busyOverview(page) {
  await pretend(page, "/admin/overview", 200, { data: busy });
  await open(page, "overview");
  await page.reload();
  await reads(page, "Something needs a look.");
  await reads(page, "1 of 3 workers are silent");
  await reads(page, "48,211");
  const chart = page.getByRole("figure", { name: /^Failed logins/ });
  assert.equal(await chart.getByRole("row").count(), 30, "its numbers can be read, too");
  assert.equal(await chart.locator("rect").count(), 30);
}

async function busyWorkers(page) {
  await pretend(page, "/admin/workers?*", 200, list(crew));
  await go(page, "Workers");
  for (const text of ["healthy", "warning", "critical", "2.3 s", "4 %"]) await reads(page, text);
  const asked = page.waitForRequest(/workers\?type=gpu/);
  await page.getByLabel("Type").selectOption("GPU");
  await asked;
}

async function busyQueues(page) {
  await pretend(page, "/admin/queues", 200, list(lines));
  await go(page, "Queues");
  await reads(page, "82 waiting");
  await reads(page, "5.2 min");
  await page.unrouteAll();
}

// ---- The walk

const steps = [questions, auditLog, auditFilterInTrouble, auditPages, chain, brokenChain, control, askFirst, switchOff];
const more = [switchedOffShows, switchOn, diagnostics, download, byKeyboard, offline, busyOverview, busyWorkers, busyQueues];

const desktop = await context({ viewport: { width: 1280, height: 860 }, colorScheme: "light" });
await walk(desktop, "admin", [nobody, wrongPassword, plainUser, anotherAccount, logIn, ...steps, ...more, darkAndLight]);
const phone = await context({
  ...{ viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true },
  ...{ colorScheme: "dark", reducedMotion: "reduce" },
});
await walk(phone, "admin-phone", [nobody, logIn, questions, auditLog, auditPages, control, askFirst, busyOverview, busyWorkers, busyQueues]);
await walk(phone, "admin-phone", [sessionOver, backAgain, logOut]);
await walk(desktop, "admin", [logOut]);
await end();
