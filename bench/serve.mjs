// Starts one Worker in a workerd of its own, with fresh storage, and says where on
// standard output. Each line of its standard input is a query, whose rows it answers
// as a line of JSON. Ends with its standard input.
//
//   node serve.mjs '{"folder": "build", "main": "index.js", "port": 8801, "vars": {…}, "sql": ["….sql"]}'

import { copyFileSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Miniflare, convertV4MiniflareOptions } from "miniflare";

// `sql` runs at the start, `database` takes the place of the empty one.
const { folder, main, port, vars, objects, sql, database } = JSON.parse(process.argv[2]);
const home = database && mkdtempSync(join(tmpdir(), "hivesync-bench-"));

function modules() {
  const files = readdirSync(folder).filter((name) => /\.(js|wasm)$/.test(name) && name !== main);
  return [main, ...files].map((name) => ({
    type: name.endsWith(".wasm") ? "CompiledWasm" : "ESModule",
    path: `/worker/${name}`,
    contents: readFileSync(join(folder, name), name.endsWith(".wasm") ? undefined : "utf8"),
  }));
}

function start() {
  return new Miniflare(
    convertV4MiniflareOptions({
      cf: false,
      ...(home && { resourcePersistencePath: home }),
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
          queueProducers: { EVENTS: { queueName: "events" }, AI_HIGH: { queueName: "x-ai-high" }, AI_LOW: { queueName: "x-ai-low" } },
          queueConsumers: { events: { maxBatchSize: 100, maxBatchTimeout: 0 } },
          durableObjects: objects ? {
            LIMITER: { className: "Limiter", useSQLite: true },
            CHANNELS: { className: "ChannelLog", useSQLite: true },
            SOCKETS: { className: "UserSockets", useSQLite: true },
            AUDIT: { className: "AuditSequencer", useSQLite: true },
            BELL: { className: "Bell", useSQLite: true },
            WEBHOOKS: { className: "WebhookSender", useSQLite: true },
          } : {},
          // Past the simulated edge in front of it, whose cost would drown the Worker's.
          unsafeDirectSockets: [{ host: "127.0.0.1", port }],
        },
      ],
    }),
  );
}

const rows = async (query) => (await (await miniflare.getD1Database("DB", "worker")).prepare(query).all()).results;

let miniflare = start();
await miniflare.ready;
if (database) {
  // Only once it is there is it known where.
  await rows("SELECT 1");
  await miniflare.dispose();
  const files = readdirSync(join(home, "d1"), { recursive: true }).map((name) => join(home, "d1", name));
  const [empty] = files.filter((name) => name.endsWith(".sqlite") && !name.endsWith("metadata.sqlite"));
  for (const file of files) if (file.startsWith(`${empty}-`)) rmSync(file);
  copyFileSync(database, empty);
  miniflare = start();
  await miniflare.ready;
}
for (const file of sql) await rows(readFileSync(file, "utf8"));
console.log("ready");

for await (const query of createInterface({ input: process.stdin })) console.log(JSON.stringify(await rows(query)));
await miniflare.dispose();
if (home) rmSync(home, { recursive: true });
process.exit(0);
