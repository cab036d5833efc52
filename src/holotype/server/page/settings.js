// How the server was started, what it keeps for how long, and who is told of what happens.

import {call} from "./api.js";
import {ask, h, note} from "./dom.js";
import * as gallery from "./gallery.js";
import {problem} from "./problem.js";
import {number, percent, t, when} from "./texts.js";

let panel = null;
let drawn = 0;

/** Build the panel anew. */
export async function render(where) {
  panel = where;
  const mine = ++drawn;
  const [settings, hooks] = await Promise.all([
    call("GET", "v1/settings"),
    call("GET", "v1/webhooks").then(({webhooks}) => webhooks, (error) => { if (error.status === 403) return null; throw error; }),
  ]);
  if (mine !== drawn) return;
  panel.replaceChildren(h("div", {},
    h("h1", {tabindex: "-1"}, t("settings.title")),
    h("p", {class: "soft"}, t("settings.text")),
    h("div", {class: "outcome", id: "settings-outcome"}),
    h("h2", {}, t("settings.kept")),
    h("dl", {class: "facts-list"}, kept(settings).map(([name, value]) => [h("dt", {}, t(`settings.${name}`)), h("dd", {}, value)])),
    gallery.pictorial() ? [h("h2", {}, t("settings.cameras")),
      settings.cameras.length ? cameras(settings) : h("p", {class: "soft"}, t("settings.no_cameras"))] : "",
    h("h2", {}, t("settings.events")),
    h("p", {}, t("settings.told", {answers: settings.told.map((one) => t(`answer.${one}`)).join(", ") || t("settings.no_answers")}), " ",
      t(settings.mqtt ? "settings.mqtt" : "settings.no_mqtt")),
    hooks === null ? h("p", {class: "soft"}, t("settings.admin")) : [webhooks(hooks), add()]));
}

const hours = (value) => (value ? t("settings.hours", {n: value, hours: number(value, value % 1 ? 1 : 0)}) : t("settings.not_kept"));

function kept({events_h: events, seen_h: seen, inbox_h: inbox}) {
  return [
    ["pictures", t(gallery.facts.keep_pictures ? "settings.pictures_yes" : "settings.pictures_no")],
    ["retention", t("settings.retention_text")],
    ["events_h", hours(events)],
    gallery.pictorial() && ["seen_h", hours(seen)],
    ["inbox_h", hours(inbox)],
  ].filter(Boolean);
}

function cameras({cameras: all, fpir}) {
  return [
    h("ul", {class: "lines"}, all.map(({name, connected}) => h("li", {},
      h("b", {}, name), h("span", {class: connected ? "badge guaranteed" : "badge estimated"}, t(connected ? "settings.connected" : "settings.away"))))),
    h("p", {class: "soft"}, t("settings.fpir", {rate: rate(fpir)})),
  ];
}

function rate(said) {
  if (said === null) return t("settings.usual");
  const value = said.endsWith("%") ? Number(said.slice(0, -1)) / 100 : Number(said);
  return value > 0 ? percent(value) : said;
}

function webhooks(all) {
  if (!all.length) return h("p", {class: "soft"}, t("hooks.none"));
  return h("ul", {class: "lines"}, all.map(({name, url, waits, dead}) => h("li", {},
    h("span", {}, h("b", {}, name), " ", h("code", {}, url), h("br"),
      h("span", {class: "soft"}, waits ? [t("hooks.waits"), " ", h("span", {lang: "en"}, waits)] : t("hooks.well"), " ",
        dead > 0 && t("hooks.dead", {n: dead, count: number(dead)}))),
    h("span", {class: "row"},
      dead > 0 && h("button", {type: "button", onclick: () => letters(name)}, t("hooks.show"), h("span", {class: "hidden"}, ` (${name})`)),
      dead > 0 && h("button", {type: "button", onclick: () => resend(name)}, t("hooks.resend"), h("span", {class: "hidden"}, ` (${name})`)),
      h("button", {type: "button", class: "plain", onclick: () => remove(name)}, t("hooks.remove"), h("span", {class: "hidden"}, ` (${name})`))))));
}

function add() {
  const name = h("input", {id: "hook-name", maxlength: 64, required: true, autocomplete: "off"});
  const url = h("input", {id: "hook-url", type: "url", maxlength: 2000, required: true, placeholder: "https://", autocomplete: "off"});
  return h("details", {class: "enroll"},
    h("summary", {}, t("hooks.new")),
    h("form", {onsubmit: (event) => {
      event.preventDefault();
      act(async () => {
        const made = await call("POST", "v1/webhooks", {json: {name: name.value.trim(), url: url.value.trim()}});
        return () => outcome(h("div", {class: "remark"}, h("p", {}, t("hooks.once", {name: made.name})), h("code", {class: "secret", tabindex: "0"}, made.secret)));
      });
    }},
      h("p", {class: "soft"}, t("hooks.text")),
      h("div", {class: "field"}, h("label", {for: "hook-name"}, t("label")), name),
      h("div", {class: "field"}, h("label", {for: "hook-url"}, t("hooks.url")), url),
      h("button", {class: "main"}, t("hooks.add"))));
}

const path = (name) => `v1/webhooks/${encodeURIComponent(name)}`;

async function letters(name) {
  try {
    const {dead_letters: all} = await call("GET", `${path(name)}/dead-letters`);
    outcome(h("section", {class: "change"}, h("h3", {}, t("hooks.letters", {name})),
      h("ul", {class: "remarks"}, all.slice(0, 100).map(({event, given_up: at, why}) => h("li", {}, when(at), ": ", h("code", {}, event), " ", h("span", {lang: "en"}, why))))));
  } catch (error) {
    outcome(problem(error));
  }
}

const resend = (name) => act(async () => {
  const {sent, left} = await call("POST", `${path(name)}/dead-letters/resend`);
  return () => note(t("hooks.resent", {sent: number(sent), left: number(left)}));
});

async function remove(name) {
  const sure = await ask({title: t("hooks.sure", {name}), body: h("p", {}, t("hooks.sure_text")), yes: t("hooks.remove"), no: t("cancel"), danger: true});
  if (sure) {
    await act(async () => {
      await call("DELETE", path(name));
      return () => note(t("hooks.removed", {name}));
    });
  }
}

/** Do it, and say what came of it on the panel as it is then. */
async function act(what) {
  try {
    const tell = await what();
    await render(panel);
    panel.querySelector("h1").focus();
    tell();
  } catch (error) {
    outcome(problem(error));
  }
}

function outcome(...content) {
  document.getElementById("settings-outcome")?.replaceChildren(...content);
}
