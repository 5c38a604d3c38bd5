import { createRequire } from "node:module";
const require = createRequire("/work/main/package.json");
const { Miniflare } = require("miniflare");
const mf = new Miniflare({ modules:true, script:"export default {fetch(){return new Response('x')}}", compatibilityDate:"2025-01-01", d1Databases:{DB:"x"} });
const db = await mf.getD1Database("DB");
const tryit = async (n,f)=>{ try { console.log(n, JSON.stringify(await f())); } catch(e){ console.log(n,"ERR",String(e.message||e)); } };
for (const k of [4,5,6,10]) await tryit("compound "+k, async()=> (await db.prepare(Array(k).fill("SELECT 1 AS a").join(" UNION ALL ")).all()).results.length);
await tryit("version", async()=> (await db.prepare("select sqlite_version() v").all()).results);
for (const action of ["ON DELETE CASCADE",""]) for (const depth of [5,9,10,12,40,200,1500]) {
  await db.exec("DROP TABLE IF EXISTS c"); await db.exec("DROP TABLE IF EXISTS p");
  await db.exec("CREATE TABLE p (id INTEGER PRIMARY KEY)");
  await db.exec(`CREATE TABLE c (id INTEGER PRIMARY KEY, p INTEGER REFERENCES p(id) ON DELETE CASCADE, parent INTEGER REFERENCES c(id) ${action})`);
  await db.exec("CREATE INDEX cp ON c(p)"); await db.exec("CREATE INDEX cpa ON c(parent)");
  await db.prepare("INSERT INTO p VALUES (1)").run();
  await db.prepare("WITH RECURSIVE x(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM x WHERE i < ?1) INSERT INTO c SELECT i, 1, nullif(i-1,0) FROM x").bind(depth).run();
  await tryit(`'${action}' depth ${depth}`, async()=>{ await db.prepare("DELETE FROM p WHERE id=1").run(); return (await db.prepare("SELECT count(*) n FROM c").all()).results[0].n });
}
await tryit("delete parent w child, no action", async()=>{ await db.prepare("INSERT INTO p VALUES (2)").run(); await db.prepare("INSERT INTO c VALUES (1,2,NULL),(2,2,1)").run(); await db.prepare("DELETE FROM c WHERE id=1").run(); return 1});
await mf.dispose();
