// Walks a real browser through the pages: from the one-time link over the checkout to the plan, and along what goes
// wrong. Takes {"site", "login", "usedLogin", "screenshots"}: the origin, a link to log in with, one that is used up,
// and where pictures go. Ends with 0 when all of it held, else tells which step did not.

import assert from "node:assert/strict";
import { begin, eventually } from "./walk.mjs";

const { site, login, usedLogin, screenshots } = JSON.parse(process.argv[2]);
const ORDER = "order_id=4711&order=0b6d0f36-8f0b-4b8e-9a9e-3b1b3a0f6a11";

// ---- Saying things shortly

const heading = (page, name) => page.getByRole("heading", { level: 1, name });
const button = (page, name) => page.getByRole("button", { name });
const sees = (page, name) => heading(page, name).waitFor();
const reads = (page, text) => page.getByText(text).filter({ visible: true }).first().waitFor();
const open = (page, at = "/upgrade") => page.goto(new URL(at, site).href);
const focused = (page) => page.evaluate(() => document.activeElement.value || document.activeElement.textContent);

const failure = (code, message) => ({ error: { code, message, details: null }, request_id: "test" });
const me = (tier, subscription_status = null) => ({
  ...{ id: "1", email: "ada.with-a-rather-long-address@mail.example.com", tier, subscription_status },
  ...{ subscription_id: null, renews_at: null, ends_at: null },
});
const pastDue = {
  tier: "pro",
  subscription: {
    ...{ subscription_id: "1", status: "past_due", tier: "pro", billing_cycle: "monthly", renews_at: null },
    ...{ ends_at: null, access_until: "2030-01-15T12:00:00Z", has_access: true },
  },
  usage: { projects: { used: 4, limit: 10 } },
};

async function tabTo(page, what) {
  for (let i = 0; i < 30; i++) {
    await page.keyboard.press("Tab");
    if ((await focused(page)) === what) return;
  }
  assert.fail(`Tab never reaches ${what}`);
}

/** No entry of the tab's history holds a token. */
async function nothingInHistory(page) {
  const devtools = await page.context().newCDPSession(page);
  const { entries } = await devtools.send("Page.getNavigationHistory");
  for (const { url } of entries) assert(!url.includes("/session/"), `${url} is in the history`);
}

// ---- The link

async function usedLink(page) {
  await page.goto(usedLogin);
  await sees(page, /expired or was used already/);
  await reads(page, "Go back to the app and open it again.");
  await nothingInHistory(page);
}

async function linkInTrouble(page) {
  let restore = await pretend(page, "/auth/session-exchange", 503, failure("UNAVAILABLE", "Down."));
  await page.goto(login);
  await sees(page, /went wrong on our side/);
  await restore();
  const limited = { "retry-after": "1" };
  restore = await pretend(page, "/auth/session-exchange", 429, failure("RATE_LIMITED", "Slowly."), limited);
  await button(page, "Try again").click();
  await reads(page, /tries again by itself in 1 second/);
  await eventually(() => restore.asked.length > 1, "it tries again by itself");
  // Long enough that it does not use the link up before the next step.
  await pretend(page, "/auth/session-exchange", 429, failure("RATE_LIMITED", "No."), { "retry-after": "45" });
  await reads(page, /tries again by itself in 45 seconds/);
  await page.unrouteAll();
}

async function link(page) {
  const token = new URL(login).pathname.split("/").pop();
  const strays = [];
  page.on("request", (request) => {
    const exchange = request.url() === `${site}/api/v1/auth/session-exchange`;
    const { referer = "" } = request.headers();
    const told = [request.url() !== login && request.url(), referer, !exchange && request.postData()];
    if (told.some((text) => text && text.includes(token))) strays.push(request.url());
  });
  // Whoever only fetches the page, as chat apps do, does not use the link up.
  assert.equal((await page.context().request.get(login)).status(), 200);
  await page.goto(login);
  await page.waitForURL(`${site}/upgrade`);
  await sees(page, "You are on Free.");
  await reads(page, /^\S+@\S+$/);
  await reads(page, "3 of 3");
  assert.equal(await page.title(), "You are on Free. · HiveSync");
  assert.equal(await focused(page), "You are on Free.", "the focus is at the heading");
  assert.deepEqual(strays, [], "the token goes to the exchange and nowhere else");
  await nothingInHistory(page);
}

// ---- The checkout

