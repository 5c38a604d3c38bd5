// Shows a page of yours on a phone or a tablet:
//
//   cargo xtask dev                          in one terminal
//   cargo xtask preview-worker               in another
//   node examples/preview.mjs examples/page --device iphone-15
//
// Takes a folder, or a file of HTML or Markdown. Options: --device NAME (again and again; iphone-…, ipad… or one of
// Android's), --entry PATH (else index.html, index.md, README.md or the only page), --safe (no scripts), --out DIR
// (preview). Needs Node.js 22 or later; API names another address than that of `cargo xtask dev`, with the /api/v1 at its
// end.

import { createHash } from "node:crypto";
import { mkdir, readFile, readdir, stat, writeFile } from "node:fs/promises";
import { basename, join, relative, sep } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";

const API = process.env.API ?? "http://127.0.0.1:8787/api/v1";
const DEMO = { email: "demo@hivesync.dev", password: "hivesync-demo" };
/** What is larger goes by itself, and not within the request. */
const INLINE = 256 * 1024;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    device: { type: "string", multiple: true },
    entry: { type: "string" },
    safe: { type: "boolean", default: false },
    out: { type: "string", default: "preview" },
  },
});
const [source] = positionals;
if (!source) {
  console.error("usage: node examples/preview.mjs FILE_OR_FOLDER [--device NAME …] [--entry PATH] [--safe] [--out DIR]");
  process.exit(2);
}

let token;

/** Like fetch, but what comes too often is sent again, if that is soon. */
async function patiently(url, options) {
  for (;;) {
    const response = await fetch(url, options);
    const seconds = Number(response.headers.get("retry-after") ?? 1);
    if (response.status !== 429 || seconds > 60) return response;
    await response.body?.cancel();
    await sleep(seconds * 1000);
  }
}

async function send(method, path, body, type = "application/json") {
  const headers = { ...(body && { "content-type": type }), ...(token && { authorization: `Bearer ${token}` }) };
  const response = await patiently(`${API}${path}`, { method, headers, body });
  if (response.ok) return response.status === 204 ? undefined : response.json();
  const { error } = await response.json();
  throw new Error(`${error.code}: ${error.message} ${error.details ? JSON.stringify(error.details) : ""}`);
}

const call = (method, path, body) => send(method, path, body && JSON.stringify(body)).then((answer) => answer?.data ?? answer);

/** The files below a folder, or the one file; not what is hidden or installed. */
async function files(source) {
  if ((await stat(source)).isFile()) return [[basename(source), await readFile(source)]];
  const entries = await readdir(source, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => relative(source, join(entry.parentPath, entry.name)));
  const wanted = paths.filter((path) => !path.split(sep).some((part) => part.startsWith(".") || part === "node_modules"));
  return Promise.all(wanted.map(async (path) => [path.split(sep).join("/"), await readFile(join(source, path))]));
}

async function described(project, [path, bytes]) {
  const hash = createHash("sha256").update(bytes).digest("hex");
  if (bytes.length <= INLINE) return { path, hash, contents_base64: bytes.toString("base64") };
  await send("PUT", `/projects/${project}/previews/files/${hash}`, bytes, "application/octet-stream");
  return { path, hash };
}

const platform = (device) => (device.startsWith("iphone") ? "ios" : device.startsWith("ipad") ? "ipad" : "android");

/** Asks again and again, but less and less often: callers of the free plan have 60 requests a minute. */
async function finished(project, job) {
  let pause = 400;
  for (let asked = 0; job.status === "queued" || job.status === "running"; asked++) {
    if (asked === 5 && job.status === "queued") {
      console.error("… nobody renders it yet; start a worker with: cargo xtask preview-worker");
    }
    await sleep(pause);
    pause = Math.min(pause * 1.3, 3000);
    job = await call("GET", `/projects/${project}/previews/jobs/${job.id}`);
  }
  if (job.status !== "completed") throw new Error(`${job.status}: ${job.error?.message ?? ""} (${job.error?.code})`);
  return job;
}

async function keep(name, url) {
  const response = await patiently(new URL(url, API));
  if (!response.ok) throw new Error(`${name}: ${response.status}`);
  const path = join(values.out, name);
  await writeFile(path, Buffer.from(await response.arrayBuffer()));
  console.log(path);
}

async function main() {
  token = (await call("POST", "/auth/login", DEMO)).access_token;
  const project = (await call("GET", "/projects")).items[0].id;
  const devices = values.device;
  const request = {
    files: await Promise.all((await files(source)).map((file) => described(project, file))),
    platform: platform(devices?.[0] ?? "iphone"),
    safe_mode: values.safe,
    ...(devices && { devices }),
    ...(values.entry && { entry: values.entry }),
  };
  const job = await finished(project, await call("POST", `/projects/${project}/previews/request`, request));
  for (const warning of job.warnings ?? []) console.error(`! ${warning}`);
  const artifact = await call("GET", `/projects/${project}/previews/jobs/${job.id}/artifact`);
  await mkdir(values.out, { recursive: true });
  await keep("layout.json", artifact.layout_url);
  for (const { name, url } of artifact.assets) await keep(name, url);
}

await main().catch((error) => {
  console.error(`! ${error.message}`);
  process.exit(1);
});
