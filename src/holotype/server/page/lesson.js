// The first minute: two are enrolled, one is recognized, a stranger is turned away.

import {call, pictures} from "./api.js";
import {card, sentence} from "./answer.js";
import {h, icon, say} from "./dom.js";
import * as gallery from "./gallery.js";
import {input} from "./input.js";
import {problem} from "./problem.js";
import {t} from "./texts.js";

const STEPS = 4;

/** The lesson as an element; `done` is called at its end, or when it is left. */
export function lesson({done}) {
  let step = 0;
  let first = "";
  const kind = gallery.ink() ? "draw" : "show";
  const heading = h("h1", {tabindex: "-1"});
  const text = h("p", {class: "lead"});
  const name = h("input", {id: "lesson-name", maxlength: 200, autocomplete: "off"});
  const named = h("div", {class: "field"}, h("label", {for: "lesson-name"}, t("lesson.name")), name);
  const outcome = h("div", {class: "outcome"});
  const dots = h("ol", {class: "steps", "aria-hidden": "true"}, Array.from({length: STEPS}, () => h("li")));
  const taken = input({
    ways: gallery.ways(), action: "", many: false, onpictures: ([file]) => act(file),
  });
  const skip = h("button", {type: "button", class: "plain", onclick: leave}, t("lesson.skip"));
  const go = h("button", {type: "button", class: "main", hidden: true}, "");

  function leave() {
    taken.stop();
    done();
  }

  function show() {
    heading.textContent = t(`lesson.${step}.title`, {label: first});
    text.textContent = t(`lesson.${step}.${kind}`, {label: first});
    named.hidden = step > 1;
    if (step < 2) name.value = t(`lesson.${step}.suggestion`);
    taken.say(t(step < 2 ? "lesson.enroll" : "lesson.ask"));
    taken.clear();
    Array.from(dots.children).forEach((dot, index) => {
      dot.className = index < step ? "past" : index === step ? "here" : "";
    });
  }

  async function act(file) {
    try {
      await (step < 2 ? enroll(file) : ask(file));
    } catch (error) {
      outcome.replaceChildren(problem(error));
    }
  }

  async function enroll(file) {
    const label = name.value.trim();
    if (!label) {
      outcome.replaceChildren(h("p", {class: "problem", role: "alert"}, t("label.missing")));
      name.focus();
      return;
    }
    await call("POST", `v1/identities/${encodeURIComponent(label)}/examples`, {form: pictures([file])});
    gallery.remember(label, file);
    if (step === 0) first = label;
    await gallery.refresh();
    next();
    say(t("lesson.enrolled", {label}));
  }

  async function ask(file) {
    const {answers: [decision]} = await call("POST", "v1/identify", {form: pictures([file])});
    const right = step === 2 ? decision.label === first : decision.answer === "unknown";
    const words = t(`lesson.${step}.${right ? "right" : decision.answer}`, {label: decision.label ?? first});
    outcome.replaceChildren(
      h("p", {class: right ? "good" : "remark"}, right && icon("M5 13l5 5L20 7"), words),
      card(decision, URL.createObjectURL(file)));
    say(`${sentence(decision)} ${words}`);
    if (right) passed();
    else {
      taken.clear();
      outcome.scrollIntoView({block: "nearest"});
    }
  }

  /** The answer is looked at before it goes on. */
  function passed() {
    taken.element.hidden = true;
    const last = step === STEPS - 1;
    if (last) {
      step += 1;
      show();
      skip.hidden = true;
    }
    go.textContent = t(last ? "lesson.go" : "lesson.next");
    go.onclick = last ? leave : next;
    go.hidden = false;
    go.focus();
  }

  function next() {
    step += 1;
    taken.element.hidden = false;
    go.hidden = true;
    outcome.replaceChildren();
    show();
    heading.focus();
  }

  show();
  const element = h("div", {class: "lesson"},
    h("div", {class: "column"}, h("p", {class: "eyebrow"}, t("lesson.eyebrow")), dots, heading, text, named,
      h("div", {class: "row"}, skip)),
    h("div", {class: "column"}, taken.element, outcome, go));
  return {element, stop: taken.stop, give: (files) => { if (!taken.element.hidden) taken.give(files); }};
}
