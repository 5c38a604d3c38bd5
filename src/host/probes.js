// What the Worker stands on, each asked for next to nothing.
const PROBES = {
  d1: (env) => env.DB.prepare("SELECT 1").first(),
  kv: (env) => env.SESSIONS.get("health"),
  r2: (env) => env.FILES.head("health"),
  // What is no event's id is taken and forgotten.
  queues: (env) => env.EVENTS.send("health"),
  durable_objects: async (env) => {
    const object = env.LIMITER.get(env.LIMITER.idFromName("health"));
    const response = await object.fetch("https://limiter/?limit=1&want=0&now=1970-01-01T00:00:00.000Z");
    if (!response.ok) throw new Error(`${response.status}`);
    await response.text();
  },
};

/** `[{name, milliseconds, failure}]` as JSON; what takes longer than `patience` failed. */
export async function probe(env, patience) {
  const probes = Object.entries(PROBES).map(async ([name, ask]) => {
    const began = Date.now();
    let failure = null;
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error("it took too long")), patience);
    });
    try {
      await Promise.race([ask(env), late]);
    } catch (error) {
      failure = `${error?.message ?? error}`;
    } finally {
      clearTimeout(timer);
    }
    return { name, milliseconds: Date.now() - began, failure };
  });
  return JSON.stringify(await Promise.all(probes));
}
