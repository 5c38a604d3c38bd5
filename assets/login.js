// Trades the one-time token of the address for a login. Loading this page costs the token nothing, only this call does.

import { call, seconds, show } from "./site.js";

const token = /^\/login\/session\/([^/]+)$/.exec(location.pathname)?.[1];

async function exchange() {
  show("entering");
  const answer = await call("POST", "/auth/session-exchange", { token }).catch(() => null);
  if (!answer) return show("offline");
  if (answer.ok) return location.replace("/upgrade");
  if (answer.status === 429) return wait(answer);
  if (answer.status >= 500) return show("broken");
  over();
}

/** The token is of no use any more: it leaves the address and the history. */
function over() {
  history.replaceState(null, "", "/login");
  show("expired");
}

function wait(answer) {
  document.getElementById("wait").textContent = seconds(answer);
  show("busy");
  setTimeout(exchange, (answer.wait || 60) * 1000);
}

for (const button of document.querySelectorAll("button.again")) button.addEventListener("click", exchange);

if (!token) over();
// A browser that renders ahead of a click must not use the link up.
else if (document.prerendering) document.addEventListener("prerenderingchange", exchange, { once: true });
else exchange();
