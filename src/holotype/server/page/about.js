// The model: what it learned from, how good it is, where it is weak, who may use it.

import {h} from "./dom.js";
import * as gallery from "./gallery.js";
import {number, percent, t} from "./texts.js";

/** Build the panel anew. */
export function render(panel) {
  const {card, model} = gallery.facts;
  panel.replaceChildren(
    h("h1", {tabindex: "-1"}, t("about.title")),
    h("p", {class: "lead"}, t(`about.kind.${gallery.facts.kind}`, {model})),
    h("dl", {class: "facts-list"}, facts(card ?? {}, model).map(([name, value]) => [h("dt", {}, t(`about.${name}`)), h("dd", {}, value)])),
    scores(card?.scores ?? []),
    promises(card?.promise ?? []),
    h("h2", {}, t("about.weak")),
    h("ul", {class: "remarks"}, weaknesses().map((text) => h("li", {}, text))),
    h("p", {class: "soft"}, t("about.program"), " ", h("a", {href: "docs"}, t("about.api"))));
}

function facts(card, model) {
  return [
    ["name", model],
    ["id", card.model_id && h("code", {}, card.model_id)],
    ["license", card.license],
    ["learned", card.background],
    ["cohort", card.cohort && t("about.classes", {count: number(gallery.facts.status.cohort_classes), data: card.cohort})],
    ["dims", card.embedding_dim && number(card.embedding_dim)],
  ].filter(([, value]) => value);
}

function scores(rows) {
  if (!rows.length) return "";
  return table(t("about.scores"), t("about.scores_text"), ["data", "protocol", "task", "accuracy", "date"], rows.map((one) => [
    one.data ?? "–", one.title ?? one.protocol, t("about.task", {ways: one.n_way, n: one.k_shot}),
    `${number(one.accuracy, 1)} ± ${number(one.ci95, 1)} %`, one.date ?? "–",
  ]));
}

function promises(rows) {
  if (!rows.length) return "";
  return table(t("about.promise"), t("about.promise_text"), ["enrolled", "stated", "measured", "missed"], rows.map((one) => [
    number(one.enrolled), percent(one.stated_fpir), share(one.fpir) || t("known.refused"), share(one.fnir),
  ]));
}

function share(measured) {
  if (!measured) return "";
  const [value, low, high] = [measured.value, ...measured.ci95].map((one) => number(100 * one, 1));
  return t("about.share", {value, low, high});
}

function table(title, text, columns, rows) {
  return h("section", {}, h("h2", {}, title), h("p", {class: "soft"}, text),
    h("div", {class: "scroll", tabindex: "0", role: "group", "aria-label": title}, h("table", {},
      h("thead", {}, h("tr", {}, columns.map((one) => h("th", {scope: "col"}, t(`about.column.${one}`))))),
      h("tbody", {}, rows.map((row) => h("tr", {}, row.map((cell) => h("td", {}, cell))))))));
}

function weaknesses() {
  const {kind} = gallery.facts;
  return [t("weak.forgers"), t("weak.like"), kind === "face" && t("weak.faces"), t("weak.several"), t("weak.probability")].filter(Boolean);
}
