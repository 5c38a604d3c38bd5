// The crossings between wasm and JavaScript that are worth doing in one go:
// a string each way instead of an object at a time.

// Futures wake by this; a promise's microtask never leaves V8, workerd's own does.
const settled = Promise.resolve();
globalThis.queueMicrotask = (task) => void settled.then(task);

// The headers anything reads. Asking for each costs less than walking all of them.
const HEADERS = [
  "authorization",
  "cf-connecting-ip",
  "content-type",
  "cookie",
  "idempotency-key",
  "if-match",
  "if-none-match",
  "if-range",
  "origin",
  "range",
  "sec-fetch-site",
  "upgrade",
  "user-agent",
  "x-event-name",
  "x-request-id",
  "x-signature",
  "x-test-now",
];
const OF_WORKERS = ["x-hs-attempt", "x-hs-signature", "x-hs-timestamp", "x-hs-worker"];

/** Method, URL, the time, a fresh id and those headers, one a line. */
export function arrive(request) {
  let text = `${request.method}\n${request.url}\n${Date.now()}\n${crypto.randomUUID()}`;
  const { headers } = request;
  for (const name of HEADERS) {
    const value = headers.get(name);
    if (value !== null) text += `\n${name}:${value}`;
  }
  if (headers.has("x-hs-signature")) {
    for (const name of OF_WORKERS) text += `\n${name}:${headers.get(name) ?? ""}`;
  }
  return text;
}

// So much of a body that is too long is read all the same: who is still sending would not hear why it is refused.
const SWALLOWED = 1024 * 1024;

/** The body's bytes; null if it is longer than the limit. */
export async function read(request, limit) {
  const most = limit + SWALLOWED;
  if (Number(request.headers.get("content-length") ?? 0) > most) return null;
  const chunks = [];
  let length = 0;
  for await (const chunk of request.body ?? []) {
    length += chunk.byteLength;
    if (length > most) return null;
    if (length <= limit) chunks.push(chunk);
  }
  if (length > limit) return null;
  if (chunks.length === 1) return chunks[0];
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.byteLength;
  }
  return whole;
}

const CHUNK = 64 * 1024;

/** A body on its way in, read into always the same memory. */
export class Chunks {
  #reader;
  #memory = new ArrayBuffer(CHUNK);

  constructor(request) {
    this.#reader = request.body.getReader({ mode: "byob" });
  }

  /** What came next, good until asked again; null at the end. */
  async next() {
    const { value, done } = await this.#reader.read(new Uint8Array(this.#memory));
    this.#memory = value.buffer;
    return done ? null : value;
  }
}

/** How long the body says it is; -1 where it does not. */
export function length(request) {
  return Number(request.headers.get("content-length") ?? -1);
}

// What every answer carries, kept here so that only what differs crosses.
const ALWAYS = {
  "cache-control": "private, no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "content-type": "application/json",
  "referrer-policy": "no-referrer",
  "strict-transport-security": "max-age=31536000; includeSubDomains",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

/**
 * A response with a fixed body, a stream or a socket; `lines` are headers, one a line. A plain object is
 * the form of headers that costs the fewest calls into the runtime.
 */
export function respond(status, lines, body) {
  const headers = { ...ALWAYS };
  for (const line of lines.split("\n")) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon);
    const value = line.slice(colon + 1);
    headers[name] = name in headers && !(name in ALWAYS) ? `${headers[name]}, ${value}` : value;
  }
  if (status === 101) return new Response(null, { status, headers, webSocket: body });
  if (status === 204 || status === 304) delete headers["content-type"];
  return new Response(body.length === 0 ? null : body, { status, headers });
}

const utf8 = new TextEncoder();

/** One atomic batch: `[[sql, params], …]` in, the rows of each a line of UTF-8 out, or `!` and what went wrong. */
export async function batch(env, json) {
  let answer;
  try {
    const db = env.DB;
    const statements = JSON.parse(json).map(([sql, params]) => db.prepare(sql).bind(...params));
    const results = await db.batch(statements);
    answer = results.map((result) => JSON.stringify(result.results)).join("\n");
  } catch (error) {
    answer = `!${error?.message ?? error}`;
  }
  // As bytes: wasm-bindgen copies a string into wasm a character at a time.
  return utf8.encode(answer);
}

/** What ends a wait that takes too long in all, or, once it began, hears nothing for too long. */
class Timer {
  #abort = new AbortController();
  #end;
  #silence;
  #timer;
  #stalled = false;

  constructor({ total, silence }) {
    this.#end = Date.now() + total;
    this.#silence = silence;
    /** Rejects when time is up. */
    this.up = new Promise((_, reject) => this.signal.addEventListener("abort", () => reject(this.signal.reason)));
    this.up.catch(() => {});
    this.#wait(total);
  }

