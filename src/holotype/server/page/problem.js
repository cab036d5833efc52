// What was refused: why, and what to do about it.

import {h} from "./dom.js";
import {has, t} from "./texts.js";

/** An error of the server, or any other, as an alert: in our words, or else in its own. */
export function problem(error, ...more) {
  const key = `problem.${error.code}`;
  return h("div", {class: "problem", role: "alert"},
    has(key) ? h("p", {}, t(key)) : h("p", {lang: "en"},
      [error.problem ?? error.message, error.remedy].filter(Boolean).map(ended).join(" ")),
    more);
}

const ended = (text) => (/[.!?]$/.test(text) ? text : `${text}.`);
