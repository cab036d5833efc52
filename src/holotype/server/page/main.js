// The page: nine panels, one open at a time.

import * as about from "./about.js";
import {takeKey} from "./api.js";
import * as audit from "./audit.js";
import * as desk from "./desk.js";
import * as enrolled from "./enrolled.js";
import * as gallery from "./gallery.js";
import * as inbox from "./inbox.js";
import {pasted} from "./input.js";
import * as keys from "./keys.js";
import * as map from "./map.js";
import {problem} from "./problem.js";
import * as settings from "./settings.js";
import {fill, language, preferred, speak, t} from "./texts.js";
import * as trust from "./trust.js";
import * as visitors from "./visitors.js";

const PANELS = {desk, enrolled, inbox, map, trust, audit, keys, settings, about};
const NAMES = Object.keys(PANELS);
const tab = (name) => document.getElementById(`tab-${name}`);
const panelOf = (name) => document.getElementById(name);

let open = null;

async function show(name, whom) {
  if (open && open !== name) PANELS[open].leave?.();
  const before = open;
  open = name;
  for (const one of NAMES) {
    tab(one).setAttribute("aria-selected", String(one === name));
    tab(one).tabIndex = one === name ? 0 : -1;
    panelOf(one).hidden = one !== name;
  }
  tab(name).scrollIntoView({block: "nearest", inline: "nearest"});
  document.title = `${tab(name).textContent} · ${gallery.title()} · holotype`;
  if (name === "desk" && before !== null && panelOf("desk").childElementCount) desk.changed(panelOf("desk"));
  else await render(name, whom);
}

async function render(name, whom) {
  try {
    await PANELS[name].render(panelOf(name), whom);
  } catch (error) {
    panelOf(name).replaceChildren(problem(error));
  }
}

function names() {
  fill();
  document.getElementById("tab-enrolled-name").textContent = t(gallery.facts && gallery.faces() ? "tab.people" : "tab.things");
  document.getElementById("gallery-name").textContent = gallery.facts ? gallery.title() : "";
}

/** What the address asks for: a panel, and whom it is to show; `#enrolled=Ada`. */
function wanted() {
  const [name, whom] = location.hash.slice(1).split("=");
  return [NAMES.includes(name) ? name : "desk", whom && decoded(whom)];
}

function decoded(text) {
  try { return decodeURIComponent(text); } catch { return null; }
}

function listen() {
  const tabs = document.querySelector("[role=tablist]");
  for (const name of NAMES) tab(name).addEventListener("click", () => { location.hash = name; });
  tabs.addEventListener("keydown", (event) => {
    const last = NAMES.length - 1;
    const at = NAMES.indexOf(open);
    const to = {ArrowRight: at === last ? 0 : at + 1, ArrowLeft: at === 0 ? last : at - 1, Home: 0, End: last}[event.key];
    if (to === undefined) return;
    event.preventDefault();
    location.hash = NAMES[to];
    tab(NAMES[to]).focus();
  });
  addEventListener("hashchange", () => {
    if (NAMES.includes(location.hash.slice(1).split("=")[0])) show(...wanted());
  });
  addEventListener("paste", (event) => {
    const files = pasted(event);
    if (files.length) PANELS[open].take?.(files);
  });
  // A picture that misses its place must not replace the page.
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => event.preventDefault());
  gallery.onchange(() => { if (open === "desk") desk.changed(panelOf("desk")); });
  const choice = document.getElementById("language");
  choice.addEventListener("change", async () => {
    await speak(choice.value, {remember: true});
    names();
    for (const name of NAMES) panelOf(name).replaceChildren();
    await gallery.refresh();
    await show(open);
  });
  // A page that was left open for a day is asked what is new.
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) gallery.refresh().catch(() => {});
  });
}

async function start() {
  takeKey();
  await speak(preferred());
  document.getElementById("language").value = language;
  names();
  try {
    await gallery.refresh();
  } catch (error) {
    document.getElementById("main").replaceChildren(problem(error));
    return;
  }
  names();
  listen();
  await show(...wanted());
  visitors.listen();
}

start();
