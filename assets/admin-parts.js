// How the operators' page shows things: charts, tables, figures, times and numbers.

import { make } from "./site.js";

const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT] = [300, 88];

const whole = new Intl.NumberFormat();
const brief = new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 1 });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const dayOnly = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", timeZone: "UTC" });
const dayAndHour = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", hour: "numeric", minute: "2-digit" });

const TIME = /^\d{4}-\d\d-\d\dT/;
const DAY = /^\d{4}-\d\d-\d\d$/;

export const time = (text) => make("time", { dateTime: text, textContent: exact.format(new Date(text)) });

/** `ai_docs_today` as people say it. */
export function words(name) {
  const unitless = name === "milliseconds" ? "took" : name.replace(/_(seconds|milliseconds|ms)$/, "");
  const said = unitless.replaceAll("_", " ").replace(/\bai\b/gi, "AI").replace(/\b(\d+)([dh])\b/gi, "$1 $2");
  return said.charAt(0).toUpperCase() + said.slice(1);
}

/** Whatever the API says, as a text or a node. */
export function value(what, name = "") {
  if (what === null || what === undefined) return "–";
  if (typeof what === "boolean") return what ? "Yes" : "No";
  if (typeof what === "number") return number(what, name);
  if (typeof what === "string") return TIME.test(what) ? time(what) : what;
  if (Array.isArray(what)) return what.length ? what.map((one) => plain(one)).join(", ") : "None";
  return Object.entries(what).map(([key, one]) => `${words(key)}: ${plain(one, key)}`).join(", ") || "–";
}

function number(what, name) {
  if (/(_ratio|_rate|uptime)$/.test(name) && what >= 0 && what <= 1) return `${+(what * 100).toFixed(1)} %`;
  if (/_seconds$/.test(name)) return seconds(what);
  if (/(^|_)(ms|milliseconds)$/.test(name)) return what < 1000 ? `${Math.round(what)} ms` : seconds(what / 1000);
  if (/(^|_)bytes$/.test(name)) return `${brief.format(what)}B`;
  return whole.format(Number.isInteger(what) ? what : +what.toFixed(2));
}

const plain = (what, name) => (what && typeof what === "object" ? JSON.stringify(what) : String(value(what, name)));

function seconds(count) {
  if (count < 60) return `${+count.toFixed(1)} s`;
  const units = [[86_400, "d"], [3_600, "h"], [60, "min"]];
  const [size, unit] = units.find(([size]) => count >= size);
  return `${+(count / size).toFixed(1)} ${unit}`;
}

/** A list of names and values. */
export function facts(of) {
  const row = ([name, what]) => make("div", {}, make("dt", {}, words(name)), make("dd", {}, value(what, name)));
  return make("dl", {}, ...Object.entries(of).map(row));
}

/** `columns`: a heading, what stands below it, and whether that is a number. */
export function table(label, columns, rows) {
  const cell = (tag, is, content) => make(tag, { className: is ?? "" }, ...[content].flat());
  const head = columns.map(([title, , is]) => Object.assign(cell("th", is, title), { scope: "col" }));
  const body = rows.map((row) => make("tr", {}, ...columns.map(([, show, is]) => cell("td", is, show(row) ?? "–"))));
  const made = make("table", {}, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...body));
  made.setAttribute("aria-label", label);
  const scroll = make("div", { className: "scroll", tabIndex: 0 }, made);
  scroll.setAttribute("role", "region");
  scroll.setAttribute("aria-label", label);
  return scroll;
}

/** Rows of one kind, whatever they have. */
export function list(title, rows, shown = {}) {
  if (!rows.length) return make("p", { className: "empty" }, "None.");
  const columns = Object.keys(rows[0]).map((name) => {
    const kinds = rows.map((row) => typeof (row[name] ?? undefined));
    const is = kinds.includes("number") ? "number" : kinds.includes("object") ? "wide" : "";
    return [words(name), shown[name] ?? ((row) => value(row[name], name)), is];
  });
  return table(title, columns, rows);
}

export const tag = (text, how = "") => make("span", { className: `tag ${how}`, textContent: text });

/** A line with what it does and its buttons, or links. */
export function act(title, text, does) {
  const buttons = does.map(([label, what]) => {
    if (typeof what === "string") return make("a", { href: what, download: "", textContent: label, ariaLabel: `${title} as ${label}` });
    const button = make("button", { type: "button", className: "plain", textContent: label, ariaLabel: `${label}: ${title}` });
    button.addEventListener("click", what);
    return button;
  });
  const about = make("div", {}, make("h3", {}, title), make("p", {}, text));
  return make("li", {}, about, make("div", { className: "buttons" }, ...buttons));
}

// ---- Charts

function svg(tag, attributes, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, of] of Object.entries(attributes)) made.setAttribute(name, of);
  made.append(...children);
  return made;
}

const when = (text) => (DAY.test(text) ? dayOnly : dayAndHour).format(new Date(text));

/** `points`: [when, how many]. The picture is for the eye; the same numbers stand in a table for everybody else. */
function chart(title, told, points, draw) {
  const most = Math.max(1, ...points.map(([, count]) => count));
  const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" });
  picture.append(...draw(points, most), svg("path", { class: "base", d: `M0 ${HEIGHT}H${WIDTH}` }));
  const rows = points.map(([at, count]) => make("tr", {}, make("th", {}, when(at)), make("td", {}, String(count))));
  const numbers = make("div", { className: "unseen" }, make("table", {}, make("caption", {}, title), ...rows));
  const ends = points.length ? [points[0], points.at(-1)] : [];
  const span = make("p", { className: "span" }, ...ends.map(([at]) => make("span", {}, when(at))));
  span.setAttribute("aria-hidden", "true");
  return make("figure", {}, make("figcaption", {}, title, make("span", {}, told)), picture, span, numbers);
}

export function bars(title, points) {
  const all = points.reduce((sum, [, count]) => sum + count, 0);
  const most = Math.max(0, ...points.map(([, count]) => count));
  return chart(title, `${whole.format(all)} in all, ${whole.format(most)} at most`, points, (points, most) => {
    const step = WIDTH / points.length;
    return points.map(([at, count], i) => {
      const high = count ? Math.max(2, (count / most) * HEIGHT) : 1;
      const place = { x: i * step + step * 0.1, y: HEIGHT - high, width: step * 0.8, height: high };
      const title = svg("title", {}, `${when(at)}: ${whole.format(count)}`);
      return svg("rect", { ...place, class: count ? "bar" : "bar none" }, title);
    });
  });
}

export function line(title, told, points) {
  return chart(title, told, points, (points, most) => {
    const times = points.map(([at]) => Date.parse(at));
    const long = Math.max(1, times.at(-1) - times[0]);
    const place = ([, count], i) => `${((times[i] - times[0]) / long) * WIDTH} ${HEIGHT - (count / most) * HEIGHT}`;
    if (points.length < 2) return [];
    const way = points.map(place).join("L");
    return [
      svg("path", { class: "area", d: `M0 ${HEIGHT}L${way}L${WIDTH} ${HEIGHT}Z` }),
      svg("path", { class: "line", d: `M${way}` }),
    ];
  });
}
