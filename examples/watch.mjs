// Two people work on one list and watch each other, each in a terminal of their own:
//
//   node examples/watch.mjs ada bob      Ada, who invites Bob
//   node examples/watch.mjs bob          Bob
//
// A line is a new task. `2 done` (or open, in_progress, blocked) moves the second one, `2: words` comments on it.
// Ends with Ctrl-D. Needs Node.js 22 or later; API names another address than that of `cargo xtask dev`, with the /api/v1
// at its end.

import { createInterface } from "node:readline";

const API = process.env.API ?? "http://127.0.0.1:8787/api/v1";
const [me, ...others] = process.argv.slice(2);
if (!me) {
  console.error("usage: node examples/watch.mjs YOUR_NAME [WHOM_TO_INVITE …]");
  process.exit(2);
}

const address = (name) => `${name}@watch.example`;
const credentials = { email: address(me), password: "correct horse battery staple" };
const people = new Map();
const tasks = [];
let token, project, socket;
let last; // The number of the last message of the project.

async function call(method, path, body) {
  const headers = { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) };
  const response = await fetch(`${API}${path}`, { method, headers, body: body && JSON.stringify(body) });
  const answer = response.status === 204 ? {} : await response.json();
  if (!response.ok) throw Object.assign(new Error(answer.error.message), { code: answer.error.code });
  return answer.data ?? answer;
}

const unless = (...codes) => (error) => {
  if (!codes.includes(error.code)) throw error;
};

async function logIn() {
  await call("POST", "/auth/register", { ...credentials, username: me }).catch(unless("EMAIL_TAKEN", "USERNAME_TAKEN"));
  token = (await call("POST", "/auth/login", credentials)).access_token;
}

/** Follows every invite, and finds or makes the project. */
async function join() {
  for (const invite of (await call("GET", "/invites")).items) await call("POST", `/invites/${invite.id}/accept`);
  project ??= (await call("GET", "/projects?search=Watch")).items[0]?.id;
  if (!project && others.length > 0) project = (await call("POST", "/projects", { name: "Watch" })).id;
  if (!project) return console.log("… waiting to be invited");
  // Listen first, read then: what happens in between is heard.
  socket.send(JSON.stringify({ type: "subscribe", channel: `project:${project}`, after: last }));
  for (const other of others) {
    await call("POST", `/projects/${project}/team/invite`, { email: address(other) }).catch(unless("INVITE_EXISTS", "ALREADY_MEMBER"));
  }
  for (const { user_id, display_name, username, email } of (await call("GET", `/projects/${project}/team`)).items) {
    people.set(user_id, display_name ?? username ?? email);
  }
  if (last === undefined) {
    const { items } = await call("GET", `/projects/${project}/tasks?sort=created_at&page_size=50`);
    for (const task of items) show(task);
  }
}

function show(task) {
  const known = tasks.findIndex(({ id }) => id === task.id);
  if (known === -1) tasks.push(task);
  else if (tasks[known].version <= task.version) tasks[known] = task;
  const at = known === -1 ? tasks.length : known + 1;
  console.log(`  ${at}. [${task.status}] ${task.title}`);
}

const tell = {
  "task.created": (who, task) => (console.log(`${who} adds`), show(task)),
  "task.updated": (who, task) => (console.log(`${who} changes ${task.change.changed?.join(", ") ?? ""}`), show(task)),
  "task.completed": (who, { title }) => console.log(`${who} has finished “${title}”`),
  "comment.created": (who, { body }) => console.log(`${who} says “${body}”`),
};

async function hear(message) {
  const { type, channel, seq, data } = message;
  if (type === "notification.created" && data.type === "team_invite") return join();
  if (type === "error") return console.log(`! ${message.message}`);
  if (channel !== `project:${project}`) return;
  if (type === "presence") {
    for (const id of data.user_ids) if (!people.has(id)) people.set(id, `#${id}`);
    return console.log(`— here: ${data.user_ids.map((id) => people.get(id)).join(", ")}`);
  }
  if (type === "resync") return restart();
  // What was missed comes after `subscribed`, which tells where the channel is.
  last = type === "subscribed" ? (last ?? seq) : (seq ?? last);
  if (data?.username) people.set(data.user_id, data.display_name ?? data.username);
  tell[type]?.(people.get(data.actor_id) ?? `#${data.actor_id}`, data);
}

/** What was missed is not kept any more: everything is read anew. */
function restart() {
  last = undefined;
  return join();
}

/** Opens a socket, and another when it closes: what was missed comes then. */
async function watch() {
  const { ticket } = await call("POST", "/ws/ticket");
  socket = new WebSocket(`${API.replace("http", "ws")}/ws?ticket=${ticket}`);
  socket.onopen = () => join().catch(fail);
  socket.onmessage = ({ data }) => hear(JSON.parse(data)).catch(fail);
  socket.onclose = () => setTimeout(() => logIn().then(watch).catch(fail), 1000);
}

const fail = (error) => console.error(`! ${error.message}`);

async function obey(line) {
  const [, at, status] = /^(\d+) (open|in_progress|blocked|done)$/.exec(line) ?? [];
  const [, on, words] = /^(\d+): *(.+)$/.exec(line) ?? [];
  const path = `/projects/${project}`;
  if (status) return call("PATCH", `${path}/tasks/${tasks[at - 1]?.id}`, { status });
  if (words) return call("POST", `${path}/comments`, { entity_type: "task", entity_id: tasks[on - 1]?.id, body: words });
  if (line.trim()) return call("POST", `${path}/tasks`, { title: line.trim() });
}

await logIn();
await watch();
for await (const line of createInterface({ input: process.stdin })) await obey(line).catch(fail);
process.exit();