async function checkoutInTrouble(page) {
  const upgrade = button(page, "Upgrade to Pro");
  for (const [status, code, text] of [
    [429, "RATE_LIMITED", /That was too often. Wait 7 seconds/],
    [500, "INTERNAL", /Something went wrong on our side/],
    [403, "FORBIDDEN", /Confirm your address first/],
    [409, "SUBSCRIPTION_EXISTS", /Confirm your address first/],
  ]) {
    const answer = failure(code, "Confirm your address first.");
    const restore = await pretend(page, "/billing/start-checkout", status, answer, { "retry-after": "7" });
    await upgrade.dblclick();
    await page.getByRole("article", { name: "Pro" }).getByText(text).waitFor();
    assert.deepEqual(restore.asked, [{ tier: "pro", billing_cycle: "monthly" }], "a double click asks once");
    assert.equal(await focused(page), "Upgrade to Pro", "the focus comes back");
    await restore();
  }
  await button(page, "Manage subscription").waitFor();
}

async function backToAnOpenCheckout(page) {
  let held;
  await page.route("**/start-checkout", (route) => void (held = route));
  await button(page, "Upgrade to Pro").click();
  assert(await button(page, "Opening checkout…").isDisabled());
  await eventually(() => held, "the checkout is asked for");
  await page.evaluate(() => dispatchEvent(new PageTransitionEvent("pageshow", { persisted: false })));
  assert(await button(page, "Upgrade to Pro").isEnabled());
  await held.abort();
  await page.unrouteAll();
  await open(page);
}

async function checkoutByKeyboard(page) {
  await sees(page, "You are on Free.");
  await tabTo(page, "monthly");
  await page.keyboard.press("ArrowRight");
  assert.equal(await focused(page), "yearly");
  assert(await page.getByRole("radio", { name: "Yearly" }).isChecked());
  await tabTo(page, "Upgrade to Pro");
  assert(await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle !== "none"), "the focus shows");
}

async function enterTheCheckout(page) {
  const asked = page.waitForRequest("**/billing/start-checkout");
  await page.keyboard.press("Enter");
  assert.deepEqual((await asked).postDataJSON(), { tier: "pro", billing_cycle: "yearly" });
  await button(page, /^Pay$/).waitFor();
}

async function decline(page) {
  await button(page, /Decline/).click();
  await reads(page, /declined/i);
}

async function backAndForward(page) {
  for (let i = 0; i < 3 && !page.url().startsWith(`${site}/upgrade`); i++) await page.goBack();
  await sees(page, "You are on Free.");
  assert(await button(page, "Upgrade to Pro").isEnabled());
  await page.goForward();
  await button(page, /^Pay$/).waitFor();
}

async function pay(page) {
  const back = page.waitForURL(/\/upgrade\?checkout=done/, { waitUntil: "commit" });
  await button(page, /^Pay$/).click();
  await back;
  await sees(page, "It worked. You are on Pro.");
  await reads(page, "You can go back to the app now.");
  assert.equal(page.url(), `${site}/upgrade`, "the query is gone");
}

async function onPro(page) {
  await page.getByRole("link", { name: "See your plan" }).click();
  await sees(page, "You are on Pro.");
  await reads(page, /^Active/);
  assert(await button(page, "Upgrade to Premium").isEnabled());
  assert.equal(await button(page, "Upgrade to Pro").count(), 0);
}

async function signedIn(page) {
  await open(page);
  await sees(page, "You are on Pro.");
}

async function askBeforeCanceling(page) {
  await button(page, "Cancel subscription").click();
  await page.getByRole("dialog", { name: "Cancel the subscription?" }).waitFor();
  assert.equal(await focused(page), "Keep it");
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "hidden" });
  assert.equal(await focused(page), "Cancel subscription");
  await page.keyboard.press("Enter");
}

async function cancel(page) {
  await button(page, "Yes, cancel").click();
  await reads(page, /^Canceled\. Pro (still )?works/);
}

async function resume(page) {
  await button(page, "Resume").click();
  await reads(page, /^Active/);
}

async function manage(page) {
  const restore = await pretend(page, "/billing/portal", 200, { data: { url: `${site}/upgrade?portal` } });
  await button(page, "Manage subscription").click();
  await page.waitForURL(`${site}/upgrade?portal`);
  await sees(page, "You are on Pro.");
  await restore();
}

