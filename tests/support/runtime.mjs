// The bridge between the tests and workerd: commands come in as JSON lines on
// stdin, answers go out as JSON lines on stdout. It ends with its stdin.

import { readFile, readdir } from "node:fs/promises";
import path from "node:path";
import { createInterface } from "node:readline";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";

const ROOT = path.resolve(import.meta.dirname, "../..");
const BUILD = path.resolve(ROOT, process.env.HIVESYNC_BUILD ?? "build");

// One workerd serves this many worlds: starting a process costs far more than
// another Worker in it, and an isolate that hashed passwords keeps 45 MB.
const CHUNK = 8;
const FIRST_CHUNK = 4;

/** What every Worker's variables are unless its world says otherwise. */
const VARS = JSON.parse(process.argv[2] ?? "{}");

/** Stands in for a Durable Object that cannot be reached. */
const BROKEN = `export class Limiter { fetch() { throw new Error("out of order"); } }
export default { fetch: () => new Response(null, { status: 404 }) };`;

/** Stands before a channel's Durable Object, and fails while it is jammed. */
const JAMMABLE = `import { DurableObject } from "cloudflare:workers";
const jammed = new Set();
export class Jammable extends DurableObject {
  async fetch(request) {
    const { name } = this.ctx.id;
    const body = await request.text();
    if (body === '"jam"') jammed.add(name);
    if (body === '"unjam"') jammed.delete(name);
    if (body.endsWith('jam"')) return new Response("{}");
    if (jammed.has(name)) throw new Error("jammed");
    return this.env.REAL.get(this.env.REAL.idFromName(name)).fetch(request.url, { method: "POST", body });
  }
}
export default { fetch: () => new Response(null, { status: 404 }) };`;

/** Stands in for the account's own models, which think at another address. */
const MODELS = `import { WorkerEntrypoint } from "cloudflare:workers";
export class Models extends WorkerEntrypoint {
  async run(model, input) {
    const response = await fetch(this.env.URL, { method: "POST", body: JSON.stringify({ model, ...input }) });
    if (response.status === 429) throw new Error("3040: Capacity temporarily exceeded, please try again.");
    if (!response.ok) throw new Error("5006: Error: the input is invalid");
    return response.body;
  }
}
export default { fetch: () => new Response(null, { status: 404 }) };`;

/** Stand before an inspected Worker: no inspector sees the memory of its wasm. */
const WATCH = `const { Instance } = WebAssembly;
WebAssembly.Instance = function (...given) {
  const made = new Instance(...given);
  globalThis.wasmMemory = made.exports.memory;
  return made;
};`;
const WATCHED = `import "./watch.js";
import worker from "./index.js";
export * from "./index.js";
const size = () => new Response(wasmMemory.buffer.byteLength);
export default { ...worker, fetch: (request, ...rest) => request.url.endsWith("/wasm-memory") ? size() : worker.fetch(request, ...rest) };`;

const script = await readFile(path.join(BUILD, "index.js"), "utf8").catch(() => {
  throw new Error(`There is no Worker in ${BUILD}: run 'cargo xtask build' first.`);
});
const [, DATE] = /^compatibility_date = "(.+)"$/m.exec(await readFile(path.join(ROOT, "wrangler.toml"), "utf8"));
const wasm = await readFile(path.join(BUILD, "index_bg.wasm"));
const migrations = path.join(ROOT, "migrations");
const schema = await readFile(path.join(ROOT, "schema.sql"), "utf8");
const steps = await Promise.all(
  (await readdir(migrations)).filter((name) => name.endsWith(".sql")).sort().map((name) => readFile(path.join(migrations, name), "utf8")),
);

let made = 0;
const worlds = new Map();
const instances = new Set();

const module = (name, contents) => ({ type: "ESModule", path: path.join(BUILD, name), contents });

