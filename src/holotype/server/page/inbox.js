// Who came by and got no match: say who it is, or that it is nobody.

import {chance, tile} from "./answer.js";
import {call} from "./api.js";
import {ask, h, note, say} from "./dom.js";
import * as gallery from "./gallery.js";
import {labelField} from "./person.js";
import {problem} from "./problem.js";
import {alike, number, t, when} from "./texts.js";

const PAGE = 48;
const KEYS = {i: name, n: enroll, s: stranger, m: dismiss, x: trash, Delete: trash};

let panel = null;
let drawn = 0;
let contents = [];

/** Build the panel anew. */
export async function render(where) {
  panel = where;
  const mine = ++drawn;
  const found = await call("GET", "v1/inbox", {query: {limit: PAGE}});
  if (mine !== drawn) return;
  leave();
  if (found.hours === null) {
    panel.replaceChildren(
      h("h1", {tabindex: "-1"}, t("inbox.title")),
      h("p", {class: "lead"}, t("inbox.off")),
      h("p", {}, t("inbox.switch"), " ", h("code", {}, `holotype serve ${gallery.facts.name} --inbox 8`)),
      h("p", {class: "remark"}, t("inbox.warning")));
    return;
  }
  const list = h("ol", {class: "visitors"}, found.visitors.map(one));
  panel.replaceChildren(
    h("h1", {tabindex: "-1"}, t("inbox.title")),
    h("p", {class: "remark"}, t("inbox.warning"), " ", t("inbox.hours", {n: found.hours, hours: number(found.hours, found.hours % 1 ? 1 : 0)})),
    h("ul", {class: "keyed", "aria-label": t("inbox.keys")}, ["i", "n", "s", "m", "x"].map((key) => h("li", {}, h("kbd", {}, key), " ", t(`inbox.key.${key}`)))),
    h("div", {class: "outcome", id: "inbox-outcome"}),
    found.visitors.length ? list : h("p", {class: "answer empty"}, t("inbox.none")),
    more(list, found.cursor));
  if (found.recognized) say(recognized(found.recognized));
}

/** Forget what was shown. */
export function leave() {
  contents.forEach(gallery.free);
  contents = [];
}

const recognized = (n) => t("inbox.recognized", {n, count: number(n)});

function more(list, cursor) {
  if (!cursor) return "";
  const button = h("button", {type: "button", onclick: async () => {
    const next = await call("GET", "v1/inbox", {query: {limit: PAGE, cursor}});
    list.append(...next.visitors.map(one));
    button.replaceWith(more(list, next.cursor));
  }}, t("more"));
  return button;
}

async function picture(id) {
  const content = await gallery.content(await call("GET", `v1/inbox/${id}/picture`, {blob: true}));
  contents.push(content);
  return content;
}

function shown(id) {
  const place = h("span", {class: "tile none"}, t("picture.none"));
  picture(id).then((content) => place.replaceWith(tile(content)), () => {});
  return place;
}

