// A measurement on a folder of the owner's: what the stated rates are worth there. A job.

import {call, pictures} from "./api.js";
import {h, note, say, shape} from "./dom.js";
import * as gallery from "./gallery.js";
import {folderOf, groupOf, input} from "./input.js";
import {problem} from "./problem.js";
import {number, oneIn, percent, t, when} from "./texts.js";

const MOST = 1000, MOST_BYTES = 60e6; // pictures of one job, and what they may weigh
const LOOK_MS = 1000;
const LEFT = 46, RIGHT = 22, TOP = 10, BOTTOM = 34, WIDE = 420, HIGH = 260; // of the plot

let place = null;
let seen = 0;

/** The section; what was measured within a day is there again. */
export function section() {
  place = h("div", {class: "outcome", id: "measured-outcome"});
  const folder = h("input", {type: "file", webkitdirectory: true, onchange: () => {
    begin(Array.from(folder.files).filter((file) => file.type.startsWith("image/")));
    folder.value = "";
  }});
  const drop = input({ways: ["file"], action: t("evaluate.do"), drop: t("evaluate.drop"), onpictures: begin});
  last();
  return h("section", {class: "evaluate"}, h("h2", {}, t("evaluate.title")),
    h("p", {}, t("evaluate.text")), h("p", {class: "soft"}, t("evaluate.groups")),
    drop.element, h("div", {class: "row"}, h("label", {class: "button"}, t("folder.choose"), folder)), place);
}

async function last() {
  try {
    const {jobs} = await call("GET", "v1/jobs");
    const [job] = jobs.filter(({kind}) => kind === "evaluate");
    if (job) await watch(job);
  } catch (error) {
    place.replaceChildren(problem(error));
  }
}

async function begin(files) {
  const named = files.filter(folderOf);
  if (!named.length || named.length > MOST || named.reduce((sum, {size}) => sum + size, 0) > MOST_BYTES) {
    place.replaceChildren(h("p", {class: "problem", role: "alert"}, t(named.length ? "evaluate.many" : "evaluate.none")));
    return;
  }
  const form = pictures(named);
  const apart = new Set(named.map(groupOf)).size > 1;
  for (const file of named) {
    form.append("labels", folderOf(file));
    if (apart) form.append("groups", groupOf(file) ?? "");
  }
  place.replaceChildren(h("p", {class: "waiting"}, t("evaluate.sending")));
  try {
    await watch(await call("POST", "v1/jobs/evaluate", {form}));
  } catch (error) {
    place.replaceChildren(problem(error));
  }
}

/** Show a job until it ends, and then what came of it. */
async function watch(job) {
  const mine = ++seen, here = place;
  const bar = h("progress", {"aria-label": t("evaluate.title")});
  const text = h("p", {});
  const waited = job.ended === null;
  if (waited) {
    here.replaceChildren(h("div", {class: "change"}, text, bar, h("div", {class: "row"},
      h("button", {type: "button", class: "plain", onclick: () => call("DELETE", `v1/jobs/${job.id}`).catch(() => {})}, t("cancel")))));
  }
  while (job.ended === null) {
    text.textContent = t(`evaluate.${job.state}`, {done: number(job.done), total: number(job.total)});
    if (job.total) Object.assign(bar, {max: job.total, value: job.done});
    await new Promise((resolve) => { setTimeout(resolve, LOOK_MS); });
    if (mine !== seen || !here.isConnected) return; // the panel was built anew
    job = await call("GET", `v1/jobs/${job.id}`);
  }
  here.replaceChildren(ended(job));
  if (waited) say(t(job.state === "done" ? "evaluate.ready" : `evaluate.${job.state}`));
}

function ended(job) {
  if (job.result) return result(job);
  if (job.code === "forgotten") return h("p", {class: "remark"}, t("evaluate.forgotten"));
  if (job.state === "failed") return problem(job);
  return h("p", {class: "remark"}, t(`evaluate.${job.state}`)); // canceled, or interrupted
}