/** `home` is the isolate whose data and Durable Objects this one uses; its own if it is the first. */
function worker(name, home, vars, options) {
  const { without = [], broken = false, jammable = false, assets = false, inspected = false, models } = options;
  const given = {
    d1Databases: { DB: home },
    kvNamespaces: { SESSIONS: home },
    r2Buckets: { FILES: home },
    queueProducers: {
      EVENTS: { queueName: home },
      AI_HIGH: { queueName: `${home}-ai-high` },
      AI_LOW: { queueName: `${home}-ai-low` },
    },
    durableObjects: {
      LIMITER: { className: "Limiter", useSQLite: true },
      CHANNELS: { className: "ChannelLog", useSQLite: true },
      SOCKETS: { className: "UserSockets", useSQLite: true },
      AUDIT: { className: "AuditSequencer", useSQLite: true },
      BELL: { className: "Bell", useSQLite: true },
      WEBHOOKS: { className: "WebhookSender", useSQLite: true },
    },
  };
  const elsewhere = broken ? `${home}-broken` : home;
  if (elsewhere !== name) given.durableObjects.LIMITER.scriptName = elsewhere;
  const named = ["CHANNELS", "SOCKETS", "AUDIT", "BELL", "WEBHOOKS"];
  if (home !== name) for (const object of named) given.durableObjects[object].scriptName = home;
  if (jammable) given.durableObjects.REAL_CHANNELS = given.durableObjects.CHANNELS;
  if (jammable) given.durableObjects.CHANNELS = { className: "Jammable", scriptName: `${home}-jam`, useSQLite: true };
  for (const kind of Object.values(given)) for (const binding of without) delete kind[binding];
  return {
    name,
    modulesRoot: BUILD,
    modules: [
      ...(inspected ? [module("watched.js", WATCHED), module("watch.js", WATCH)] : []),
      module("index.js", script),
      { type: "CompiledWasm", path: path.join(BUILD, "index_bg.wasm"), contents: wasm },
    ],
    compatibilityDate: DATE,
    bindings: Object.fromEntries(Object.entries({ ...VARS, ...vars }).filter(([, value]) => value !== null)),
    ...given,
    ...(models && { serviceBindings: { AI: { name: `${home}-models`, entrypoint: "Models" } } }),
    ...(assets && { assets: { directory: path.join(BUILD, "assets"), routerConfig: { has_user_worker: true } } }),
    ...(name === home && {
      queueConsumers: {
        [home]: { maxBatchTimeout: 0, maxRetries: 3, deadLetterQueue: `${home}-dead` },
        [`${home}-ai-high`]: { maxBatchSize: 1, maxBatchTimeout: 0, maxRetries: 3 },
        [`${home}-ai-low`]: { maxBatchSize: 1, maxBatchTimeout: 0, maxRetries: 3 },
      },
    }),
    unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
  };
}

/** All Workers of one world. */
function workers({ home, names, options }) {
  const all = names.map((name, i) => worker(name, home, { ...options.vars, ...options.isolates?.[i] }, options));
  if (options.jammable) {
    const durableObjects = {
      REAL: { className: "ChannelLog", scriptName: home, useSQLite: true },
      OWN: { className: "Jammable", useSQLite: true },
    };
    all.push({ name: `${home}-jam`, modules: true, script: JAMMABLE, compatibilityDate: DATE, durableObjects });
  }
  if (options.models) {
    const bindings = { URL: options.models };
    all.push({ name: `${home}-models`, modules: true, script: MODELS, compatibilityDate: DATE, bindings });
  }
  if (!options.broken) return all;
  const own = { LIMITER: { className: "Limiter", useSQLite: true } };
  const broken = { name: `${home}-broken`, modules: true, script: BROKEN, compatibilityDate: DATE };
  return [...all, { ...broken, durableObjects: own }];
}

/** A way to ask the inspector of a Worker. */
async function inspect(mf, name) {
  const socket = new WebSocket(new URL(`/core:user:${name}`, await mf.getInspectorURL()));
  const waiting = new Map();
  let asked = 0;
  socket.onmessage = ({ data }) => {
    const { id, result } = JSON.parse(data);
    waiting.get(id)?.(result);
    waiting.delete(id);
  };
  await new Promise((resolve, reject) => Object.assign(socket, { onopen: resolve, onerror: reject }));
  return (method) => {
    const { promise, resolve } = Promise.withResolvers();
    waiting.set(++asked, resolve);
    socket.send(JSON.stringify({ id: asked, method }));
    return promise;
  };
}

