// Who may ask: keys by name, made, shown once, and revoked.

import {call} from "./api.js";
import {ask, h, note} from "./dom.js";
import {problem} from "./problem.js";
import {t, when} from "./texts.js";

const SCOPES = ["read", "enroll", "admin"];

let panel = null;
let drawn = 0;

/** Build the panel anew. */
export async function render(where) {
  panel = where;
  const mine = ++drawn;
  const {keys} = await call("GET", "v1/keys");
  if (mine !== drawn) return;
  const name = h("input", {id: "key-name", maxlength: 64, required: true, autocomplete: "off"});
  const scope = h("select", {id: "key-scope"}, SCOPES.map((one) => h("option", {value: one}, t(`keys.${one}`))));
  panel.replaceChildren(
    h("h1", {tabindex: "-1"}, t("keys.title")),
    h("p", {}, t("keys.text")),
    h("div", {class: "outcome", id: "keys-outcome"}),
    h("ul", {class: "lines"}, keys.map(one)),
    h("h2", {}, t("keys.new")),
    h("form", {onsubmit: (event) => {
      event.preventDefault();
      make(name.value.trim(), scope.value);
    }},
      h("div", {class: "field"}, h("label", {for: "key-name"}, t("label")), name),
      h("div", {class: "field"}, h("label", {for: "key-scope"}, t("keys.scope")), h("div", {}, scope)),
      h("button", {class: "main"}, t("keys.make"))));
}

function one({name, scope, created}) {
  return h("li", {},
    h("span", {}, h("b", {}, name), " ", h("span", {class: "soft"}, t(`keys.${scope}`), ", ", when(created))),
    h("button", {type: "button", class: "plain", onclick: () => revoke(name)}, t("keys.revoke"), h("span", {class: "hidden"}, ` ${name}`)));
}

async function make(name, scope) {
  try {
    const made = await call("POST", "v1/keys", {json: {name, scope}});
    await render(panel);
    outcome(h("div", {class: "remark"}, h("p", {}, t("keys.once", {name})), h("code", {class: "secret", tabindex: "0"}, made.key)));
    panel.querySelector(".secret").focus();
  } catch (error) {
    outcome(problem(error));
  }
}

async function revoke(name) {
  const sure = await ask({
    title: t("keys.sure", {name}), body: h("p", {}, t("keys.sure_text")), yes: t("keys.revoke"), no: t("cancel"), danger: true,
  });
  if (!sure) return;
  try {
    await call("DELETE", `v1/keys/${encodeURIComponent(name)}`);
    await render(panel);
    panel.querySelector("h1").focus();
    note(t("keys.revoked", {name}));
  } catch (error) {
    outcome(problem(error));
  }
}

function outcome(...content) {
  document.getElementById("keys-outcome")?.replaceChildren(...content);
}