function one(visitor) {
  const chosen = {...visitor};
  const {nearest, similarity, threshold, pictures} = visitor;
  const portrait = h("div", {class: "portrait"}, visitor.shown ? shown(visitor.id) : h("span", {class: "tile none"}, t("picture.none")));
  const title = visitor.answer === "unknown" ? t("inbox.visitor") : t("inbox.near", {label: nearest ?? ""});
  const button = (key, act, more = {}) => h("button", {type: "button", ...more, onclick: () => act(chosen, row)}, t(`inbox.${key}`),
    h("span", {class: "hidden"}, ` (${title}, ${when(visitor.at)})`));
  const row = h("li", {class: "visitor", tabindex: "0", "data-visitor": visitor.id, onkeydown: (event) => keyed(event, chosen, row)},
    portrait,
    h("div", {},
      h("h2", {}, title),
      h("p", {class: "soft"}, t(visitor.camera ? "inbox.camera" : "inbox.actor", {who: visitor.camera ?? visitor.actor ?? "", when: when(visitor.at)}),
        pictures.length > 1 && ` ${t("inbox.times", {count: number(pictures.length), when: when(visitor.first)})}`),
      nearest !== null && similarity !== null && h("p", {}, t("inbox.nearest", {label: nearest, similarity: alike(similarity), threshold: alike(threshold)}), " ",
        chance({answer: visitor.answer, probability: visitor.probability, candidates: [{label: nearest}]})),
      h("p", {class: "soft"}, t("inbox.until", {when: when(visitor.until)})),
      h("div", {class: "row"},
        button("name", name), button("enroll", enroll), button("stranger", stranger),
        button("dismiss", dismiss, {class: "plain"}), button("trash", trash, {class: "plain"}))),
    pictures.length > 1 && h("div", {class: "strip", role: "group", "aria-label": t("inbox.pictures", {count: number(pictures.length)})},
      pictures.slice(0, 12).map((id, index) => h("button", {
        type: "button", class: "probe", "aria-pressed": String(index === 0), "aria-label": t("inbox.picture", {n: index + 1}),
        onclick: (event) => {
          chosen.id = id;
          for (const each of row.querySelectorAll(".probe")) each.setAttribute("aria-pressed", String(each === event.currentTarget));
          portrait.replaceChildren(shown(id));
        },
      }, gallery.pictorial() ? shown(id) : t("inbox.picture", {n: index + 1})))));
  return row;
}

/** A key acts on the visitor that has the focus, and nowhere else. */
function keyed(event, visitor, row) {
  if (event.target !== row || event.ctrlKey || event.metaKey || event.altKey) return;
  const to = {ArrowDown: row.nextElementSibling, ArrowUp: row.previousElementSibling}[event.key];
  const act = KEYS[event.key];
  if (!to && !act) return;
  event.preventDefault();
  if (to) to.focus();
  else act(visitor, row);
}

async function name(visitor, row) {
  const label = await named("name", visitor.nearest ?? "");
  if (label) await settle(row, async () => taught(await change("POST", `${visitor.id}/name`, {label}), label));
}

async function enroll(visitor, row) {
  const label = await named("enroll", "");
  if (label) {
    await settle(row, async () => {
      await change("POST", `${visitor.id}/enroll`, {label});
      return t("enroll.done", {label, n: 1});
    });
  }
}

async function named(key, value) {
  const {field, known} = await labelField("visitor-label");
  field.value = value;
  return ask({
    title: t(`inbox.${key}.title`),
    body: [h("p", {}, t(`inbox.${key}.text`), " ", key === "enroll" && gallery.faces() && t("enroll.permission")),
      h("label", {for: "visitor-label"}, t("label")), field, key === "name" && known],
    yes: t(`inbox.${key}.do`), no: t("cancel"), read: () => field.value.trim(),
  });
}

async function stranger(visitor, row) {
  await settle(row, async () => taught(await change("POST", `${visitor.id}/stranger`)));
}

async function dismiss(visitor, row) {
  await settle(row, async () => {
    await change("POST", `${visitor.id}/dismiss`);
    return t("inbox.dismissed");
  });
}

async function trash(visitor, row) {
  await settle(row, async () => {
    await change("DELETE", visitor.id);
    return t("inbox.trashed");
  });
}

const change = (method, path, json) => call(method, `v1/inbox/${path}`, {json});

function taught({added, strangers, reasons}, label) {
  if (added) return t("taught.example", {label});
  if (strangers) return t("taught.stranger");
  return [t("taught.nothing"), ...reasons.map(({code, text}) => {
    const said = t(`taught.${code}`);
    return said === `taught.${code}` ? `${text}.` : said;
  })].join(" ");
}

/** Do it, take the visitor out, and go on with the next. */
async function settle(row, act) {
  const at = Array.from(row.parentElement.children).indexOf(row);
  try {
    const said = await act();
    await gallery.refresh();
    await render(panel);
    note(said);
    const rows = panel.querySelectorAll(".visitor");
    (rows[Math.min(at, rows.length - 1)] ?? panel.querySelector("h1")).focus();
  } catch (error) {
    document.getElementById("inbox-outcome").replaceChildren(problem(error));
  }
}
