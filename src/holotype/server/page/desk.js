// The desk: show a picture, hear who it is and why, say how many strangers may pass.

import {call, groups, pictures} from "./api.js";
import {card, chance, sentence} from "./answer.js";
import {ask as dialog, h, note, say} from "./dom.js";
import * as gallery from "./gallery.js";
import {input} from "./input.js";
import {lesson} from "./lesson.js";
import {labelField} from "./person.js";
import {problem} from "./problem.js";
import {slider} from "./rate.js";
import {has, t} from "./texts.js";
import * as visitors from "./visitors.js";

const AT_ONCE = 12; // pictures in one call

let left = false; // the lesson was left, or is over
let probes = []; // {file, content, sent, decision, review} of the pictures that were asked about last
let current = 0;
let taken = null;
let rate = null;
let place = null; // of the answer
let asked = 0;

/** Build the panel anew; what was answered stays. */
export function render(panel) {
  taken?.stop();
  if (!gallery.perceives()) {
    panel.replaceChildren(h("h1", {}, t("desk.title")), h("p", {class: "lead"}, t("desk.vectors")), visitors.section());
    return;
  }
  if (!left && gallery.facts.status.enrolled === 0) {
    taken = lesson({done: () => { left = true; gallery.refresh().then(() => render(panel)); }});
    panel.replaceChildren(taken.element);
    left = "lesson"; // it stays, though there are enrolled now
    return;
  }
  taken = input({ways: gallery.ways(), action: t("desk.ask"), facing: "environment", onpictures: ask});
  place = h("div", {class: "outcome hear"});
  rate = slider({onrate: again});
  panel.replaceChildren(
    h("h1", {class: "hidden"}, t("desk.title")),
    h("div", {class: "desk asking"},
      h("div", {class: "column show"}, h("h2", {}, t(gallery.faces() ? "desk.who" : "desk.what")), taken.element,
        h("p", {class: "soft"}, t(gallery.ink() ? "desk.how_ink" : "desk.how"))),
      place, rate.element),
    visitors.section());
  show();
}

/** The gallery has changed; a lesson goes on undisturbed. */
export function changed(panel) {
  if (left === "lesson") return;
  if (!place || gallery.facts.status.enrolled === 0) render(panel);
  else rate.refresh();
}

/** Switch the camera off when the panel is left. */
export const leave = () => taken?.stop();

/** Take what is pasted while the panel is open. */
export const take = (files) => taken?.give(files);

async function ask(files) {
  for (const {content} of probes) gallery.free(content);
  probes = await Promise.all(files.map(async (file) => ({file, content: await gallery.content(file), decision: null})));
  current = 0;
  place.replaceChildren(h("p", {class: "waiting"}, t("desk.asking")));
  await identify(probes);
  place.scrollIntoView({block: "nearest"});
}

/** The same pictures, at the rate that is stated now. */
function again() {
  if (probes.length) identify(probes, true);
}

async function identify(wanted, quiet = false) {
  const mine = ++asked;
  if (rate.refused) {
    place.replaceChildren(problem({code: "rate"}));
    return;
  }
  let done = 0;
  for (const files of groups(wanted.map((one) => one.file), AT_ONCE)) {
    const some = wanted.slice(done, done += files.length);
    const repeated = some.every((one) => one.sent); // who comes by once is counted once
    for (const one of some) one.sent = true;
    try {
      const {answers} = await call("POST", "v1/identify", {
        form: pictures(files, {fpir: rate.rate, again: repeated}),
      });
      if (mine !== asked) return; // somebody has asked anew
      some.forEach((one, index) => Object.assign(one, {decision: answers[index], review: null}));
    } catch (error) {
      for (const one of some) one.sent = repeated;
      if (mine !== asked) return;
      place.replaceChildren(problem(error));
      return;
    }
    show();
  }
  const {decision} = wanted[current];
  say(quiet ? sentence(decision) : `${sentence(decision)} ${chance(decision)}`);
}

function show() {
  const probe = probes[current];
  if (!probe?.decision) {
    if (!probe) place.replaceChildren(h("p", {class: "answer empty"}, t("desk.empty")));
    return;
  }
  place.replaceChildren(card(probe.decision, probe.content), actions(probe), probes.length > 1 ? strip() : "");
}

