// How the operators' page asks the API, and what it shows where it is not answered.

import { call, explain, show } from "./site.js";

export const $ = (id) => document.getElementById(id);
export const said = (text) => ($("said").textContent = text);

/** Answers with the data; where there is none it shows why, and answers nothing. */
export async function ask(path) {
  const answer = await call("GET", path).catch(() => null);
  if (answer?.ok) return answer.data;
  stop(answer);
}

/** Shows why there is nothing to see: what the API answered, or that this page does not understand it. */
export function stop(answer) {
  if (answer instanceof Error) console.error(answer);
  if (answer?.status === 401) return leave();
  if (answer?.error?.code === "AUTH_FORBIDDEN") return show("refused");
  $("trouble-text").textContent = answer instanceof Error ? "This page is older than the service. Reload it." : explain(answer);
  show("trouble");
}

export function leave() {
  document.querySelector("nav").hidden = $("logout").hidden = true;
  $("email").textContent = "";
  $("sure").close();
  show("enter");
}

/** What a form says, as the API reads it. */
export const query = (form) => {
  const given = [...new FormData(form)].filter(([, text]) => text.trim());
  const asked = given.map(([name, text]) => [name, /^(from|to)$/.test(name) ? new Date(text).toISOString() : text.trim()]);
  return new URLSearchParams(asked);
};
