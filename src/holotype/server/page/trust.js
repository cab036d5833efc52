// What can be promised now, and what would let more be promised.

import {call, groups, pictures} from "./api.js";
import {ask, h, icon, note} from "./dom.js";
import * as gallery from "./gallery.js";
import {input} from "./input.js";
import * as measured from "./measured.js";
import {problem} from "./problem.js";
import {STEPS, costs, zone} from "./rate.js";
import * as scores from "./scores.js";
import {alike, number, oneIn, percent, t, when} from "./texts.js";

let panel = null;
let taken = null;
let whose = "strangers"; // strangers, or unlabeled: whoever came by
let chosen = []; // pictures of strangers that were shown, and not stored yet
let drawn = 0;

/** Build the panel anew. */
export async function render(where) {
  panel = where;
  const mine = ++drawn;
  const [{batches}, reviews, reached, rates] = await Promise.all([
    call("GET", "v1/strangers"), call("GET", "v1/review"), call("GET", "v1/scores"), Promise.all(gallery.facts.status.rates.map(cost)),
  ]);
  if (mine !== drawn) return;
  taken?.stop();
  const {status} = gallery.facts;
  panel.replaceChildren(
    h("h1", {tabindex: "-1"}, t("trust.title")),
    h("p", {class: "lead"}, headline(status)),
    status.enrolled ? meter(status) : "",
    status.enrolled ? table(rates, status) : "",
    status.enrolled ? scores.section(reached) : "",
    reviewed(reviews.rates),
    h("h2", {}, t("trust.more")),
    h("ul", {class: "remarks"}, wanted(status).map((text) => h("li", {}, text))),
    gallery.pictorial() ? strangers(status) : "",
    h("div", {class: "outcome", id: "trust-outcome"}),
    stored(batches),
    gallery.pictorial() ? measured.section() : "");
}

/** Switch the camera off when the panel is left. */
export const leave = () => taken?.stop();

/** Take what is pasted while the panel is open. */
export const take = (files) => taken?.give(files);

async function cost(row) {
  const found = row.known && await call("GET", "v1/thresholds", {query: {fpir: row.rate}}).catch(() => null);
  return {...row, missed: found?.missed};
}

function headline({enrolled, guaranteed, estimated}) {
  if (!enrolled) return t("trust.nobody");
  const first = guaranteed < 1 ? t("trust.guaranteed", {rate: percent(guaranteed)}) : t("trust.not_guaranteed");
  const second = estimated >= 1 ? t("trust.not_estimated")
    : estimated < guaranteed ? t("trust.estimated", {rate: percent(estimated)}) : "";
  return `${first} ${second}`;
}

function meter(status) {
  return h("div", {class: "ladder", role: "img", "aria-label": headline(status)},
    STEPS.map((step) => h("div", {class: zone(1 / step, status)},
      h("i"), h("span", {}, t("one_in_short", {count: number(step)})))),
    h("div", {class: "legend"}, ["guaranteed", "estimated", "refused"].map((one) =>
      h("span", {class: one}, h("i"), t(`known.${one}`)))));
}

function table(rates, status) {
  return h("div", {class: "scroll", tabindex: "0", role: "group", "aria-label": t("trust.table")}, h("table", {},
    h("thead", {}, h("tr", {}, ["rate", "known", "by", "from", "cost"].map((one) => h("th", {scope: "col"}, t(`trust.column.${one}`))))),
    h("tbody", {}, rates.map((row) => h("tr", {},
      h("th", {scope: "row"}, oneIn(row.rate)),
      h("td", {}, h("span", {class: `badge ${row.known ?? "refused"}`}, t(`known.${row.known ?? "refused"}`))),
      h("td", {}, row.source ? t(`source.${row.source}`, {
        enrolled: number(status.enrolled), own: number(status.own_classes), cohort: number(status.cohort_classes),
      }) : "–"),
      h("td", {}, row.threshold === null ? "–" : alike(row.threshold)),
      h("td", {}, row.known ? costs(row) : "–"))))));
}

/** What reviews show: the one measurement of this very place. */
function reviewed(rates) {
  const some = rates.filter(({rate_kind: kind, strangers: n}) => kind === "fpir" && n);
  return h("section", {}, h("h2", {}, t("measured.title")),
    some.length ? h("ul", {class: "remarks"}, some.map(({rate, strangers: n, accepted, low, high}) => h("li", {}, t("measured.one", {
      rate: oneIn(rate), n, count: number(n), accepted: number(accepted), low: percent(low), high: percent(high),
    })))) : h("p", {}, t("measured.none")),
    some.length > 0 && h("p", {class: "soft"}, t("measured.text")));
}

function wanted(status) {
  const said = [];
  const rate = oneIn(status.target);
  if (!status.missing_strangers) said.push(t("trust.enough", {rate}));
  else {
    said.push(t("trust.strangers", {rate, n: status.missing_strangers, count: number(status.missing_strangers)}));
    said.push(status.missing_enrolled === null ? t("trust.several", {rate})
      : t("trust.enrolled", {rate, n: status.missing_enrolled, count: number(status.missing_enrolled)}));
  }
  if (status.cohort_contradicted) said.push(t("trust.contradicted"));
  if (status.crowding) {
    const [first, second] = status.crowding.labels;
    said.push(t("trust.crowding", {first, second, similarity: alike(status.crowding.similarity),
      threshold: alike(status.crowding.threshold), without: alike(status.crowding.without_one)}));
  }
  said.push(t("trust.limit"));
  return said;
}

