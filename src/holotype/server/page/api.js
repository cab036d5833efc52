// One call to the server: with the key, asked for again where it is wrong; again when the server
// was away.

import {ask, h} from "./dom.js";
import {t} from "./texts.js";

const KEY = "holotype.key";
const TRIES_WHEN_BUSY = 4;
const MOST_PICTURES = 64, MOST_BYTES = 48e6; // of one call
const FIRST_WAIT_MS = 1000, LONGEST_WAIT_MS = 15000;
const SILENT_MS = 45000; // three signs of life are missing: the connection is dead

/** What the server refused, in its words. */
export class Problem extends Error {
  constructor(status, {code = "unknown", problem = "", remedy = ""} = {}) {
    super(problem || code);
    Object.assign(this, {status, code, problem, remedy});
  }
}

let key = null;

/** Take the key from the address, where `holotype serve` printed it, and remove it from there. */
export function takeKey() {
  const given = new URLSearchParams(location.hash.slice(1)).get("key");
  if (given) {
    keep(given);
    history.replaceState(null, "", location.pathname + location.search);
  } else {
    try { key = sessionStorage.getItem(KEY); } catch { key = null; }
  }
}

function keep(given) {
  key = given.replace(/[^\x21-\x7e]/g, ""); // what no header can carry is in no key
  try { sessionStorage.setItem(KEY, key); } catch { /* for this page only */ }
}

/**
 * Parsed JSON; `form` and `json` are bodies, `blob` asks for the bytes. `tagged` gives it with its
 * `ETag`, which `match` sends back: nothing is changed that is another by then.
 */
export async function call(method, path, {blob, tagged, ...options} = {}) {
  const answer = await answered(method, path, options);
  if (blob) return answer.blob();
  const said = await answer.json();
  return tagged ? [said, answer.headers.get("ETag")] : said;
}

async function answered(method, path, {json, form, query, signal, match, headers: more} = {}) {
  const address = new URL(path, document.baseURI);
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined && value !== null) address.searchParams.set(name, value);
  }
  // The same for every try of this call: what changes is changed once.
  const headers = method === "GET" ? {...more} : {"Idempotency-Key": random()};
  if (json !== undefined) headers["Content-Type"] = "application/json";
  if (match) headers["If-Match"] = match;
  const body = form ?? (json === undefined ? undefined : JSON.stringify(json));
  for (let busy = 0; ;) {
    const used = key;
    if (used) headers.Authorization = `Bearer ${used}`;
    let answer;
    try {
      answer = await fetch(address, {method, headers, body, signal, cache: "no-store"});
    } catch (error) {
      if (signal?.aborted) throw error;
      await back();
      continue;
    }
    if (answer.status === 401) {
      await anotherKey(used);
    } else if ((answer.status === 429 || answer.status === 503) && ++busy < TRIES_WHEN_BUSY) {
      await pause(1000 * Math.min(10, Number(answer.headers.get("Retry-After")) || busy));
    } else if (!answer.ok) {
      const {error} = await answer.json().catch(() => ({}));
      if (error?.code !== "under_way" || ++busy >= TRIES_WHEN_BUSY) throw new Problem(answer.status, error);
      await pause(1000); // the first try of this call is not finished
    } else {
      return answer;
    }
  }
}

/**
 * Every server-sent event after the one named `since`, until `signal`: after a restart of the
 * server, another key or a night in which the computer slept it goes on where it was.
 */
export async function follow(path, since, onevent, signal) {
  while (!signal.aborted) {
    const connection = new AbortController();
    const end = () => connection.abort();
    let silent = setTimeout(end, SILENT_MS);
    signal.addEventListener("abort", end);
    try {
      const answer = await answered("GET", path, {
        signal: connection.signal, headers: {Accept: "text/event-stream", ...(since && {"Last-Event-ID": since})},
      });
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let text = ""; ;) {
        clearTimeout(silent);
        silent = setTimeout(end, SILENT_MS);
        const {value, done} = await reader.read();
        if (done) break;
        const whole = (text + value).split("\n\n");
        text = whole.pop();
        for (const data of whole.flatMap((one) => one.match(/^data: (.*)$/m)?.[1] ?? [])) {
          const event = JSON.parse(data);
          since = event.id;
          onevent(event);
        }
      }
    } catch (error) {
      if (error.code === "cursor") since = null; // the file of the events is another one
    } finally {
      clearTimeout(silent);
      signal.removeEventListener("abort", end);
    }
    if (!signal.aborted) await pause(FIRST_WAIT_MS);
  }
}

let asking = null;

/** Wait for a key other than the one that was refused. */
async function anotherKey(used) {
  if (key !== used) return; // another call has asked meanwhile
  asking ??= askKey(Boolean(used)).finally(() => { asking = null; });
  await asking;
}

async function askKey(refused) {
  const field = h("input", {
    id: "key", type: "password", autocomplete: "off", required: true, spellcheck: "false",
  });
  keep((await ask({
    title: t("key.title"),
    body: [
      refused && h("p", {class: "problem", role: "alert"}, t("key.refused")),
      h("p", {}, t("key.where")),
      h("label", {for: "key"}, t("key.label")),
      field,
    ].filter(Boolean),
    yes: t("key.use"),
    read: () => field.value,
  })) ?? "");
}

let waiting = null;

/** Wait until the server answers again, and say so meanwhile. */
function back() {
  waiting ??= untilBack().finally(() => { waiting = null; });
  return waiting;
}

async function untilBack() {
  const banner = document.getElementById("gone");
  banner.textContent = t("gone");
  banner.hidden = false;
  for (let wait = FIRST_WAIT_MS; ; wait = Math.min(LONGEST_WAIT_MS, 1.5 * wait)) {
    await pause(wait);
    try {
      const health = await fetch(new URL("v1/health", document.baseURI), {cache: "no-store"});
      if (health.ok) break;
    } catch { /* still away */ }
  }
  banner.hidden = true;
}

const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

function random() {
  // `randomUUID` is missing where the page is not on https and not on this computer.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Pictures in groups that one call takes. */
export function groups(files, most = MOST_PICTURES) {
  const found = [];
  let bytes = 0;
  for (const file of files) {
    const last = found.at(-1);
    if (last && last.length < most && bytes + file.size <= MOST_BYTES) last.push(file);
    else {
      found.push([file]);
      bytes = 0;
    }
    bytes += file.size;
  }
  return found;
}

/** A form of pictures under `images`, and other fields. */
export function pictures(files, fields = {}) {
  const form = new FormData();
  for (const file of files) form.append("images", file, file.name ?? "drawing.png");
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined && value !== null && value !== "") form.append(name, value);
  }
  return form;
}