/** Starts one workerd with a world for each of `wanted`. */
async function start(wanted) {
  const instance = { logs: [], open: wanted.length, mf: undefined };
  const homes = wanted.map((options) => {
    const home = `world-${++made}`;
    const names = (options.isolates ?? [{}]).map((_, i) => (i === 0 ? home : `${home}-${i}`));
    return { home, names, options };
  });
  instance.options = convertV4MiniflareOptions({
    cf: false,
    workers: homes.flatMap(workers),
    ...(wanted.some(({ inspected }) => inspected) && { inspectorPort: 0 }),
    handleStructuredLogs: ({ level, message }) => instance.logs.push({ level, message }),
  });
  instance.mf = new Miniflare(instance.options);
  instances.add(instance);
  await instance.mf.ready;
  return Promise.all(
    homes.map(async ({ home, names, options }) => {
      if (!options.without?.includes("DB")) {
        const db = await instance.mf.getD1Database("DB", home);
        for (const sql of options.migrated ? steps : [schema]) await db.prepare(sql).run();
      }
      worlds.set(home, { instance, name: home, names });
      return { world: home, urls: await origins(instance, names) };
    }),
  );
}

async function origins(instance, names) {
  const urls = await Promise.all(names.map((name) => instance.mf.unsafeGetDirectURL(name)));
  return urls.map((url) => url.origin);
}

const ready = [];
const waiting = [];
let filling = false;

async function fill() {
  if (filling || ready.length > 1) return;
  filling = true;
  try {
    const size = instances.size === 0 ? FIRST_CHUNK : CHUNK;
    ready.push(...(await start(Array.from({ length: size }, () => ({})))));
  } catch (error) {
    for (const { reject } of waiting.splice(0)) reject(error);
  }
  filling = false;
  serveWaiting();
}

function serveWaiting() {
  while (ready.length > 0 && waiting.length > 0) waiting.shift().resolve(ready.shift());
  if (waiting.length > 0 || ready.length < 2) void fill();
}

