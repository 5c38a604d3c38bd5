// A receiver as its users write one, with the library of Standard Webhooks. The secret comes in as a line; the
// address goes out as one, and then a line for each delivery.

import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { Webhook } from "standardwebhooks";

const say = (line) => console.log(JSON.stringify(line));
let webhook;

const server = createServer(async (request, response) => {
  let body = "";
  for await (const chunk of request.setEncoding("utf8")) body += chunk;
  try {
    say({ verified: webhook.verify(body, request.headers) });
    response.writeHead(204).end();
  } catch (error) {
    say({ refused: String(error) });
    response.writeHead(400).end(String(error));
  }
});

server.listen(0, "127.0.0.1", () => say({ url: `http://127.0.0.1:${server.address().port}/` }));
const lines = createInterface({ input: process.stdin });
lines.on("line", (secret) => {
  webhook = new Webhook(secret);
  say({ secret: "known" });
});
lines.on("close", () => process.exit());
