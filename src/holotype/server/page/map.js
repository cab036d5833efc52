// Who would be taken for whom, if each stored picture were asked about: as a graph and as a list.

import {call} from "./api.js";
import {h, shape} from "./dom.js";
import * as gallery from "./gallery.js";
import {problem} from "./problem.js";
import {STEPS, usual, zone} from "./rate.js";
import {alike, number, oneIn, t} from "./texts.js";

const MOST = 60; // pairs that are drawn; the list has them all
const SIDE = 640, RING = 240;

let drawn = 0;
let step = null;

/** Build the panel anew. */
export async function render(panel) {
  const mine = ++drawn;
  const known = STEPS.map((one, index) => index).filter((index) => zone(1 / STEPS[index]) !== "refused");
  if (!known.includes(step)) step = known.includes(usual()) ? usual() : known.at(-1) ?? null;
  const head = [h("h1", {tabindex: "-1"}, t("map.title")), h("p", {class: "lead"}, t("map.text"))];
  if (step === null) {
    panel.replaceChildren(...head, h("p", {class: "answer empty"}, t("trust.nobody")));
    return;
  }
  const place = h("div", {class: "outcome"});
  const rate = h("select", {id: "map-rate", onchange: () => { step = Number(rate.value); draw(place, ++drawn); }},
    known.map((index) => h("option", {value: String(index), selected: index === step}, oneIn(1 / STEPS[index]))));
  panel.replaceChildren(...head,
    h("div", {class: "row"}, h("label", {for: "map-rate"}, t("rate.question")), rate), place);
  await draw(place, mine);
}

async function draw(place, mine) {
  place.replaceChildren(h("p", {class: "waiting"}, t("desk.asking")));
  try {
    const found = await call("GET", "v1/lint", {query: {fpir: 1 / STEPS[step]}});
    if (mine === drawn) place.replaceChildren(...content(found));
  } catch (error) {
    place.replaceChildren(problem(error));
  }
}

function content({confusions, needs, missed}) {
  return [
    confusions.length ? h("div", {class: "map"}, graph(confusions.slice(0, MOST)), pairs(confusions))
      : h("p", {class: "good"}, t("map.none")),
    needs.length > 0 && list("map.needs", needs.map(({label}) => [link(label), ": ",
      t(missed.some((one) => one.label === label) ? "map.need_missed" : "map.need_alike")])),
    missed.length > 0 && list("map.missed", missed.map(({label, number: at, taken_for: other}) => [
      link(label), ": ", t(other ? "map.taken" : "map.unknown", {n: number(at), other})])),
  ].filter(Boolean);
}

const list = (key, items) => h("section", {}, h("h2", {}, t(key)), h("ul", {class: "remarks"}, items.map((one) => h("li", {}, one))));

/** To where it is put right. */
const link = (label) => h("a", {href: `#enrolled=${encodeURIComponent(label)}`}, label);

function pairs(confusions) {
  return h("div", {class: "scroll", tabindex: "0", role: "group", "aria-label": t("map.pairs")}, h("table", {},
    h("thead", {}, h("tr", {}, ["one", "other", "alike", "pictures"].map((one) => h("th", {scope: "col"}, t(`map.column.${one}`))))),
    h("tbody", {}, confusions.map(({labels: [one, other], similarity, pictures}) => h("tr", {},
      h("td", {}, link(one)), h("td", {}, link(other)), h("td", {}, alike(similarity)), h("td", {}, number(pictures)))))));
}

/** The pairs as lines between points on a ring, neighbors beside one another; for the eye alone. */
function graph(confusions) {
  const names = order(confusions);
  const at = new Map(names.map((name, index) => {
    const angle = 2 * Math.PI * index / names.length - Math.PI / 2;
    return [name, {x: Math.cos(angle), y: Math.sin(angle)}];
  }));
  const svg = shape("svg", {viewBox: `${-SIDE / 2} ${-SIDE / 2} ${SIDE} ${SIDE}`, "aria-hidden": "true", class: "graph"});
  const [least, most] = [confusions.at(-1).similarity, confusions[0].similarity];
  for (const {labels: [one, other], similarity} of confusions) {
    const [a, b] = [at.get(one), at.get(other)];
    svg.append(shape("line", {x1: RING * a.x, y1: RING * a.y, x2: RING * b.x, y2: RING * b.y,
      "stroke-width": 1.5 + 4 * (most > least ? (similarity - least) / (most - least) : 1)}));
  }
  for (const [name, {x, y}] of at) {
    svg.append(shape("circle", {cx: RING * x, cy: RING * y, r: 7}));
    svg.append(shape("text", {x: (RING + 16) * x, y: (RING + 16) * y + 5,
      "text-anchor": Math.abs(x) < 0.3 ? "middle" : x > 0 ? "start" : "end",
    }, name.length > 12 ? `${Array.from(name).slice(0, 11).join("")}…` : name));
  }
  return svg;
}

/** The names of pairs, such that those who are alike stand near one another. */
function order(confusions) {
  const near = new Map();
  for (const {labels: [one, other]} of confusions) {
    near.set(one, [...near.get(one) ?? [], other]);
    near.set(other, [...near.get(other) ?? [], one]);
  }
  const found = new Set();
  const visit = (name) => {
    if (found.has(name)) return;
    found.add(name);
    near.get(name).forEach(visit);
  };
  [...near.keys()].forEach(visit);
  return [...found];
}
