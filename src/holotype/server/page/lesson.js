// The first minute: two are enrolled, or the sample set; one is recognized, a stranger turned away.

import {call, pictures} from "./api.js";
import {card, sentence} from "./answer.js";
import {h, icon, say} from "./dom.js";
import * as gallery from "./gallery.js";
import {input} from "./input.js";
import {problem} from "./problem.js";
import {number, t} from "./texts.js";

const STEPS = 4;

/** The lesson as an element; `done` is called at its end, or when it is left. */
export function lesson({done}) {
  let step = 0;
  let first = "";
  let sample = null; // the shipped drawings, once they are enrolled
  const kind = gallery.hears() ? "play" : gallery.reads() ? "write" : gallery.ink() ? "draw" : "show";
  const heading = h("h1", {tabindex: "-1"});
  const text = h("p", {class: "lead"});
  const name = h("input", {id: "lesson-name", maxlength: 200, autocomplete: "off"});
  const named = h("div", {class: "field"}, h("label", {for: "lesson-name"}, t("lesson.name")), name);
  const outcome = h("div", {class: "outcome"});
  const dots = h("ol", {class: "steps", "aria-hidden": "true"}, Array.from({length: STEPS}, () => h("li")));
  const taken = input({
    ways: gallery.ways(), action: "", many: false, onpictures: ([file]) => act(file),
  });
  const source = h("div", {}, taken.element);
  const ready = h("button", {type: "button", hidden: true}, t("lesson.sample.enroll"));
  const skip = h("button", {type: "button", class: "plain", onclick: leave}, t("lesson.skip"));
  const go = h("button", {type: "button", class: "main", hidden: true}, "");

  function leave() {
    taken.stop();
    done();
  }

  function show() {
    heading.textContent = t(sample && step === 2 ? "lesson.sample.title" : `lesson.${step}.title`, {label: first});
    const shipped = sample && step < STEPS;
    const how = shipped ? "sample" : kind;
    text.textContent = t(`lesson.${step}.${how}`, {label: first, count: number(sample?.enroll.length ?? 0)});
    if (shipped) source.replaceChildren(tiles(step === 2 ? sample.known : sample.strangers));
    if (step > 0) ready.remove();
    named.hidden = step > 1;
    if (step < 2) name.value = t(`lesson.${step}.suggestion`);
    taken.say(t(step < 2 ? "lesson.enroll" : "lesson.ask"));
    taken.clear();
    Array.from(dots.children).forEach((dot, index) => {
      dot.className = index < step ? "past" : index === step ? "here" : "";
    });
  }

  async function act(file, label = first) {
    try {
      await (step < 2 ? enroll(file) : ask(file, label));
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

  /** The sample set in place of the first two. */
  async function enrollSample(found) {
    ready.disabled = true;
    try {
      for (const {label, picture} of found.enroll) {
        const file = drawing(label, picture);
        await call("POST", `v1/identities/${encodeURIComponent(label)}/examples`, {form: pictures([file])});
        gallery.remember(label, file);
      }
      taken.stop();
      await gallery.refresh();
      sample = found;
      step = 1;
      next();
    } catch (error) {
      ready.disabled = false;
      outcome.replaceChildren(problem(error));
    }
  }

  function tiles(drawings) {
    return h("div", {class: "strip", role: "group", "aria-label": t("lesson.sample.drawings")},
      drawings.map(({label, picture}, index) => {
        const file = drawing(label, picture);
        return h("button", {type: "button", class: "probe", onclick: () => act(file, label)},
          h("img", {src: URL.createObjectURL(file), alt: t("lesson.sample.drawing", {number: number(index + 1)}), class: "tile ink"}));
      }));
  }

  async function ask(file, label) {
    const {answers: [decision]} = await call("POST", "v1/identify", {form: pictures([file])});
    const right = step === 2 ? decision.label === label : decision.answer === "unknown";
    const came = right ? "right" : decision.answer;
    const words = t(right || !sample ? `lesson.${step}.${came}` : "lesson.sample.other", {label: decision.label ?? label});
    const content = await gallery.content(file);
    outcome.replaceChildren(
      h("p", {class: right ? "good" : "remark"}, right && icon("M5 13l5 5L20 7"), words),
      card(decision, content));
    say(`${sentence(decision)} ${words}`);
    if (right) passed();
    else {
      taken.clear();
      outcome.scrollIntoView({block: "nearest"});
    }
  }

  /** The answer is looked at before it goes on. */
  function passed() {
    source.hidden = true;
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
    source.hidden = false;
    go.hidden = true;
    outcome.replaceChildren();
    show();
    heading.focus();
  }

  show();
  const element = h("div", {class: "lesson"},
    h("div", {class: "column"}, h("p", {class: "eyebrow"}, t("lesson.eyebrow")), dots, heading, text, named,
      h("div", {class: "row"}, ready, skip)),
    h("div", {class: "column"}, source, outcome, go));
  if (gallery.ink()) {
    call("GET", "v1/sample").then((found) => {
      ready.hidden = !found.enroll.length;
      ready.onclick = () => enrollSample(found);
    }).catch(() => {}); // it goes without
  }
  return {element, stop: taken.stop, give: (files) => { if (!source.hidden && !sample) taken.give(files); }};
}

const drawing = (label, picture) => new File([Uint8Array.from(atob(picture), (one) => one.charCodeAt(0))],
  `${label}.png`, {type: "image/png"});
