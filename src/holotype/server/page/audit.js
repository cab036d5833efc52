// Who did what, and when; and whether a line is missing.

import {call} from "./api.js";
import {h, icon} from "./dom.js";
import {has, number, t, when} from "./texts.js";

const PAGE = 50;

let drawn = 0;

/** Build the panel anew. */
export async function render(panel) {
  const mine = ++drawn;
  const [found, report] = await Promise.all([
    call("GET", "v1/audit", {query: {limit: PAGE}}), call("GET", "v1/audit/report"),
  ]);
  const intact = !report.problems.length;
  if (mine !== drawn) return;
  const rows = h("tbody", {}, found.entries.map(row));
  panel.replaceChildren(
    h("h1", {tabindex: "-1"}, t("audit.title")),
    h("p", {class: intact ? "good" : "problem", role: intact ? undefined : "alert"},
      intact && icon("M5 13l5 5L20 7"), t(intact ? "audit.intact" : "audit.broken")),
    intact ? "" : h("ul", {class: "remarks", lang: "en"}, report.problems.map(({text}) => h("li", {}, text))),
    h("p", {class: "soft"}, t("audit.text")),
    h("div", {class: "scroll", tabindex: "0", role: "group", "aria-label": t("audit.title")}, h("table", {},
      h("thead", {}, h("tr", {}, ["number", "when", "who", "what", "whom", "facts"].map((one) => h("th", {scope: "col"}, t(`audit.column.${one}`))))),
      rows)),
    more(rows, found.cursor),
    h("p", {class: "soft"}, t("audit.head"), " ", h("code", {}, report.head)));
}

function more(rows, cursor) {
  if (!cursor) return "";
  const button = h("button", {type: "button", onclick: async () => {
    const found = await call("GET", "v1/audit", {query: {limit: PAGE, cursor}});
    rows.append(...found.entries.map(row));
    button.replaceWith(more(rows, found.cursor));
  }}, t("more"));
  return button;
}

function row({sequence, at, actor, action, identity, facts}) {
  return h("tr", {},
    h("td", {}, number(sequence)), h("td", {}, when(at)), h("td", {}, actor),
    h("td", {}, has(`action.${action}`) ? t(`action.${action}`) : action),
    h("td", {}, identity ? h("code", {title: identity}, identity.slice(0, 8)) : "–"),
    h("td", {class: "facts"}, told(facts).map((one) => h("span", {}, one))));
}

/** The facts that say something to people, in words. */
function told(facts) {
  return Object.entries(facts).filter(([name, value]) => has(`fact.${name}`) && value !== false && value !== null)
    .map(([name, value]) => t(`fact.${name}`, {
      n: value, value: typeof value === "number" && !Number.isInteger(value) ? number(value, 3) : value,
    }));
}
