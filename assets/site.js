// What the pages share: one way to call the API, one way to switch views, one way to make an element.

/** An answer of the API, with the login's cookie; throws when there is none. Never follows a redirect. */
export async function call(method, path, body = {}) {
  const sent = method === "POST" && { headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  const safely = { credentials: "same-origin", redirect: "error", signal: AbortSignal.timeout(20_000) };
  const answer = await fetch(`/api/v1${path}`, { method, ...safely, ...sent });
  const json = await answer.json().catch(() => null);
  return {
    ok: answer.ok,
    status: answer.status,
    data: json?.data ?? json,
    error: json?.error,
    request: json?.request_id,
    wait: Number(answer.headers.get("retry-after")) || 0,
  };
}

/** Shows one view, and takes title and focus there. */
export function show(name) {
  for (const view of document.querySelectorAll("main > section")) view.hidden = view.id !== name;
  const heading = document.querySelector(`#${name} h1`);
  document.title = `${heading.textContent} · HiveSync`;
  heading.focus();
}

/** An element; whatever the API said becomes text and nothing else. */
export function make(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/** What went wrong, in words; no answer is no connection. */
export function explain(answer) {
  if (!answer) return "No connection. Try again.";
  if (answer.status === 429) return `That was too often. Wait ${seconds(answer)} and try again.`;
  if (answer.status < 500 && answer.error?.message) return answer.error.message;
  const which = answer.request ? ` (Request ${answer.request})` : "";
  return `Something went wrong on our side. Try again in a moment.${which}`;
}

export function seconds({ wait }) {
  return wait > 0 ? `${wait} second${wait === 1 ? "" : "s"}` : "a minute";
}
