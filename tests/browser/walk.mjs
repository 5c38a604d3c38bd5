// A real browser, people in it, and the steps they take.

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { chromium } from "playwright-core";
import { checkPage, watch } from "./check.mjs";

const PATIENCE = 30_000;
const FLAGS = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";

/** For what the page does out of sight. */
export async function eventually(holds, what) {
  for (const end = Date.now() + PATIENCE; !holds(); await new Promise((done) => setTimeout(done, 50))) {
    assert(Date.now() < end, what);
  }
}

export async function begin(site, screenshots) {
  await mkdir(screenshots, { recursive: true });
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  const browser = await chromium.launch({ executablePath, args: FLAGS.split(" ") });
  const problems = [];
  let taken = 0;

  async function context(options) {
    const made = await browser.newContext({ locale: "en-US", ...options });
    made.setDefaultTimeout(PATIENCE);
    const page = await made.newPage();
    watch(page, site, problems);
    return page;
  }

  /** Takes the steps one after the other; each leaves a picture and a page that is in order. */
  async function walk(page, name, steps) {
    for (const step of steps) {
      const picture = path.join(screenshots, `${String(++taken).padStart(2, "0")}-${name}-${step.name}`);
      try {
        await step(page);
        if (page.url().startsWith(site)) await checkPage(page);
        assert.deepEqual(problems, [], "the console stays empty");
        await page.screenshot({ path: `${picture}.png`, fullPage: true });
      } catch (error) {
        await page.screenshot({ path: `${picture}-failed.png`, fullPage: true }).catch(() => {});
        console.error(`${name}: ${step.name} failed at ${page.url()}\n${error.stack}\nSee ${picture}-failed.png`);
        await browser.close();
        process.exit(1);
      }
    }
  }

  /** Answers in the place of the API, until the returned function is called; counts how often. */
  async function pretend(page, at, status, json = {}, headers = {}) {
    const url = `${site}/api/v1${at}`;
    const asked = [];
    const handler = (route) => {
      asked.push(route.request().postDataJSON());
      return route.fulfill({ status, json, headers });
    };
    await page.route(url, handler);
    return Object.assign(() => page.unroute(url, handler), { asked });
  }

  async function end() {
    await browser.close();
    console.log(`All ${taken} steps held.`);
  }

  return { context, walk, pretend, end };
}
