// What is known of the gallery, and the pictures of the enrolled.

import {call} from "./api.js";
import {ofRecordings} from "./texts.js";

/** The answer of /v1/gallery; null before the first. */
export let facts = null;

const listeners = new Set();
const seen = new Map(); // label -> address of a picture that was enrolled on this page
const kept = new Map(); // label -> promise of the address of a stored picture, or null
const MOST_KEPT = 300; // of those: a page may be open for a day

/** Call when the gallery may have changed; the facts are new then. */
export async function refresh() {
  facts = await call("GET", "v1/gallery");
  ofRecordings(hears());
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

/** Whether pictures can be shown to it. */
export const pictorial = () => ["ink", "frame", "photo", "face"].includes(facts.kind);

/** Whether anything can be shown or played to it at all: not to bare vectors. */
export const perceives = () => pictorial() || hears();

/** The type of the files that it takes. */
const type = () => (hears() ? "audio/" : "image/");

/** That type, as a field for files has it. */
export const accept = () => `${type()}*`;

/** Whether a file is of that type. */
export const takes = (file) => file.type.startsWith(type());

/** Where pictures or recordings may come from here. */
export const ways = () => (hears() ? ["file", "microphone"] : ink() ? ["draw", "file", "camera"] : ["file", "camera"]);

/** Remember, for this visit, what was just enrolled: the server may keep no pictures. */
export function remember(label, file) {
  if (!seen.has(label)) seen.set(label, URL.createObjectURL(file));
  kept.delete(label);
}

/** Nothing of a label stays on the page. */
export function forgetPictures(label) {
  if (seen.has(label)) URL.revokeObjectURL(seen.get(label));
  seen.delete(label);
  for (const name of [...kept.keys()]) {
    if (name !== label && !name.startsWith(`${label}\n`)) continue;
    free(name);
  }
}

function free(name) {
  kept.get(name).then((known) => known && URL.revokeObjectURL(known));
  kept.delete(name);
}

/** The address of a picture of a label, or null: of that example, or of its first that is kept. */
export async function pictureOf(label, example = null) {
  const name = example === null ? label : `${label}\n${example}`;
  if (facts.keep_pictures && !kept.has(name)) {
    kept.set(name, stored(label, example).catch(() => null));
    if (kept.size > MOST_KEPT) free(kept.keys().next().value);
  }
  return (await kept.get(name)) ?? seen.get(label) ?? null;
}

async function stored(label, example) {
  if (example === null) {
    const {pictures} = await call("GET", `v1/identities/${encodeURIComponent(label)}/examples`);
    if (!pictures.length) return null;
    [example] = pictures;
  }
  return URL.createObjectURL(await call("GET", `v1/examples/${example}/picture`, {blob: true}));
}
