// What the enrolled, strangers and those who were asked about reach, and where the thresholds lie.

import {h, shape} from "./dom.js";
import {alike, number, oneIn, t} from "./texts.js";

const WIDE = 460, SIDE = 8, TOP = 8, ROW = 78, FOOT = 40, LINE = 15; // of the plot
const STEPS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5], TICKS = 7;
const DRIFT = {"more alike": "drift.more", "less alike": "drift.less"};

/** The section, from the answer of /v1/scores. */
export function section(found) {
  return h("section", {class: "scores"}, h("h2", {}, t("scores.title")),
    found.edges.length ? [
      h("p", {}, t("scores.text")),
      h("figure", {class: "plotted"}, plot(found), h("figcaption", {}, t("scores.lines"))),
      table(found.histograms),
    ] : h("p", {}, t("scores.few")),
    h("p", {class: found.drift.direction && "remark"}, drift(found.drift)));
}

function drift({probes, direction}) {
  if (!probes) return t("drift.nothing");
  return t(DRIFT[direction] ?? "drift.none", {n: probes, count: number(probes)});
}

const name = ({source, count}) => t(`scores.${source}`, {n: count, count: number(count)});

function table(histograms) {
  return h("div", {class: "scroll", tabindex: "0", role: "group", "aria-label": t("scores.table")}, h("table", {},
    h("thead", {}, h("tr", {}, ["who", "median", "tenth", "highest"].map((one) => h("th", {scope: "col"}, t(`scores.column.${one}`))))),
    h("tbody", {}, histograms.map((one) => h("tr", {}, h("td", {}, name(one)),
      [one.median, one.tenth, one.highest].map((value) => h("td", {}, alike(value))))))));
}

/** A histogram of each kind, one above another, and the thresholds through all; the table says it too. */
function plot({edges, histograms, rates}) {
  const cuts = rates.filter(({threshold}) => threshold !== null);
  const [start, end] = [edges[0], edges.at(-1)];
  const top = TOP + LINE * cuts.length, foot = top + ROW * histograms.length;
  const x = (similarity) => SIDE + (WIDE - 2 * SIDE) * (similarity - start) / (end - start);
  const svg = shape("svg", {viewBox: `0 0 ${WIDE} ${foot + FOOT}`, class: "plot histograms", "aria-hidden": "true"});
  histograms.forEach(({source, shares}, row) => {
    const base = top + ROW * (row + 1), scale = (ROW - 28) / Math.max(...shares);
    shares.forEach((share, bin) => share && svg.append(shape("rect", {class: source, x: x(edges[bin]) + 0.8, y: base - scale * share,
      width: x(edges[bin + 1]) - x(edges[bin]) - 1.6, height: scale * share})));
    svg.append(shape("line", {x1: 0, x2: WIDE, y1: base, y2: base}));
  });
  cuts.forEach(({rate, known, threshold}, row) => {
    const at = x(threshold), y = top - 4 - LINE * row, left = at > WIDE / 2;
    svg.append(shape("line", {class: `cut ${known}`, x1: at, x2: at, y1: y - 10, y2: foot}),
      shape("text", {x: left ? at - 5 : at + 5, y, "text-anchor": left ? "end" : "start"}, oneIn(rate)));
  });
  histograms.forEach((one, row) => svg.append(shape("text", {class: "name", x: SIDE, y: top + ROW * row + 17}, name(one))));
  const step = STEPS.find((one) => (end - start) / one <= TICKS);
  for (let tick = Math.ceil(start / step + 0.2); tick <= end / step - 0.2; tick += 1) {
    svg.append(shape("text", {x: x(tick * step), y: foot + 16, "text-anchor": "middle"}, number(tick * step, step < 0.1 ? 2 : 1)));
  }
  svg.append(shape("text", {x: WIDE / 2, y: foot + 33, "text-anchor": "middle"}, t("scores.axis")));
  return svg;
}