function result({id, ended: at, result: found}) {
  const rows = found.results.flatMap((one) => one.identification.map((row) => ({...row, examples: one.examples})));
  const told = rows.filter(({fpir}) => fpir);
  return h("div", {class: "change"},
    h("h3", {}, t("evaluate.of", {when: when(at), pictures: number(found.pictures), classes: number(found.classes)})),
    told.length ? [
      table("evaluate.title", ["rate", "examples", "passed", "missed"], told.map((row) =>
        [oneIn(row.stated_fpir), number(row.examples), share(row.fpir), share(row.fnir)])),
      plot(told),
    ] : h("p", {}, t("evaluate.thin")),
    found.groups && [h("h3", {}, t("evaluate.by_group")),
      table("evaluate.by_group", ["group", "classes", "examples", "rate", "passed", "missed"], found.groups.map((row) =>
        [row.group, number(row.classes), number(row.k_shot), oneIn(row.stated_fpir), share(row.fpir), share(row.fnir)]))],
    h("div", {class: "row"},
      h("button", {type: "button", onclick: () => download(id)}, t("evaluate.report")),
      h("button", {type: "button", class: "plain", onclick: () => remove(id)}, t("evaluate.erase"))));
}

function share(found) {
  if (!found) return t("evaluate.too_thin");
  const [low, high] = found.ci95;
  return `${percent(found.value)} (${t("evaluate.between", {low: percent(Math.max(0, low)), high: percent(high)})})`;
}

function table(name, columns, rows) {
  return h("div", {class: "scroll", tabindex: "0", role: "group", "aria-label": t(name)}, h("table", {},
    h("thead", {}, h("tr", {}, columns.map((one) => h("th", {scope: "col"}, t(`evaluate.column.${one}`))))),
    h("tbody", {}, rows.map(([first, ...others]) => h("tr", {}, h("th", {scope: "row"}, first), others.map((one) => h("td", {}, one)))))));
}

/** Stated against measured, both in powers of ten; below the line the promise is kept. */
function plot(rows) {
  const least = Math.floor(Math.log10(Math.min(...rows.map(({stated_fpir: rate}) => rate))));
  const x = (rate) => LEFT + (WIDE - LEFT - RIGHT) * (Math.log10(rate) - least) / -least;
  const y = (rate) => HIGH - BOTTOM - (HIGH - TOP - BOTTOM) * (Math.log10(Math.max(rate, 10 ** least)) - least) / -least;
  const svg = shape("svg", {viewBox: `0 0 ${WIDE} ${HIGH}`, class: "plot", "aria-hidden": "true"});
  for (let power = least; power <= 0; power += 1) {
    const rate = 10 ** power;
    svg.append(shape("line", {x1: LEFT, x2: WIDE - RIGHT, y1: y(rate), y2: y(rate)}),
      shape("line", {x1: x(rate), x2: x(rate), y1: TOP, y2: HIGH - BOTTOM}),
      shape("text", {x: x(rate), y: HIGH - BOTTOM + 16, "text-anchor": "middle"}, percent(rate)),
      shape("text", {x: LEFT - 6, y: y(rate) + 4, "text-anchor": "end"}, percent(rate)));
  }
  svg.append(shape("line", {class: "promise", x1: x(10 ** least), y1: y(10 ** least), x2: x(1), y2: y(1)}));
  for (const {stated_fpir: rate, fpir: {value, ci95: [low, high]}} of rows) {
    svg.append(shape("line", {class: "between", x1: x(rate), x2: x(rate), y1: y(low), y2: y(high)}),
      shape("circle", {cx: x(rate), cy: y(value), r: 4}));
  }
  return h("figure", {class: "plotted"}, svg, h("figcaption", {}, t("evaluate.plot")));
}

async function download(id) {
  try {
    const address = URL.createObjectURL(await call("GET", `v1/jobs/${id}/report`, {blob: true}));
    h("a", {href: address, download: `${gallery.title()}-report.html`}).click();
    setTimeout(() => URL.revokeObjectURL(address), LOOK_MS);
  } catch (error) {
    place.append(problem(error));
  }
}

async function remove(id) {
  try {
    await call("DELETE", `v1/jobs/${id}`);
    place.replaceChildren();
    note(t("evaluate.erased"));
  } catch (error) {
    place.append(problem(error));
  }
}
