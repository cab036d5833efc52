// Who is enrolled: a card each; enroll by dropping pictures, open one to put it right.

import {monogram, tile} from "./answer.js";
import {call, groups, pictures} from "./api.js";
import {ask, h, icon, note} from "./dom.js";
import * as gallery from "./gallery.js";
import {folderOf, input, takesDrops} from "./input.js";
import {person, undoing} from "./person.js";
import {problem} from "./problem.js";
import {alike, day, has, number, t} from "./texts.js";

const PAGE = 48;

let panel = null;
let taken = null;
let drawn = 0; // which rendering is the last: a slower one before it is dropped

/** Build the panel anew: of one of them, or of all. */
export async function render(where, whom = null) {
  panel = where;
  const mine = ++drawn;
  if (whom !== null) {
    const element = await person(whom, {show, stale, forget});
    if (mine !== drawn) return;
    taken?.stop();
    panel.replaceChildren(element, h("div", {class: "outcome", id: "enrolled-outcome"}));
    panel.querySelector("h1").focus();
    return;
  }
  const [{identities, cursor}, undo] = await Promise.all([
    call("GET", "v1/identities", {query: {limit: PAGE}}), undoing(takeBack),
  ]);
  if (mine !== drawn) return;
  taken?.stop();
  const returned = panel.querySelector(".person");
  const list = h("ul", {class: "cards"}, identities.map(one));
  panel.replaceChildren(
    h("h1", {tabindex: "-1"}, t(gallery.faces() ? "people.title" : "things.title")),
    h("p", {class: "soft"}, t("enrolled.count", {n: gallery.facts.status.enrolled, count: number(gallery.facts.status.enrolled)})),
    form(),
    undo,
    h("div", {class: "outcome", id: "enrolled-outcome"}),
    identities.length ? list : h("p", {class: "answer empty"}, t("enrolled.none")),
    more(list, cursor));
  if (returned) panel.querySelector("h1").focus();
}

/** One of them, or all, as the address then says. */
async function show(whom) {
  const address = whom === null ? "#enrolled" : `#enrolled=${encodeURIComponent(whom)}`;
  if (location.hash === address) await render(panel, whom);
  else location.hash = address;
}

/** The list anew, if that is what is seen. */
async function stale() {
  if (!panel.hidden && !location.hash.includes("=")) await render(panel);
}

async function takeBack(act) {
  try {
    await act();
    note(t("undo.done"));
    await gallery.refresh();
    await render(panel);
    panel.querySelector("h1").focus();
  } catch (error) {
    outcome(problem(error));
  }
}

/** Switch the camera off when the panel is left. */
export const leave = () => taken?.stop();

/** Take what is pasted while the panel is open. */
export const take = (files) => taken?.give(files);

function more(list, cursor) {
  if (!cursor) return "";
  const button = h("button", {type: "button", onclick: async () => {
    const next = await call("GET", "v1/identities", {query: {limit: PAGE, cursor}});
    list.append(...next.identities.map(one));
    button.replaceWith(more(list, next.cursor));
  }}, t("more"));
  return button;
}

function form() {
  if (!gallery.perceives()) return h("p", {}, t("desk.vectors"));
  const label = h("input", {id: "label", maxlength: 200, autocomplete: "off"});
  const consent = h("input", {id: "consent", maxlength: 500, autocomplete: "off"});
  const until = h("input", {id: "until", type: "date", min: new Date().toISOString().slice(0, 10)});
  const onpictures = async (files) => {
    const named = label.value.trim();
    const fields = {consent: consent.value.trim(), retain_until: until.value};
    if (!named && files.every(folderOf)) return folders(files, fields);
    if (!named) {
      outcome(h("p", {class: "problem", role: "alert"}, t("label.missing")));
      label.focus();
      return;
    }
    if (await enroll(named, files, fields)) label.value = "";
  };
  taken = input({ways: gallery.ways(), action: t("enroll.do"), onpictures});
  const folder = h("input", {type: "file", webkitdirectory: true, onchange: () => {
    onpictures(Array.from(folder.files).filter(gallery.takes));
    folder.value = "";
  }});
  return h("details", {class: "enroll", open: matchMedia("(min-width: 761px)").matches},
    h("summary", {}, t("enroll.title")),
    h("div", {class: "desk"},
      h("div", {class: "column"},
        h("div", {class: "field"}, h("label", {for: "label"}, t("label")), label),
        h("div", {class: "field"}, h("label", {for: "consent"}, t("enroll.consent")), consent),
        h("div", {class: "field"}, h("label", {for: "until"}, t("enroll.until")), until),
        h("p", {class: "soft"}, t("enroll.how"), " ", gallery.faces() && t("enroll.permission")),
        h("p", {class: "soft"}, t("folder.how")),
        h("label", {class: "button"}, t("folder.choose"), folder)),
      h("div", {class: "column"}, taken.element)));
}

