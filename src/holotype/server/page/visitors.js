// Who came by last, as it happens; and the page hears of what others change.

import {tile} from "./answer.js";
import {call, follow} from "./api.js";
import {h, say} from "./dom.js";
import * as gallery from "./gallery.js";
import {number, t, when} from "./texts.js";

const MOST = 8;
const TOGETHER_MS = 300; // what comes within it is drawn at once
const QUIET_MS = 6000; // between two that are said aloud
const ANSWERS = {identified: "match", unknown: "unknown", cannot_tell: "cannot_tell"};

const place = h("section", {class: "came", "aria-labelledby": "came", hidden: true});
const rows = new Map(); // id of an event -> its row, with what frees its picture
let came = []; // events, newest first
let fresh = []; // those that are not drawn yet
let altered = false; // whether the gallery is another since the last drawing
let unsaid = 0;
let drawing = null, saying = null, stop = null;

/** The section for the desk: always the same, so that nothing is lost where that is built anew. */
export function section() {
  place.replaceChildren(h("h2", {id: "came"}, t("came.title")), h("ol", {class: "visitors"}));
  for (const id of [...rows.keys()]) drop(id);
  draw();
  return place;
}

/** Listen as long as the page is seen; a page in the background takes no connection. */
export function listen() {
  const seen = () => {
    stop?.abort();
    stop = null;
    if (!document.hidden) begin(stop = new AbortController());
  };
  document.addEventListener("visibilitychange", seen);
  seen();
}

async function begin({signal}) {
  const cursor = await latest(signal).catch(() => null);
  if (!signal.aborted) await follow("v1/events", cursor, heard, signal);
}

/** What is kept now, under the labels of now. */
async function latest(signal) {
  const {events, cursor} = await call("GET", "v1/events", {signal, query: {limit: 200}});
  came = events.filter(({kind}) => kind in ANSWERS).reverse().slice(0, MOST);
  for (const id of [...rows.keys()]) drop(id);
  draw();
  return cursor;
}

function heard(event) {
  if (event.kind in ANSWERS) {
    fresh = [event, ...fresh].slice(0, MOST);
    unsaid += 1;
  } else altered = true;
  drawing ??= setTimeout(together, TOGETHER_MS);
}

async function together() {
  drawing = null;
  came = [...fresh, ...came].slice(0, MOST);
  fresh = [];
  draw();
  if (unsaid) saying ??= setTimeout(tell, unsaid === 1 ? 0 : QUIET_MS);
  if (!altered) return;
  altered = false;
  try { // names may be others now, and whoever is forgotten is gone
    await latest(stop?.signal);
    await gallery.refresh();
  } catch { /* with the next event */ }
}

function tell() {
  if (unsaid && came.length) say(unsaid === 1 ? said(came[0]) : t("came.several", {count: number(unsaid), last: said(came[0])}));
  unsaid = 0;
  saying = setTimeout(() => { saying = null; if (unsaid) tell(); }, QUIET_MS);
}

const said = ({kind, label}) => t(`answer.${ANSWERS[kind]}.said`, {label: label ?? ""});

function draw() {
  place.hidden = !came.length;
  const list = place.querySelector("ol");
  if (!list) return; // the desk was not opened yet
  const ids = new Set(came.map(({id}) => id));
  for (const id of [...rows.keys()]) if (!ids.has(id)) drop(id);
  list.replaceChildren(...came.map((event) => {
    if (!rows.has(event.id)) rows.set(event.id, row(event));
    return rows.get(event.id).element;
  }));
}

function drop(id) {
  rows.get(id).free();
  rows.delete(id);
}

function row({id, at, kind, label, facts, picture}) {
  const answer = ANSWERS[kind];
  const portrait = h("div", {class: "portrait"}, h("span", {class: "tile none", "aria-hidden": "true"}, label ? Array.from(label)[0].toLocaleUpperCase() : "?"));
  const wanted = new AbortController();
  let content = null;
  if (picture) {
    call("GET", `v1/events/${id}/picture`, {blob: true, signal: wanted.signal}).then(gallery.content).then((found) => {
      content = found;
      if (wanted.signal.aborted) gallery.free(content);
      else portrait.replaceChildren(tile(content));
    }, () => {}); // kept no longer
  }
  return {
    element: h("li", {class: `answer ${answer}`}, portrait, h("div", {},
      h("p", {class: "word"}, t(`answer.${answer}`)),
      h("p", {class: "whom"}, label ?? t(`answer.${answer}.who`)),
      h("p", {class: "soft"}, facts.camera && `${facts.camera}, `, h("time", {datetime: at}, when(at))))),
    free: () => { wanted.abort(); if (content) gallery.free(content); },
  };
}
