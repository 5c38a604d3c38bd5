// What must hold for every page in every state: it fits, it can be read, it can be used without a mouse or a screen.

import assert from "node:assert/strict";

/** Collects what the console complains about, and what a policy forbade; an answer of the API is no complaint. */
export function watch(page, site, problems) {
  page.on("pageerror", (error) => problems.push(error.stack));
  page.on("console", (message) => {
    const about = message.location().url;
    if (message.type() !== "error" || !about.startsWith(site)) return;
    if (message.text().startsWith("Failed to load resource") && about.startsWith(`${site}/api/`)) return;
    problems.push(`${message.text()} (${about})`);
  });
}

export async function checkPage(page) {
  const snapshot = await page.locator("body").ariaSnapshot();
  const nameless = snapshot.match(/^\s*- (button|link|radio|meter|progressbar|dialog|article|group)(?! ")/gm);
  assert.equal(nameless, null, `something has no name:\n${snapshot}`);
  assert.equal(await page.getByRole("heading", { level: 1 }).count(), 1, "there is one h1");
  const { positive, wide, low, pale } = await page.evaluate(measure);
  assert.equal(positive, 0, "the order of Tab is the order of the page");
  assert(wide <= 0, `the page is ${wide} px too wide`);
  assert.deepEqual(low, [], "what is pressed is at least 40 px high");
  assert.deepEqual(pale, [], "text has a contrast of at least 4.5");
}

/** Runs in the page. */
async function measure() {
  const transitions = document.getAnimations().filter((animation) => animation instanceof CSSTransition);
  await Promise.allSettled(transitions.map(({ finished }) => finished));
  const brush = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const pixel = (color) => {
    brush.clearRect(0, 0, 1, 1);
    brush.fillStyle = color;
    brush.fillRect(0, 0, 1, 1);
    return brush.getImageData(0, 0, 1, 1).data;
  };
  const light = (color) => {
    const linear = (x) => (x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = [...pixel(color)].map((x) => linear(x / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const { backgroundColor } = getComputedStyle(at);
      if (pixel(backgroundColor)[3] === 255) return backgroundColor;
    }
    return "white";
  };
  const contrast = (element) => {
    const [dark, bright] = [light(getComputedStyle(element).color), light(behind(element))].sort((a, b) => a - b);
    return (bright + 0.05) / (dark + 0.05);
  };
  const visible = (element) => element.checkVisibility() && !element.closest(".unseen, legend, noscript");
  const say = (element, number) => `${element.textContent.trim().slice(0, 40)}: ${number.toFixed(1)}`;
  const all = (selector) => [...document.body.querySelectorAll(selector)].filter(visible);
  const isText = (node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim() !== "";
  const texts = all("*").filter(({ childNodes, disabled }) => !disabled && [...childNodes].some(isText));
  const heights = all("button, a, fieldset label").map((element) => [element, element.getBoundingClientRect().height]);
  return {
    positive: document.querySelectorAll("[tabindex]:not([tabindex='0'], [tabindex='-1'])").length,
    wide: document.scrollingElement.scrollWidth - innerWidth,
    low: heights.filter(([, height]) => height < 40).map((found) => say(...found)),
    pale: texts.map((element) => [element, contrast(element)]).filter(([, c]) => c < 4.5).map((found) => say(...found)),
  };
}
