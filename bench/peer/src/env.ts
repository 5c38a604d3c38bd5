import type { Context } from "hono";
import type { Claims } from "./tokens";

interface Statement {
  bind(...values: unknown[]): Statement;
}

export interface Database {
  prepare(sql: string): Statement;
  batch<Row = unknown>(statements: Statement[]): Promise<{ results: Row[] }[]>;
}

export interface Bindings {
  DB: Database;
  EVENTS: { send(id: string): Promise<unknown> };
  JWT_SECRET: string;
  SESSION_SECRET: string;
  RATE_LIMIT_AUTH: string;
  RATE_LIMIT_ANONYMOUS: string;
  RATE_LIMIT_FREE: string;
  LIMIT_PROJECTS_FREE: string;
}

export interface Variables {
  requestId: string;
  now: Date;
  ip: string;
  claims: Claims | null;
  trips: number;
}

export type Env = { Bindings: Bindings; Variables: Variables };
export type Ctx = Context<Env>;

/** One trip to the database; `Server-Timing` tells how many a request took. */
export async function batch(c: Ctx, statements: Statement[]): Promise<any[][]> {
  c.set("trips", c.get("trips") + 1);
  const sets = await c.env.DB.batch<any>(statements);
  return sets.map((set) => set.results);
}
