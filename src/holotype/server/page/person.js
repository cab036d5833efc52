// One of the enrolled: its examples, what is noted of it, and what was wrong put right.

import {monogram, tile} from "./answer.js";
import {call} from "./api.js";
import {ask, h, icon, note} from "./dom.js";
import * as gallery from "./gallery.js";
import {problem} from "./problem.js";
import {number, t, when} from "./texts.js";

const TRASH = "M5 7h14 M10 7V4h4v3 M7 7l1 13h8l1-13";
const path = (label) => `v1/identities/${encodeURIComponent(label)}`;

/** A field that proposes the labels that are there. */
export async function labelField(id) {
  const {identities} = await call("GET", "v1/identities", {query: {limit: 200}}).catch(() => ({identities: []}));
  const field = h("input", {id, list: `${id}-known`, maxlength: 200, required: true, autocomplete: "off"});
  return {field, known: h("datalist", {id: `${id}-known`}, identities.map(({label}) => h("option", {value: label})))};
}

/**
 * What is known of one of them, and what can be done.
 *
 * show: builds it anew, under the label that it has then, or the list of all where there is none.
 * stale: is called in place of that where somebody has gone on to something else meanwhile.
 * forget: asks, and erases it.
 */
export async function person(label, {show, stale, forget}) {
  const {identity, stored} = await call("GET", `${path(label)}/examples`);
  const outcome = h("div", {class: "outcome"});

  /** Do it, and show what is there then. */
  async function change(act, then, said) {
    const place = location.hash; // whoever goes on to something else meanwhile is left there
    try {
      await act();
      gallery.forgetPictures(label);
      await gallery.refresh();
      note(said);
      const stays = location.hash === place && element.isConnected && !element.closest("[hidden]");
      await (stays ? show(then) : stale());
    } catch (error) {
      outcome.replaceChildren(problem(error));
    }
  }

  async function asked(key, {danger, named} = {}) {
    const {field, known} = named ? await labelField("to") : {};
    return ask({
      title: t(`${key}.title`, {label}), body: [h("p", {}, t(`${key}.text`, {label})),
        field && h("label", {for: "to"}, t("label")), field, known].filter(Boolean),
      yes: t(`${key}.do`), no: t("cancel"), danger, read: field && (() => field.value.trim()),
    });
  }

  async function rename() {
    const to = await asked("rename", {named: true});
    if (to) await change(() => call("POST", `${path(label)}/rename`, {json: {to}}), to, t("rename.done", {label, to}));
  }

  async function merge() {
    const to = await asked("merge", {named: true});
    if (to) await change(() => call("POST", `${path(label)}/merge`, {json: {to}}), to, t("merge.done", {label, to}));
  }

  async function move(example) {
    const to = await asked("move", {named: true});
    const left = stored.length > 1 ? label : to;
    if (to) await change(() => call("POST", `v1/examples/${example}/move`, {json: {to}}), left, t("move.done", {to}));
  }

  async function remove(example) {
    if (await asked("remove", {danger: true})) {
      await change(() => call("DELETE", `v1/examples/${example}`), stored.length > 1 ? label : null, t("remove.done"));
    }
  }

  const noted = (json, said) => change(() => call("PATCH", path(label), {json}), label, said);

  const tag = h("input", {id: "tag", maxlength: 50, autocomplete: "off", required: true});
  const element = h("div", {class: "person"},
    h("button", {type: "button", class: "plain", onclick: () => show(null)}, icon("M15 5l-7 7 7 7"), t("person.back")),
    h("h1", {tabindex: "-1"}, label),
    outcome,
    h("div", {class: "row"},
      h("button", {type: "button", onclick: rename}, t("rename.do")),
      h("button", {type: "button", onclick: merge}, t("merge.do")),
      h("button", {type: "button", class: "plain", onclick: () => forget(label, stored.length)}, t("forget.do"))),
    h("h2", {}, t("person.examples")),
    h("ul", {class: "cards"}, stored.map((one) => example(one, label, {move, remove}))),
    h("h2", {}, t("person.notes")),
    h("form", {class: "row", onsubmit: (event) => {
      event.preventDefault();
      noted({add: [tag.value.trim()]}, t("tags.done"));
    }},
      h("label", {for: "tag"}, t("tags.add")), tag, h("button", {}, t("tags.do"))),
    h("div", {class: "row", role: "group", "aria-label": t("tags.all")}, identity.tags.map((one) => h("button", {
      type: "button", "aria-label": t("tags.remove", {tag: one}), onclick: () => noted({remove: [one]}, t("tags.done")),
    }, one, " ×"))),
    h("label", {class: "check"}, h("input", {
      type: "checkbox", checked: identity.quiet, onchange: (event) => noted({quiet: event.target.checked}, t("quiet.done")),
    }), t("quiet")));
  return element;
}

function example({id, created, picture, decision}, label, {move, remove}) {
  const place = h("div", {class: "portrait"}, monogram(label));
  if (picture) {
    gallery.pictureOf(label, id).then((content) => {
      if (content) place.replaceChildren(tile(content));
    });
  }
  const named = h("span", {class: "hidden"}, ` ${t("person.example", {id})}`);
  return h("li", {class: "card"},
    place,
    h("h3", {}, t("person.example", {id: number(id)})),
    h("p", {class: "soft"}, when(created)),
    decision && h("p", {class: "soft"}, t("person.reviewed")),
    h("div", {class: "row"},
      h("button", {type: "button", class: "plain", onclick: () => move(id)}, t("move.do"), named),
      h("button", {type: "button", class: "plain", onclick: () => remove(id)}, icon(TRASH), t("remove.do"), named.cloneNode(true))));
}

/** What can be taken back, as a button; nothing where there is nothing. */
export async function undoing(done) {
  const [{change}, seen] = await call("GET", "v1/undo", {tagged: true});
  if (!change) return "";
  const {actor, at} = change;
  const what = t("undo.what", {who: actor, what: t(`action.${change.action}`), when: when(at)});
  return h("div", {class: "row undo"},
    h("span", {class: "soft"}, what),
    h("button", {type: "button", onclick: async () => {
      const sure = await ask({
        title: t("undo.title"), body: [h("p", {}, what), h("p", {}, undone(change))],
        yes: t("undo"), no: t("cancel"), danger: change.erased.length > 0,
      });
      if (!sure) return;
      await done(() => call("POST", "v1/undo", {match: seen}));
    }}, icon("M9 7H4V2 M4 7a9 9 0 1 1-1 6"), t("undo")));
}

/** What an undo does, in words. */
function undone({renamed, back, gone, described, moved, erased, strangers, reviews}) {
  const said = [
    ...renamed.map(([now, then]) => t("undo.renamed", {now, then})),
    ...back.map((label) => t("undo.back", {label})),
    ...moved.map(([now, then, n]) => t("undo.moved", {now, then, n, count: number(n)})),
    ...erased.map(([label, n]) => t("undo.erased", {label, n, count: number(n)})),
    ...gone.map((label) => t("undo.gone", {label})),
    ...described.map((label) => t("undo.described", {label})),
    strangers > 0 && t("undo.strangers", {n: strangers, count: number(strangers)}),
    reviews > 0 && t("undo.reviews"),
  ];
  return said.filter(Boolean).join(" ");
}
