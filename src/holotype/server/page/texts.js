// What the page says, in the language of the browser or the one that was chosen.

const LANGUAGES = ["en", "de"];
const CHOICE = "holotype.language";

let texts = {};
export let language = "en";

/** The language that was chosen here, or the first of the browser's that there is. */
export function preferred() {
  let chosen = null;
  try { chosen = localStorage.getItem(CHOICE); } catch { /* not kept here: as the browser says */ }
  const wanted = [chosen, ...navigator.languages].filter(Boolean).map((one) => one.slice(0, 2));
  return wanted.find((one) => LANGUAGES.includes(one)) ?? "en";
}

/** Load a language; everything that is rendered after it speaks it. */
export async function speak(wanted, {remember = false} = {}) {
  const answer = await fetch(`texts.${wanted}.json`);
  texts = await answer.json();
  language = wanted;
  document.documentElement.lang = wanted;
  if (remember) {
    try { localStorage.setItem(CHOICE, wanted); } catch { /* for this visit only */ }
  }
}

/** Whether there is a text of that name. */
export const has = (key) => key in texts;

let how = "shown";

/** From now on speak of what is "heard" or "read", where there are words for it, or of pictures. */
export const speakOf = (perceived) => { how = perceived; };

// A label that is written from right to left, or that turns the direction around: what stands beside
// it would turn with it, but for these marks.
const TURNS = /[\u0590-\u08ff\u200e\u200f\u202a-\u202e\u2066-\u2069\ufb1d-\ufdff\ufe70-\ufefc]/;
const apart = (value) => (TURNS.test(value) ? `\u2068${value}\u2069` : value);

/** A text; with `n: 1` the form for one, where there is one. */
export function t(key, values = {}) {
  const kind = `${key}_${how}` in texts ? `${key}_${how}` : key;
  const form = values.n === 1 && `${kind}_one` in texts ? `${kind}_one` : kind;
  const text = texts[form] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => apart(values[name] ?? whole));
}

/** Write the texts that the document asks for. */
export function fill(root = document) {
  for (const one of root.querySelectorAll("[data-text]")) one.textContent = t(one.dataset.text);
  for (const one of root.querySelectorAll("[data-label]")) {
    one.setAttribute("aria-label", t(one.dataset.label));
  }
}

export const number = (value, digits = 0) => new Intl.NumberFormat(language, {
  minimumFractionDigits: digits, maximumFractionDigits: digits, signDisplay: "negative", // no -0.0
}).format(value);

/** A similarity, such as 0.77; what points away is not alike at all. */
export const alike = (value) => number(Math.max(0, value), 2);

/** A rate as a promise, "15.4 %": never smaller than it is. */
export function percent(rate) {
  return new Intl.NumberFormat(language, {
    style: "percent", maximumSignificantDigits: 3, roundingMode: "ceil",
  }).format(rate - 1e-12);
}

/** A stated rate, "1 in 100". */
export function oneIn(rate) {
  const several = 1 / rate;
  const whole = Math.round(several);
  return Math.abs(several - whole) < 1e-6 * several
    ? t("one_in", {count: number(whole)}) : percent(rate);
}

export const when = (time) => (time.length <= "2026-01-31".length ? day(time) : new Intl.DateTimeFormat(language, {
  dateStyle: "medium", timeStyle: "short",
}).format(new Date(time)));

export const day = (date) => new Intl.DateTimeFormat(language, {
  dateStyle: "medium", timeZone: "UTC",
}).format(new Date(date));