function strip() {
  return h("div", {class: "strip", role: "group", "aria-label": t("desk.all", {n: probes.length})},
    probes.map((one, index) => h("button", {
      type: "button", class: `probe ${one.decision?.answer ?? ""}`, "aria-pressed": String(index === current),
      onclick: () => { current = index; show(); place.querySelectorAll(".probe")[index].focus(); },
    }, gallery.pictorial() ? h("img", {src: one.content, alt: one.file.name, class: gallery.ink() ? "tile ink" : "tile"})
      : h("span", {}, one.file.name),
    h("span", {}, one.decision ? t(`answer.${one.decision.answer}`) : "…"))));
}

function actions(probe) {
  const {decision} = probe;
  if (probe.review) {
    return h("div", {class: "row"}, h("div", {class: "soft"}, taught(probe.review)),
      h("button", {type: "button", class: "plain", onclick: () => undo(probe)}, t("undo")));
  }
  const said = decision.answer !== "cannot_tell" && decision.id;
  return h("div", {class: "row"},
    said && h("button", {type: "button", onclick: () => review(probe, true)}, t(`review.right.${decision.answer}`)),
    said && h("button", {type: "button", onclick: () => wrong(probe)}, t(`review.wrong.${decision.answer}`)),
    decision.answer !== "match" && h("button", {type: "button", onclick: () => enroll(probe)}, t("desk.enroll")));
}

/** Whom does it show, then? The picture goes along only where it is to be learned from. */
async function wrong(probe) {
  const {answer, label} = probe.decision;
  const {field, known} = await labelField("truth");
  const ways = answer === "match" ? ["truth", "stranger", "unsure"] : ["truth", "unsure"];
  const choices = ways.map((way, index) => h("input", {
    type: "radio", name: "shows", value: way, id: `shows-${way}`, checked: index === 0,
    onchange: () => { field.disabled = !choices[0].checked; },
  }));
  const told = await dialog({
    title: t("wrong.title"),
    body: [h("p", {}, t(answer === "match" ? "wrong.match" : "wrong.unknown", {label: label ?? ""})),
      h("fieldset", {}, h("legend", {}, t("wrong.shows")), ways.map((way, index) => h("div", {class: "check"},
        choices[index], h("label", {for: `shows-${way}`}, t(`wrong.${way}`))))),
      h("label", {for: "truth"}, t("label")), field, known],
    yes: t("wrong.do"), no: t("cancel"),
    read: () => ({way: choices.find((one) => one.checked).value, truth: field.value.trim()}),
  });
  if (!told) return;
  await review(probe, false, {
    truth: {truth: told.truth}, stranger: {stranger: true}, unsure: null,
  }[told.way]);
}

async function review(probe, correct, lesson = null) {
  try {
    probe.review = await call("POST", `v1/decisions/${encodeURIComponent(probe.decision.id)}/feedback`,
      {form: pictures(lesson ? [probe.file] : [], {correct, ...lesson})});
    if (probe.review.added || probe.review.strangers) await gallery.refresh();
    show();
    say(t("review.noted"));
  } catch (error) {
    place.append(problem(error));
  }
}

/** What became of it, in words. */
function taught({added, label, strangers, reasons, doubts}) {
  const text = ({code, text: said}) => h("span", {lang: has(`taught.${code}`) ? undefined : "en"}, " ", has(`taught.${code}`) ? t(`taught.${code}`) : `${said}.`);
  return [t("review.noted"), added > 0 && ` ${t("taught.example", {label})}`, strangers > 0 && ` ${t("taught.stranger")}`,
    reasons.length > 0 && ` ${t("taught.nothing")}`, [...reasons, ...doubts].map(text)].filter(Boolean);
}

async function undo(probe) {
  try {
    await call("DELETE", `v1/decisions/${encodeURIComponent(probe.decision.id)}/feedback`);
    probe.review = null;
    show();
    say(t("review.undone"));
  } catch (error) {
    place.append(problem(error));
  }
}

async function enroll(probe) {
  const {field: label, known} = await labelField("new-label");
  const named = await dialog({
    title: t("desk.enroll_title"),
    body: [h("p", {}, t(gallery.faces() ? "enroll.permission" : "desk.enroll_text")),
      h("label", {for: "new-label"}, t("label")), label, known],
    yes: t("enroll.do"), no: t("cancel"), read: () => label.value.trim(),
  });
  if (!named) return;
  try {
    await call("POST", `v1/identities/${encodeURIComponent(named)}/examples`, {form: pictures([probe.file])});
    gallery.remember(named, probe.file);
    note(t("enroll.done", {label: named, n: 1}));
    await gallery.refresh();
    again();
  } catch (error) {
    place.append(problem(error));
  }
}