const commands = {
  open(options) {
    if (Object.keys(options).length > 0) return start([options]).then(([world]) => world);
    const { promise, resolve, reject } = Promise.withResolvers();
    waiting.push({ resolve, reject });
    serveWaiting();
    return promise;
  },

  async close(_, { instance, name }) {
    worlds.delete(name);
    if (--instance.open > 0) return;
    instances.delete(instance);
    await instance.mf.dispose();
  },

  async sql({ sql, params = [] }, { instance, name }) {
    const db = await instance.mf.getD1Database("DB", name);
    return (await db.prepare(sql).bind(...params).all()).results;
  },

  async kv_get({ key }, { instance, name }) {
    return (await instance.mf.getKVNamespace("SESSIONS", name)).get(key);
  },

  async kv_list({ prefix }, { instance, name }) {
    const { keys } = await (await instance.mf.getKVNamespace("SESSIONS", name)).list({ prefix });
    return keys.map(({ name, expiration }) => ({ name, expiration: expiration ?? null }));
  },

  async kv_clear({ prefix }, { instance, name }) {
    const kv = await instance.mf.getKVNamespace("SESSIONS", name);
    for (const key of (await kv.list({ prefix })).keys) await kv.delete(key.name);
  },

  async r2_list({ prefix }, { instance, name }) {
    const bucket = await instance.mf.getR2Bucket("FILES", name);
    const found = [];
    for (let page = { truncated: true }; page.truncated; ) {
      page = await bucket.list({ prefix, cursor: page.cursor });
      found.push(...page.objects.map(({ key, size }) => ({ key, size })));
    }
    return found;
  },

  async r2_get({ key }, { instance, name }) {
    const object = await (await instance.mf.getR2Bucket("FILES", name)).get(key);
    return object && Buffer.from(await object.arrayBuffer()).toString("base64");
  },

  async r2_put({ keys }, { instance, name }) {
    const bucket = await instance.mf.getR2Bucket("FILES", name);
    await Promise.all(keys.map((key) => bucket.put(key, "planted")));
  },

  async r2_delete({ keys }, { instance, name }) {
    await (await instance.mf.getR2Bucket("FILES", name)).delete(keys);
  },

  /** Puts a message into the queue, as the Worker would. */
  async send({ body }, { instance, name }) {
    await (await instance.mf.getQueueProducer("EVENTS", name)).send(body, { contentType: "json" });
  },

  /** Hands the consumer one batch and tells what it made of each message. */
  async consume({ bodies, queue = "" }, { instance, name }) {
    const consumer = await instance.mf.getWorker(name);
    const messages = bodies.map((body, i) => ({ id: `message-${i}`, timestamp: new Date(), body, attempts: 1 }));
    const { outcome, explicitAcks, retryMessages, ackAll, retryBatch } = await consumer.queue(`${name}${queue}`, messages);
    return {
      outcome,
      acked: messages.filter(({ id }) => ackAll || explicitAcks.includes(id)).length,
      retried: retryBatch.retry ? messages.length : retryMessages.length,
    };
  },

  async cron({ cron, time }, { instance, name }) {
    const { outcome } = await (await instance.mf.getWorker(name)).scheduled({ cron, scheduledTime: new Date(time) });
    return outcome;
  },

  /** Ends the process under everybody and starts it anew over the same data. */
  async restart(_, { instance, names }) {
    await instance.mf.setOptions(instance.options);
    return origins(instance, names);
  },

  /** Whether it ran; unless that is left open, it must. */
  async evict({ class: className, object, sockets, if_running = false }, { instance, name }) {
    try {
      await instance.mf.unsafeEvictDurableObject(name, className, { name: object, webSockets: sockets });
      return true;
    } catch (error) {
      if (if_running && error?.message?.includes("not currently running")) return false;
      throw error;
    }
  },

  /** A question to a Durable Object, as the Worker asks. */
  async ask({ binding, object, question }, { instance, name }) {
    const objects = await instance.mf.getDurableObjectNamespace(binding, name);
    const options = { method: "POST", body: JSON.stringify(question) };
    const response = await objects.get(objects.idFromName(object)).fetch("https://object/", options);
    if (!response.ok) throw new Error(await response.text());
    return response.json();
  },

  /** Bytes that an inspected Worker's isolate holds: of JavaScript, beside its heap, and of wasm. */
  async memory(_, { instance, name }) {
    instance.ask ??= await inspect(instance.mf, name);
    const { usedSize, backingStorageSize } = await instance.ask("Runtime.getHeapUsage");
    const wasm = await fetch(new URL("/wasm-memory", await instance.mf.unsafeGetDirectURL(name)));
    return usedSize + backingStorageSize + Number(await wasm.text());
  },

  /** What the Workers of this world's process wrote, other worlds' lines among them. */
  logs: (_, { instance }) => instance.logs,
};

async function answer(line) {
  const { id, command, ...rest } = JSON.parse(line);
  try {
    const world = worlds.get(rest.world);
    if (command !== "open" && !world) throw new Error(`there is no world ${rest.world}`);
    const result = await commands[command](rest, world);
    process.stdout.write(`${JSON.stringify({ id, result: result ?? null })}\n`);
  } catch (error) {
    process.stdout.write(`${JSON.stringify({ id, error: error?.stack ?? String(error) })}\n`);
  }
}

async function end() {
  await Promise.allSettled([...instances].map(({ mf }) => mf.dispose()));
  process.exit();
}

// The tests are gone: nobody reads answers any more.
process.stdout.on("error", end);
process.on("SIGINT", end);
process.on("SIGTERM", end);
createInterface({ input: process.stdin }).on("line", answer).on("close", end);
