// Writes a database as bench/growth.sql tells, for a service of so many times the size.
//
//   node grow.mjs 100 target/bench/growth-100.sqlite migrations/….sql …

import { readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

const ROUNDS = 50;

const [scale, to, ...migrations] = process.argv.slice(2);
const beside = (name) => readFileSync(join(import.meta.dirname, name), "utf8");
const growing = `${to}.growing`;
rmSync(growing, { force: true });
const database = new DatabaseSync(growing);
database.exec("PRAGMA journal_mode = off; PRAGMA synchronous = off; PRAGMA cache_size = -200000");
for (const file of migrations) database.exec(readFileSync(file, "utf8"));
database.exec(beside("growth.sql").replace("100 AS scale", `${scale} AS scale`));
const round = beside("growth_round.sql");
for (let i = 0; i < ROUNDS; i++) database.exec(`BEGIN; ${round} COMMIT`);
database.exec("DROP TABLE growth; DROP TABLE growth_phrases");
database.close();
renameSync(growing, to);
