// Hears of what happens in a project, as any server does:
//
//   node examples/receive.mjs            shows what comes, until Ctrl-C
//   node examples/receive.mjs --break    answers 500 to every other delivery: watch them come again
//
// Logs in as the demo user, makes a webhook that leads here, and adds a task. Needs Node.js 22 or later, and a Worker
// that lets webhooks lead to this machine, as that of `cargo xtask dev` does. API names another address than its, with
// the /api/v1 at its end.

import { createServer } from "node:http";
import { Webhook } from "standardwebhooks";

const API = process.env.API ?? "http://127.0.0.1:8787/api/v1";
const DESCRIPTION = "examples/receive.mjs";
const breaks = process.argv.includes("--break");
let token, webhook;
let came = 0;

async function call(method, path, body) {
  const headers = { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) };
  const response = await fetch(`${API}${path}`, { method, headers, body: body && JSON.stringify(body) });
  const answer = response.status === 204 ? {} : await response.json();
  if (!response.ok) throw new Error(answer.error.message);
  return answer.data ?? answer;
}

const server = createServer(async (request, response) => {
  let body = "";
  for await (const chunk of request.setEncoding("utf8")) body += chunk;
  const status = breaks && came++ % 2 === 0 ? 500 : 204;
  try {
    const { type, timestamp, data } = webhook.verify(body, request.headers);
    console.log(`${request.headers["webhook-id"]}  ${timestamp}  ${type}  ${data.title ?? data.name ?? data.id ?? ""}  → ${status}`);
    response.writeHead(status).end();
  } catch (error) {
    console.error(`not ours: ${error.message}`);
    response.writeHead(401).end();
  }
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));

/** An access token is good for a quarter of an hour. */
async function logIn() {
  token = undefined;
  token = (await call("POST", "/auth/login", { email: "demo@hivesync.dev", password: "hivesync-demo" })).access_token;
}

await logIn();
const [{ id: project_id, name }] = (await call("GET", "/projects")).items;
// The free plan has one webhook a project: what an earlier run left makes room, and nothing else.
for (const { id, description } of (await call("GET", `/webhooks?project_id=${project_id}`)).items) {
  if (description === DESCRIPTION) await call("DELETE", `/webhooks/${id}`);
}
const url = `http://127.0.0.1:${server.address().port}/`;
const { id, secret } = await call("POST", "/webhooks", { project_id, url, events: ["*"], description: DESCRIPTION }).catch((error) => {
  console.error(`! no webhook could be made: ${error.message}`);
  process.exit(1);
});
webhook = new Webhook(secret);
console.log(`${url} hears of what happens in "${name}"`);

process.on("SIGINT", async () => {
  try {
    await logIn();
    await call("DELETE", `/webhooks/${id}`);
  } catch (error) {
    console.error(`! the webhook is still there: ${error.message}`);
  }
  process.exit();
});
await call("POST", `/projects/${project_id}/tasks`, { title: "Tell everybody" });
