// What is known of the gallery, and what is shown of the enrolled.

import {call} from "./api.js";
import {speakOf} from "./texts.js";

/** The answer of /v1/gallery; null before the first. */
export let facts = null;

const listeners = new Set();
const seen = new Map(); // label -> promise of the content of what was enrolled on this page
const kept = new Map(); // label -> promise of the content of a stored picture, or null
const MOST_KEPT = 300; // of those: a page may be open for a day
const START = 4000; // bytes of a text: more is seen nowhere

/** Call when the gallery may have changed; the facts are new then. */
export async function refresh() {
  facts = await call("GET", "v1/gallery");
  speakOf(hears() ? "heard" : reads() ? "read" : "shown");
  for (const listener of listeners) listener();
}

/** Be told after each refresh. */
export const onchange = (listener) => listeners.add(listener);

/** The name of the gallery, as people say it. */
export const title = () => facts.name.replace(/\.gallery$/, "");

/** Whether the model looks for faces. */
export const faces = () => facts.kind === "face";

/** Whether the model reads ink, and so what a pad gives. */
export const ink = () => ["ink", "frame"].includes(facts.kind);

/** Whether the model listens to recordings. */
export const hears = () => ["voice", "word"].includes(facts.kind);

/** Whether the model reads texts. */
export const reads = () => facts.kind === "text";

/** Whether pictures can be shown to it. */
export const pictorial = () => ["ink", "frame", "photo", "face"].includes(facts.kind);

/** Whether anything can be shown, played or written to it at all: not to bare vectors. */
export const perceives = () => pictorial() || hears() || reads();

/** The type of the files that it takes. */
const type = () => (hears() ? "audio/" : reads() ? "text/" : "image/");

/** That type, as a field for files has it. */
export const accept = () => `${type()}*`;

/** Whether a file is of that type. */
export const takes = (file) => file.type.startsWith(type());

/** Where pictures, recordings or texts may come from here. */
export function ways() {
  if (hears()) return ["file", "microphone"];
  if (reads()) return ["write", "file"];
  return ink() ? ["draw", "file", "camera"] : ["file", "camera"];
}

/** What is shown of a file: the text that it is, or the address of a picture or a recording; null if it is gone. */
export async function content(file) {
  if (!reads()) return URL.createObjectURL(file);
  const start = await file.slice(0, START).arrayBuffer().catch(() => null); // it is gone: whoever sends it says so
  return start && new TextDecoder().decode(start, {stream: true}); // without half a character at the end
}

/** Such content is needed no longer; a text has no address, and browsers pass over it. */
export const free = (shown) => URL.revokeObjectURL(shown);

/** Remember, for this visit, what was just enrolled: the server may keep no pictures. */
export function remember(label, file) {
  if (!seen.has(label)) seen.set(label, content(file));
  kept.delete(label);
}

/** Nothing of a label stays on the page. */
export function forgetPictures(label) {
  dropFrom(seen, label);
  for (const name of [...kept.keys()]) {
    if (name !== label && !name.startsWith(`${label}\n`)) continue;
    dropFrom(kept, name);
  }
}

function dropFrom(contents, name) {
  contents.get(name)?.then((known) => known && free(known));
  contents.delete(name);
}

/** What is shown of a label, or null: that example, or its first that is kept. */
export async function pictureOf(label, example = null) {
  const name = example === null ? label : `${label}\n${example}`;
  if (facts.keep_pictures && !kept.has(name)) {
    kept.set(name, stored(label, example).catch(() => null));
    if (kept.size > MOST_KEPT) dropFrom(kept, kept.keys().next().value);
  }
  return (await kept.get(name)) ?? (await seen.get(label)) ?? null;
}

async function stored(label, example) {
  if (example === null) {
    const {pictures} = await call("GET", `v1/identities/${encodeURIComponent(label)}/examples`);
    if (!pictures.length) return null;
    [example] = pictures;
  }
  return content(await call("GET", `v1/examples/${example}/picture`, {blob: true}));
}
