// Starts one Worker in a workerd of its own, with fresh seeded storage, and says
// where on standard output. Each line of its standard input is a query, whose rows
// it answers as a line of JSON. Ends with its standard input.
//
//   node serve.mjs '{"folder": "build", "main": "index.js", "port": 8801, "vars": {…}}'

import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Miniflare, convertV4MiniflareOptions } from "miniflare";

const root = join(import.meta.dirname, "..");
const { folder, main, port, vars, limiter, empty } = JSON.parse(process.argv[2]);

function modules() {
  const files = readdirSync(folder).filter((name) => /\.(js|wasm)$/.test(name) && name !== main);
  return [main, ...files].map((name) => ({
    type: name.endsWith(".wasm") ? "CompiledWasm" : "ESModule",
    path: `/worker/${name}`,
    contents: readFileSync(join(folder, name), name.endsWith(".wasm") ? undefined : "utf8"),
  }));
}

const miniflare = new Miniflare(
  convertV4MiniflareOptions({
    cf: false,
    handleStructuredLogs: ({ level, message }) => console.error(`${level}: ${message}`),
    workers: [
      {
        name: "worker",
        modules: modules(),
        modulesRoot: "/worker",
        compatibilityDate: "2026-11-01",
        bindings: vars,
        d1Databases: { DB: "hivesync" },
        kvNamespaces: { SESSIONS: "sessions" },
        r2Buckets: { FILES: "files" },
        queueProducers: { EVENTS: { queueName: "events" } },
        queueConsumers: { events: { maxBatchTimeout: 1 } },
        durableObjects: limiter ? { LIMITER: { className: "Limiter", useSQLite: true } } : {},
        // Past the simulated edge in front of it, whose cost would drown the Worker's.
        unsafeDirectSockets: [{ host: "127.0.0.1", port }],
      },
    ],
  }),
);
await miniflare.ready;

const database = empty ? undefined : await miniflare.getD1Database("DB", "worker");
if (database) {
  const migrations = readdirSync(join(root, "migrations")).sort().map((name) => join(root, "migrations", name));
  for (const file of [...migrations, join(root, "bench", "seed.sql")]) {
    await database.prepare(readFileSync(file, "utf8")).run();
  }
}
console.log("ready");

for await (const query of createInterface({ input: process.stdin })) {
  const { results } = await database.prepare(query).all();
  console.log(JSON.stringify(results));
}
await miniflare.dispose();
process.exit(0);