// ---- What goes wrong

async function offline(page) {
  await page.route("**/api/v1/**", (route) => route.abort("internetdisconnected"));
  await open(page);
  await sees(page, "No connection");
  await page.unrouteAll();
  await page.context().setOffline(true);
  await button(page, "Try again").click();
  await sees(page, "No connection");
}

async function onlineAgain(page) {
  await page.context().setOffline(false);
  await button(page, "Try again").click();
  await sees(page, "You are on Pro.");
}

async function failedRenewal(page) {
  await pretend(page, "/user/me", 200, me("pro", "past_due"));
  await pretend(page, "/billing/status", 200, { data: pastDue });
  await open(page);
  await reads(page, /^The last payment failed\. Pro works until January 15, 2030\./);
  await button(page, "Update payment").waitFor();
}

async function failedPayment(page) {
  await open(page, `/upgrade?checkout=done&tier=pro&order_id=[order_id]&order=[order_identifier]`);
  await sees(page, "The payment failed.");
  await button(page, "Update payment").waitFor();
  await page.unrouteAll();
}

async function waiting(page) {
  await page.clock.install();
  const restore = await pretend(page, "/user/me", 200, me("free"));
  const confirmed = await pretend(page, "/billing/confirm", 404, failure("NOT_FOUND", "No such order."));
  await open(page, `/upgrade?checkout=done&tier=pro&order_id=[order_id]&order=[order_identifier]`);
  await sees(page, /Waiting for the payment/);
  await reads(page, /takes a few seconds/);
  assert.deepEqual(confirmed.asked, [], "variables the provider left alone confirm nothing");
  await open(page, `/upgrade?checkout=done&tier=pro&${ORDER}`);
  await reads(page, /takes a few seconds/);
  await page.clock.runFor(20_000);
  const order = { order_id: 4711, order_identifier: "0b6d0f36-8f0b-4b8e-9a9e-3b1b3a0f6a11" };
  await eventually(() => confirmed.asked.length, "the order is asked for");
  assert.deepEqual(confirmed.asked[0], order);
  await restore();
  await page.route("**/user/me", (route) => route.abort());
  await page.clock.runFor(10_000);
  await reads(page, "No connection, trying again");
}

async function neverArrives(page) {
  await page.clock.fastForward(125_000);
  await sees(page, "We have not heard of the payment yet.");
}

async function arrivesLate(page) {
  await page.unrouteAll();
  await button(page, "Check again").click();
  await sees(page, "It worked. You are on Pro.");
  assert.equal(page.url(), `${site}/upgrade`);
}

async function tooOften(page) {
  const restore = await pretend(page, "/billing/plans", 429, failure("RATE_LIMITED", "No."), { "retry-after": "30" });
  await open(page);
  await reads(page, "That was too often. Wait 30 seconds and try again.");
  await restore();
}

async function narrowest(page) {
  await page.setViewportSize({ width: 320, height: 640 });
  await open(page);
  await sees(page, "You are on Pro.");
}

async function logOut(page) {
  await open(page);
  await button(page, "Log out").click();
  await sees(page, "You are logged out.");
  assert.equal(await page.getByText("@").filter({ visible: true }).count(), 0);
}

async function loggedOut(page) {
  await open(page);
  await sees(page, "You are not logged in.");
  await reads(page, "Open this page from the app.");
}

// ---- The walk

const { context, walk, pretend, end } = await begin(site, screenshots);
const desktop = await context({ viewport: { width: 1280, height: 860 }, colorScheme: "light" });
await walk(desktop, "desktop", [
  ...[usedLink, linkInTrouble, link, checkoutInTrouble, backToAnOpenCheckout, checkoutByKeyboard, enterTheCheckout],
  ...[decline, backAndForward, pay, onPro, askBeforeCanceling, cancel, resume, manage, offline, onlineAgain],
]);
const phone = await context({
  ...{ viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true },
  ...{ colorScheme: "dark", reducedMotion: "reduce", storageState: await desktop.context().storageState() },
});
await walk(phone, "phone", [
  ...[usedLink, signedIn, askBeforeCanceling, failedRenewal, failedPayment, waiting, neverArrives],
  ...[arrivesLate, tooOften, offline, onlineAgain, narrowest],
]);
await walk(desktop, "desktop", [failedRenewal, failedPayment, logOut]);
await walk(phone, "phone", [loggedOut]);
await end();
