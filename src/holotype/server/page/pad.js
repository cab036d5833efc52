// A sheet to draw on: with a finger, a pen, a mouse, or the arrow keys.

import {h, icon, say} from "./dom.js";
import {t} from "./texts.js";

const SIDE_PX = 320; // of what is sent, and of the sheet's own coordinates
const LINE_PX = 10;
const STEP_PX = 16; // of an arrow key; with Shift a quarter of it

/** The sheet and its two buttons; `picture()` is what was drawn, or null. */
export function pad({onchange}) {
  let strokes = [];
  let drawing = null; // the stroke under the pen
  let keys = null; // where the pen of the arrow keys is, and whether it is down
  const canvas = h("canvas", {
    class: "sheet", tabindex: "0", role: "application", "aria-label": t("pad.label"),
    "aria-describedby": "pad-help",
  });

  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    const place = (value, from, size) => Math.min(SIDE_PX, Math.max(0, SIDE_PX * (value - from) / size));
    return [place(event.clientX, box.left, box.width), place(event.clientY, box.top, box.height)];
  };
  const paint = () => {
    const scale = Math.max(1, window.devicePixelRatio) * (canvas.clientWidth || SIDE_PX) / SIDE_PX;
    canvas.width = canvas.height = Math.round(SIDE_PX * scale);
    const context = canvas.getContext("2d");
    context.scale(scale, scale);
    draw(context, strokes, getComputedStyle(canvas).color);
    if (keys) {
      context.beginPath();
      context.arc(...keys.at, LINE_PX / 2 + 3, 0, 2 * Math.PI);
      context.lineWidth = 2;
      context.strokeStyle = getComputedStyle(canvas).outlineColor;
      context.stroke();
    }
    remove.disabled = undo.disabled = !strokes.length;
  };
  const changed = () => { paint(); onchange?.(); };

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    canvas.setPointerCapture(event.pointerId);
    keys = null;
    drawing = [at(event)];
    strokes.push(drawing);
    changed();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!drawing) return;
    const steps = event.getCoalescedEvents?.() ?? [];
    drawing.push(...(steps.length ? steps : [event]).map(at));
    paint();
  });
  const end = () => { drawing = null; };
  canvas.addEventListener("pointerup", end);
  canvas.addEventListener("pointercancel", end);

  canvas.addEventListener("keydown", (event) => {
    const way = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]}[event.key];
    if (!way && event.key !== " " && event.key !== "Backspace") return;
    event.preventDefault();
    keys ??= {at: [SIDE_PX / 2, SIDE_PX / 2], stroke: null};
    if (way) {
      const step = event.shiftKey ? STEP_PX / 4 : STEP_PX;
      keys.at = keys.at.map((value, axis) => Math.min(SIDE_PX, Math.max(0, value + step * way[axis])));
      keys.stroke?.push([...keys.at]);
    } else if (event.key === " ") {
      keys.stroke = keys.stroke ? null : [[...keys.at]];
      if (keys.stroke) strokes.push(keys.stroke);
      say(t(keys.stroke ? "pad.down" : "pad.up"));
    } else {
      keys.stroke = null;
      strokes.pop();
    }
    changed();
  });
  canvas.addEventListener("blur", () => { if (keys) { keys = null; paint(); } });
  new ResizeObserver(paint).observe(canvas);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);

  const undo = h("button", {
    type: "button", class: "plain", onclick: () => { strokes.pop(); changed(); },
  }, icon("M9 7L4 12l5 5 M4 12h10a6 6 0 0 1 6 6"), t("pad.undo"));
  const remove = h("button", {
    type: "button", class: "plain", onclick: () => { clear(); canvas.focus(); },
  }, icon("M5 7h14 M10 7V4h4v3 M7 7l1 13h8l1-13"), t("pad.clear"));
  const clear = () => { strokes = []; keys = null; changed(); };

  return {
    element: h("div", {class: "pad"},
      canvas,
      h("p", {class: "hidden", id: "pad-help"}, t("pad.help")),
      h("div", {class: "row"}, undo, remove)),
    clear,
    get empty() { return !strokes.length; },
    /** Black on white, as ink on paper, whatever the colors of the page. */
    picture() {
      if (!strokes.length) return Promise.resolve(null);
      const paper = document.createElement("canvas");
      paper.width = paper.height = SIDE_PX;
      const context = paper.getContext("2d");
      context.fillStyle = "#fff";
      context.fillRect(0, 0, SIDE_PX, SIDE_PX);
      draw(context, strokes, "#000");
      return new Promise((resolve) => { paper.toBlob(resolve, "image/png"); });
    },
  };
}

function draw(context, strokes, color) {
  context.lineWidth = LINE_PX;
  context.lineCap = context.lineJoin = "round";
  context.strokeStyle = color;
  for (const stroke of strokes) {
    context.beginPath();
    context.moveTo(...stroke[0]);
    for (const point of stroke) context.lineTo(...point);
    context.stroke();
  }
}