function one({label, examples, consent, retain_until: until, tags, quiet}) {
  const picture = h("div", {class: "portrait"}, monogram(label));
  gallery.pictureOf(label).then((content) => {
    if (content) picture.replaceChildren(tile(content));
  });
  const choose = h("input", {type: "file", accept: gallery.accept(), multiple: true, onchange: () => enroll(label, Array.from(choose.files))});
  const card = h("li", {class: "card"},
    picture,
    h("h2", {}, label),
    h("p", {class: "soft"}, t("enrolled.examples", {n: examples, count: number(examples)})),
    consent && h("p", {class: "soft"}, t("enrolled.consent", {consent})),
    until && h("p", {class: "soft"}, t("enrolled.until", {day: day(until)})),
    tags.length > 0 && h("p", {class: "soft"}, t("enrolled.tags", {tags: tags.join(", ")})),
    quiet && h("p", {class: "soft"}, t("quiet")),
    h("div", {class: "row"},
      gallery.perceives() && h("label", {class: "button"}, icon("M12 5v14 M5 12h14"), t("enroll.more"),
        h("span", {class: "hidden"}, label), choose),
      h("button", {type: "button", class: "plain", onclick: () => show(label)},
        t("person.open"), h("span", {class: "hidden"}, ` ${label}`)),
      h("button", {type: "button", class: "plain", onclick: () => forget(label, examples)},
        t("forget.do"), h("span", {class: "hidden"}, ` ${label}`))));
  if (gallery.perceives()) takesDrops(card, (files) => enroll(label, files));
  return card;
}

/** Enroll the pictures of one, group by group. */
async function store(label, files, fields) {
  const found = {label, added: 0, lookalikes: [], warnings: []};
  for (const some of groups(files)) {
    const one = await call("POST", `v1/identities/${encodeURIComponent(label)}/examples`, {form: pictures(some, fields)});
    found.added += one.added;
    found.lookalikes.push(...one.lookalikes);
    found.warnings.push(...one.warnings);
  }
  gallery.remember(label, files[0]);
  return found;
}

async function enroll(label, files, fields = {}) {
  outcome(h("p", {class: "waiting"}, t("enroll.waiting", {n: files.length, count: number(files.length)})));
  try {
    const found = await store(label, files, fields);
    note(t("enroll.done", {label, n: found.added}));
    taken?.clear();
    await gallery.refresh();
    await render(panel);
    outcome(remarks(found));
    return true;
  } catch (error) {
    const anyway = error.code === "another_kind" && h("button", {
      type: "button", onclick: () => enroll(label, files, {...fields, anyway: "true"}),
    }, t("enroll.anyway"));
    outcome(problem(error, anyway || ""));
    return false;
  }
}

/** Many at once: each folder is named as who is in it. What fails spoils no other. */
async function folders(files, fields) {
  const named = new Map();
  for (const file of files) named.set(folderOf(file), [...(named.get(folderOf(file)) ?? []), file]);
  const said = [];
  let done = 0;
  for (const [label, some] of named) {
    outcome(h("p", {class: "waiting", role: "status"}, t("folder.waiting", {label, done: number(done), count: number(named.size)})));
    try {
      said.push(remarks(await store(label, some, fields)));
      done += 1;
    } catch (error) {
      said.push(problem(error, h("p", {}, t("folder.failed", {label}))));
    }
  }
  await gallery.refresh();
  await render(panel);
  const all = t("folder.done", {done: number(done), n: named.size, count: number(named.size)});
  outcome(h("p", {class: "good", role: "status"}, all), ...said);
}

function remarks({label, lookalikes, warnings}) {
  const words = [
    ...lookalikes.map((one) => h("li", {}, t("enroll.alike", {label, other: one.label, similarity: alike(one.similarity)}))),
    ...warnings.map(({code, text}) => h("li", {lang: has(`reason.${code}`) ? undefined : "en"}, has(`reason.${code}`) ? t(`reason.${code}`) : text)),
  ];
  return words.length ? h("div", {role: "status"}, h("ul", {class: "remark"}, words)) : "";
}

async function forget(label, examples) {
  const sure = await ask({
    title: t("forget.title", {label}),
    body: h("p", {}, t("forget.text", {label, n: examples, count: number(examples)})),
    yes: t("forget.yes"), no: t("cancel"), danger: true,
  });
  if (!sure) return;
  try {
    const receipt = await call("DELETE", `v1/identities/${encodeURIComponent(label)}`);
    gallery.forgetPictures(label);
    note(t("forget.done", {label}));
    await gallery.refresh();
    if (location.hash !== "#enrolled") history.replaceState(null, "", "#enrolled");
    await render(panel);
    outcome(h("p", {class: "good"}, t("forget.receipt", {identity: receipt.identity, hash: receipt.audit_hash.slice(0, 16)})));
    panel.querySelector("h1").focus();
  } catch (error) {
    outcome(problem(error));
  }
}

function outcome(...content) {
  document.getElementById("enrolled-outcome")?.replaceChildren(...content);
}
