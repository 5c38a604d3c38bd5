// The crossings between wasm and JavaScript that are worth doing in one go:
// a string each way instead of an object at a time.

/** Method, URL, the time, a fresh id and every header, one a line. */
export function arrive(request) {
  let text = `${request.method}\n${request.url}\n${Date.now()}\n${crypto.randomUUID()}`;
  for (const [name, value] of request.headers) text += `\n${name}:${value}`;
  return text;
}

/** The body's bytes; null once it is longer than the limit. */
export async function read(request, limit) {
  if (Number(request.headers.get("content-length") ?? 0) > limit) return null;
  const chunks = [];
  let length = 0;
  for await (const chunk of request.body ?? []) {
    length += chunk.byteLength;
    if (length > limit) return null;
    chunks.push(chunk);
  }
  if (chunks.length === 1) return chunks[0];
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.byteLength;
  }
  return whole;
}

/** A response with a fixed body; the headers come one a line. */
export function respond(status, headers, body) {
  const pairs = headers.split("\n").map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon), line.slice(colon + 1)];
  });
  const empty = status === 204 || status === 304 || body.length === 0;
  return new Response(empty ? null : body, { status, headers: pairs });
}

/** One atomic batch: `[[sql, params], …]` in, `[rows, …]` out, or `!` and what went wrong. */
export async function batch(env, json) {
  try {
    const db = env.DB;
    const statements = JSON.parse(json).map(([sql, params]) => db.prepare(sql).bind(...params));
    const results = await db.batch(statements);
    return JSON.stringify(results.map((result) => result.results));
  } catch (error) {
    return `!${error?.message ?? error}`;
  }
}
