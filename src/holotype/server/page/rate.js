// How many strangers may pass: what it costs, and where it stops being guaranteed.

import {call} from "./api.js";
import {h} from "./dom.js";
import * as gallery from "./gallery.js";
import {oneIn, t} from "./texts.js";

// One in so many strangers, from lenient to strict.
export const STEPS = [2, 3, 5, 10, 20, 50, 100, 200, 500, 1000];
const WAIT_MS = 150;

/** What can be said of a rate, by the smallest ones of which something can. */
export function zone(rate, {guaranteed, estimated} = gallery.facts.status) {
  const least = rate * (1 + 1e-9);
  return least >= guaranteed ? "guaranteed" : least >= estimated ? "estimated" : "refused";
}

/** The step that is not stricter than what the gallery takes where nobody states a rate. */
export function usual() {
  const {usual: {rate}} = gallery.facts.status;
  return Math.max(0, STEPS.findLastIndex((step) => 1 / step >= rate * (1 - 1e-9)));
}

/** The slider; `onrate` is told of each rate that somebody states. */
export function slider({onrate}) {
  let step = usual();
  let touched = false;
  let waiting = 0;
  let asked = 0;
  const range = h("input", {
    type: "range", id: "rate", min: 0, max: STEPS.length - 1, step: 1, "aria-describedby": "rate-cost",
    oninput: () => {
      step = Number(range.value);
      touched = true;
      show();
      clearTimeout(waiting);
      waiting = setTimeout(() => { cost(); onrate(rate()); }, WAIT_MS);
    },
  });
  const stated = h("output", {for: "rate", class: "stated"});
  const zones = h("div", {class: "zones", "aria-hidden": "true"});
  const badge = h("span", {class: "badge"});
  const text = h("span");
  const rate = () => 1 / STEPS[step];

  function show() {
    range.value = step;
    const said = t("rate.stated", {rate: oneIn(rate())});
    stated.textContent = said;
    range.setAttribute("aria-valuetext", `${said} ${t(`known.${zone(rate())}`)}`);
    zones.replaceChildren(...STEPS.map((one, index) =>
      h("i", {class: `${zone(1 / one)} ${index === step ? "here" : ""}`})));
  }

  async function cost() {
    const mine = ++asked;
    let known = zone(rate());
    let said = t(gallery.facts.status.enrolled ? "rate.refused" : "trust.nobody");
    if (known !== "refused") {
      try {
        const found = await call("GET", "v1/thresholds", {query: {fpir: rate()}});
        known = found.known;
        said = costs(found);
      } catch {
        known = "refused"; // the gallery has changed meanwhile
      }
    }
    if (mine !== asked) return; // the slider has moved on
    badge.textContent = t(`known.${known}`);
    badge.className = `badge ${known}`;
    text.textContent = said;
  }

  function refresh() {
    if (!touched) step = usual();
    show();
    cost();
  }

  refresh();
  return {
    element: h("div", {class: "rate"},
      h("label", {for: "rate"}, t("rate.question")),
      stated,
      h("div", {class: "track"}, zones, range),
      h("div", {class: "ends", "aria-hidden": "true"}, h("span", {}, t("rate.lenient")), h("span", {}, t("rate.strict"))),
      h("p", {id: "rate-cost", class: "cost"}, badge, " ", text)),
    refresh,
    /** The stated rate; null until somebody has stated one. */
    get rate() { return touched ? rate() : null; },
    /** Whether it is one that cannot be kept here. */
    get refused() { return touched && gallery.facts.status.enrolled > 0 && zone(rate()) === "refused"; },
  };
}

/** What a rate costs those who are enrolled, in words. */
export function costs({missed}) {
  if (missed === null || missed === undefined) return t("rate.cost_unknown");
  const ten = Math.round(10 * missed);
  if (missed < 0.005) return t("rate.cost_none");
  if (ten === 0) return t("rate.cost_100", {n: Math.max(1, Math.round(100 * missed))});
  if (ten === 10) return t("rate.cost_all");
  return t("rate.cost_10", {n: ten});
}
