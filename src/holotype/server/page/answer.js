// One answer, large: in color and in words, the probe beside what it resembles, and why.

import {h, icon} from "./dom.js";
import * as gallery from "./gallery.js";
import {alike, has, number, percent, t} from "./texts.js";

const ICONS = {
  match: "M5 13l5 5L20 7",
  unknown: "M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18 M6 6l12 12",
  cannot_tell: "M8.5 9a3.5 3.5 0 1 1 5 3.2c-1 .5-1.5 1.2-1.5 2.3 M12 18.5v.3",
};

/** The answer as one sentence. */
export function sentence(decision) {
  const {answer, label} = decision;
  return t(`answer.${answer}.said`, {label: label ?? ""});
}

/** The card of an answer; `probe` is the content of what was asked about. */
export function card(decision, probe) {
  const {answer, label, candidates} = decision;
  return h("div", {class: `answer ${answer}`},
    h("div", {class: "verdict"},
      h("span", {class: "sign"}, icon(ICONS[answer])),
      h("div", {},
        h("p", {class: "word"}, t(`answer.${answer}`)),
        h("p", {class: "who"}, label ?? t(`answer.${answer}.who`)))),
    h("div", {class: candidates.length ? "pair" : "pair alone"},
      figure(probe, t("answer.asked")),
      candidates.length > 0 && h("span", {class: "arrow", "aria-hidden": "true"}, "→"),
      candidates.length > 0 && example(candidates[0], answer)),
    decision.threshold !== null && decision.similarity !== null && meter(decision),
    h("p", {class: "chance"}, chance(decision)),
    h("h3", {}, t("answer.why")),
    h("ul", {class: "reasons"}, decision.reasons.map((one) => reason(one, decision)),
      candidates.length > 1 && h("li", {},
        t("answer.next", {label: candidates[1].label, similarity: alike(candidates[1].similarity)})),
      decision.promised && decision.basis && h("li", {}, stands(decision))));
}

function figure(content, caption, extra = "") {
  const picture = content
    ? tile(content, extra)
    : h("span", {class: "tile none"}, t("picture.none"));
  return h("figure", {}, picture, h("figcaption", {}, caption));
}

function example(candidate, answer) {
  const caption = t(answer === "match" ? "answer.is" : "answer.nearest", {label: candidate.label});
  const place = h("figure", {}, monogram(candidate.label), h("figcaption", {}, caption));
  gallery.pictureOf(candidate.label, candidate.example ?? null).then((content) => {
    if (content) place.replaceWith(figure(content, caption, answer === "match" ? "" : "faint"));
  });
  return place;
}

/** What `gallery.content` gave, as an element: a text, a recording to play, or a picture. */
export function tile(content, extra = "") {
  if (gallery.reads()) return h("blockquote", {class: `tile ${extra}`, dir: "auto"}, content);
  if (gallery.hears()) return h("audio", {class: `tile ${extra}`, src: content, controls: true, "aria-label": t("recording")});
  return h("img", {class: `tile ${gallery.ink() ? "ink" : ""} ${extra}`, src: content, alt: ""});
}

/** What stands for somebody of whom no picture is kept. */
export const monogram = (label) => h("span", {class: "tile none", "aria-hidden": "true"},
  Array.from(label)[0].toLocaleUpperCase());

function meter({similarity, threshold, answer}) {
  const part = (value) => `${100 * Math.min(1, Math.max(0, value))}%`;
  const bar = h("b");
  const tick = h("i");
  bar.style.width = part(similarity);
  tick.style.left = part(threshold);
  const text = t("answer.meter", {similarity: alike(similarity), threshold: alike(threshold)});
  return h("div", {class: `measure ${answer}`},
    h("div", {class: "meter", role: "img", "aria-label": text}, bar, tick),
    h("p", {class: "soft", "aria-hidden": "true"}, text));
}

function stands({rate, basis}) {
  return t(`answer.${basis.known}`, {rate: percent(rate), source: t(`source.${basis.source}`, {
    enrolled: number(basis.enrolled), own: number(basis.own_classes), cohort: number(basis.cohort_classes),
  })});
}

export function chance({answer, probability, candidates}) {
  if (probability === null || !candidates.length) return t("chance.none");
  const words = [[0.99, "sure"], [0.9, "very"], [0.7, "likely"], [0.3, "even"], [0, "unlikely"]]
    .find(([from]) => probability >= from)[1];
  const percent = probability > 0.995 ? t("chance.over") : probability < 0.005 ? t("chance.under")
    : t("chance.about", {percent: number(100 * probability)});
  return t(answer === "match" ? "chance.match" : "chance.other",
    {words: t(`chance.${words}`), percent, label: candidates[0].label});
}

function reason({code, text}, decision) {
  const key = `reason.${code}`;
  if (!has(key)) return h("li", {lang: "en"}, text);
  return h("li", {}, t(key, {
    label: decision.candidates[0]?.label ?? "", other: decision.candidates[1]?.label ?? "",
    similarity: decision.similarity === null ? "" : alike(decision.similarity),
    threshold: decision.threshold === null ? "" : alike(decision.threshold),
  }));
}