  get signal() {
    return this.#abort.signal;
  }

  /** From here on, for the next piece. */
  wait() {
    this.#wait(this.#silence);
  }

  #wait(silence) {
    clearTimeout(this.#timer);
    const left = this.#end - Date.now();
    this.#stalled = silence < left;
    this.#timer = setTimeout(() => this.#abort.abort(), Math.min(silence, left));
  }

  /** Why a body ended that did not end by itself. */
  get cut() {
    if (!this.signal.aborted) return "broken";
    return this.#stalled ? "stalled" : "too_late";
  }

  /** Ends the wait, and with it what is waited for. */
  stop() {
    clearTimeout(this.#timer);
    this.#abort.abort();
  }
}

/** A body as text, as far as it comes in time and within `most` bytes, and why there is no more of it. */
async function receive(body, timer, most) {
  const reader = body?.getReader();
  const text = new TextDecoder();
  let read = "";
  let cut = null;
  try {
    for (let left = most; reader; ) {
      const { value, done } = await Promise.race([reader.read(), timer.up]);
      if (done) break;
      timer.wait();
      read += text.decode(value.subarray(0, left), { stream: true });
      left -= value.byteLength;
      if (left < 0) {
        cut = "too_long";
        break;
      }
    }
  } catch {
    cut = timer.cut;
  }
  if (cut) reader.cancel().catch(() => {});
  return { cut, read: read + text.decode() };
}

const unanswered = (timer, error) =>
  timer.signal.aborted ? "TimeoutError: it took too long" : `${error?.name}: ${error?.message}`;

/**
 * A request elsewhere: a line of JSON that tells the status, and then the body, as far as `limits` let it come;
 * or why there was no answer.
 */
export async function call(method, url, headers, body, limits) {
  const patience = JSON.parse(limits);
  const timer = new Timer(patience);
  try {
    const options = { method, headers: JSON.parse(headers), body, signal: timer.signal, redirect: "manual" };
    const response = await fetch(url, options);
    const { cut, read } = await receive(response.body, timer, patience.most);
    const head = { status: response.status, retry_after: response.headers.get("retry-after"), cut };
    return `${JSON.stringify(head)}\n${read}`;
  } catch (error) {
    return unanswered(timer, error);
  } finally {
    timer.stop();
  }
}

/** A question to the account's own models, answered like a request elsewhere. */
export async function infer(env, model, input, limits) {
  const patience = JSON.parse(limits);
  const timer = new Timer(patience);
  try {
    const answer = await Promise.race([env.AI.run(model, JSON.parse(input)), timer.up]);
    const streams = answer instanceof ReadableStream;
    const whole = { cut: null, read: JSON.stringify(answer) };
    const { cut, read } = streams ? await receive(answer, timer, patience.most) : whole;
    return `${JSON.stringify({ status: 200, retry_after: null, cut })}\n${read}`;
  } catch (error) {
    return unanswered(timer, error);
  } finally {
    timer.stop();
  }
}

/** Whether the account's own models are bound. */
export function has_models(env) {
  return env.AI !== undefined;
}

const object = (env, binding, name) => env[binding].get(env[binding].idFromName(name));

/** A question to a Durable Object and its answer, both JSON. */
export async function ask(env, binding, name, json) {
  const response = await object(env, binding, name).fetch("https://object/", { method: "POST", body: json });
  const answer = await response.text();
  if (!response.ok) throw new Error(`${response.status} ${answer}`);
  return answer;
}

/** The other end of a socket that a Durable Object accepts; its status where it does not. */
export async function enter(env, binding, name, query) {
  const headers = { upgrade: "websocket" };
  const response = await object(env, binding, name).fetch(`https://object/?${query}`, { headers });
  return response.webSocket ?? response.status;
}

/** Resolves in so many milliseconds. */
export function wait(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Resolves once at most `most` bytes wait for the client, or it had its time. */
export async function drained(socket, most, milliseconds) {
  for (const end = Date.now() + milliseconds; socket.bufferedAmount > most && Date.now() < end; ) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return socket.bufferedAmount <= most;
}

/** Sends every text to every socket. Those that are gone, or left more than `most` bytes waiting, are closed and given back. */
export function broadcast(sockets, texts, most) {
  return sockets.filter((socket) => {
    try {
      if (socket.bufferedAmount <= most) {
        for (const text of texts) socket.send(text);
        return false;
      }
      socket.close(1013, "too slow");
    } catch {
      // Gone already.
    }
    return true;
  });
}
