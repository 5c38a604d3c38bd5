// Ends wrangler with whoever started it: however that ended, this pipe closes.
process.stdin.on("close", () => process.kill(process.pid, "SIGTERM")).resume();
