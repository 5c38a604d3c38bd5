// The slice of HiveSync API that is measured, as a TypeScript team would build it:
// Hono, jose, zod, Argon2id in wasm; the same schema, statements and answers.

import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { requestId } from "hono/request-id";
import { secureHeaders } from "hono/secure-headers";
import { auth } from "./auth";
import { comments } from "./comments";
import type { Bindings, Env } from "./env";
import { Failure, failed } from "./errors";
import { deliver } from "./events";
import { limit } from "./limits";
import { projects } from "./projects";
import { search } from "./search";
import { tasks } from "./tasks";
import { keysOf, verifyAccess } from "./tokens";

const app = new Hono<Env>().basePath("/api/v1");

app.use(requestId({ limitLength: 64 }));
app.use(
  secureHeaders({
    contentSecurityPolicy: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
    referrerPolicy: "no-referrer",
    strictTransportSecurity: "max-age=31536000; includeSubDomains",
    xFrameOptions: "DENY",
    crossOriginResourcePolicy: false,
    crossOriginOpenerPolicy: false,
    originAgentCluster: false,
    xDnsPrefetchControl: false,
    xDownloadOptions: false,
    xPermittedCrossDomainPolicies: false,
    xXssProtection: false,
  }),
);
app.use(async (c, next) => {
  c.set("now", new Date());
  c.set("ip", c.req.header("cf-connecting-ip") ?? "0.0.0.0");
  c.set("trips", 0);
  c.set("claims", null);
  await next();
  c.header("cache-control", "private, no-store");
  c.header("server-timing", `db;desc="${c.get("trips")}"`);
});
app.use(async (c, next) => {
  const token = /^bearer (.+)$/i.exec(c.req.header("authorization") ?? "")?.[1];
  if (token) c.set("claims", await verifyAccess(token.trim(), await keysOf(c.env)));
  limit(c, c.req.path.startsWith("/api/v1/auth/"));
  await next();
});
const limited = bodyLimit({
  maxSize: 1024 * 1024,
  onError: () => {
    throw new Failure("PAYLOAD_TOO_LARGE");
  },
});
app.on(["POST", "PATCH"], "*", limited);

app.get("/health", (c) => c.json({ status: "ok", version: "0.1.0" }));
app.route("/auth", auth);
app.route("/projects", projects);
app.route("/projects", tasks);
app.route("/projects", comments);
app.route("/search", search);
app.notFound((c) => failed(new Failure("NOT_FOUND"), c));
app.onError(failed);

interface Messages {
  messages: { body: string }[];
  ackAll(): void;
  retryAll(): void;
}

export default {
  fetch: app.fetch,
  async queue(batch: Messages, env: Bindings) {
    try {
      await deliver(env, batch.messages.map((message) => message.body));
      batch.ackAll();
    } catch (error) {
      console.error(error);
      batch.retryAll();
    }
  },
};