function strangers() {
  taken = input({ways: gallery.ways(), action: t("strangers.add"), onpictures: (files) => {
    chosen.push(...files);
    taken.clear();
    dryRun();
  }});
  const text = h("p");
  const rule = h("p", {class: "soft"});
  const choose = (wanted) => {
    if (wanted !== whose) { chosen = []; outcome(); }
    whose = wanted;
    text.textContent = t(`${whose}.text`);
    rule.textContent = t(`${whose}.rule`);
    for (const one of ways.children) one.setAttribute("aria-pressed", String(one.dataset.whose === whose));
  };
  const ways = h("div", {class: "switch", role: "group", "aria-label": t("strangers.whose")}, ["strangers", "unlabeled"].map((one) =>
    h("button", {type: "button", "data-whose": one, onclick: () => choose(one)}, t(`${one}.short`))));
  choose(whose);
  return h("div", {class: "desk strangers"},
    h("div", {class: "column"}, h("h2", {}, t("strangers.title")), ways, text, rule),
    h("div", {class: "column"}, taken.element));
}

async function dryRun() {
  outcome(h("p", {class: "waiting"}, t("strangers.waiting", {n: first().length, count: number(first().length)})));
  try {
    const {change: found} = await calibrate({dry_run: true});
    outcome(change(found));
  } catch (error) {
    outcome(problem(error, startOver()));
  }
}

/** As many as one call takes; the others come after these. */
const first = () => groups(chosen)[0] ?? [];

const calibrate = (fields) => (whose === "strangers"
  ? call("POST", "v1/calibrate", {form: pictures(first(), {...fields, suspects: "leave-out", skip_unusable: true})})
  : call("POST", "v1/calibrate/unlabeled", {form: pictures(first(), {...fields, skip_unusable: true})}));

function change(found) {
  const n = found.classes ?? found.pictures;
  const {suspects = []} = found;
  return h("div", {class: "change", role: "status"},
    h("h3", {}, t(`change.${whose}`, {n, count: number(n)})),
    h("ul", {class: "remarks"},
      found.visitors && h("li", {}, t(found.strangers === null ? "change.visitors" : "change.visitors_share", {
        n: found.visitors, count: number(found.visitors), share: percent(found.strangers ?? 0)})),
      found.guaranteed_before !== undefined && h("li", {}, step("change.guaranteed", found.guaranteed_before, found.guaranteed_after)),
      h("li", {}, step("change.estimated", found.smallest_before, found.smallest_after)),
      found.rates.filter((row) => row.accepted_after !== null).map((row) => h("li", {}, t("change.accepted", {
        rate: oneIn(row.rate), before: row.accepted_before ?? "–", after: row.accepted_after, count: number(found.pictures),
        from: row.before === null ? "–" : alike(row.before), to: row.after === null ? "–" : alike(row.after)})))),
    suspects.length > 0 && h("p", {class: "remark"}, t("change.suspects", {
      n: suspects.length, names: suspects.map(({name, label}) => `${named(name)} (${label})`).join(", ")})),
    found.unusable.length > 0 && h("p", {class: "remark"}, t("change.unusable", {
      n: found.unusable.length, names: found.unusable.map(({name}) => named(name)).join(", ")})),
    chosen.length > first().length && h("p", {class: "soft"}, t("change.rest", {count: number(chosen.length - first().length)})),
    h("div", {class: "row"},
      h("button", {type: "button", class: "main", onclick: store}, t("change.store")), startOver()));
}

/** The file that the server calls "picture 3". */
function named(name) {
  const place = /^picture (\d+)$/.exec(name);
  return first()[place?.[1] - 1]?.name ?? name;
}

function step(key, before, after) {
  const rate = (value) => (value >= 1 ? t("change.none") : percent(value));
  return t(key, {before: rate(before), after: rate(after)});
}

const startOver = () => h("button", {type: "button", class: "plain", onclick: () => { chosen = []; outcome(); }}, t("change.drop"));

async function store() {
  try {
    await calibrate({});
    chosen = chosen.slice(first().length);
    note(t("change.done"));
    await gallery.refresh();
    await render(panel);
    if (chosen.length) await dryRun();
    else panel.querySelector("h1").focus();
  } catch (error) {
    outcome(problem(error, startOver()));
  }
}

function stored(batches) {
  if (!batches.length) return "";
  return h("section", {}, h("h2", {}, t("batches.title")), h("ul", {class: "lines"}, batches.map((batch) => h("li", {},
    h("span", {}, t("batches.one", {when: when(batch.created), n: batch.classes, count: number(batch.classes)})),
    h("button", {type: "button", class: "plain", onclick: () => remove(batch)}, icon("M5 7h14 M10 7V4h4v3 M7 7l1 13h8l1-13"), t("batches.remove"))))));
}

async function remove(batch) {
  const sure = await ask({
    title: t("batches.sure"), body: h("p", {}, t("batches.sure_text", {n: batch.classes, count: number(batch.classes)})),
    yes: t("batches.remove"), no: t("cancel"), danger: true,
  });
  if (!sure) return;
  try {
    await call("DELETE", `v1/strangers/${encodeURIComponent(batch.id)}`);
    note(t("batches.removed"));
    await gallery.refresh();
    await render(panel);
    panel.querySelector("h1").focus();
  } catch (error) {
    outcome(problem(error));
  }
}

function outcome(...content) {
  document.getElementById("trust-outcome")?.replaceChildren(...content);
}
