// The shortest way from the runtime to the wasm. worker-build's own entry looks at
// every request through two proxies, for the sake of one that follows a panic.

import Recovering from "./worker.js";
export * from "./worker.js";

const state = globalThis.__worker_init_state;

const enter = (name) => async (event, env, ctx) => {
  // After a panic the long way, which starts the wasm anew.
  if (state.criticalError) return new Recovering(ctx, env)[name](event);
  try {
    return await Recovering.prototype[name].call({ env, ctx }, event);
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError) state.criticalError = true;
    throw error;
  }
};

export default { fetch: enter("fetch"), queue: enter("queue"), scheduled: enter("scheduled") };
