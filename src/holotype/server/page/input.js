// Where pictures, recordings and texts come from: the pad, a field to write in, files that are chosen,
// dropped or pasted, the camera, the microphone.

import {camera} from "./camera.js";
import {h, icon} from "./dom.js";
import {accept, takes} from "./gallery.js";
import {microphone} from "./microphone.js";
import {pad} from "./pad.js";
import {t} from "./texts.js";

const ICONS = {
  draw: "M4 20l1-5L16 4l4 4L9 19z",
  write: "M4 6h16 M4 11h16 M4 16h9",
  file: "M12 16V5 M7 10l5-5 5 5 M4 19h16",
  camera: "M4 8h4l2-3h4l2 3h4v11H4z M12 10a3.5 3.5 0 1 0 0 7a3.5 3.5 0 1 0 0-7",
  microphone: "M12 3a3 3 0 0 0-3 3v5a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3 M6 11a6 6 0 0 0 12 0 M12 17v4",
};

/**
 * What takes pictures and hands them on.
 *
 * ways: some of draw, write, file, camera, microphone; the first, which is none of the last two, is open.
 * action: what the button beside the pad, or below the field, says; several files are handed on at once where `many`.
 * drop: what the field for files says.
 */
export function input({ways, action, many = true, facing = "environment", drop = t(many ? "input.drop" : "input.drop_one"), onpictures}) {
  let way = ways[0];
  let seeing = null;
  const place = h("div", {class: "place"});
  const switches = h("div", {class: "switch", role: "group", "aria-label": t("input.ways")},
    ways.map((one) => h("button", {
      type: "button", "aria-pressed": "false", "data-way": one, onclick: () => open(one),
    }, icon(ICONS[one]), t(`input.${one}`))));
  const go = h("button", {type: "button", class: "main", disabled: true, onclick: send}, action);
  const sheet = ways.includes("draw") ? pad({onchange: () => { go.disabled = sheet.empty; }}) : null;
  sheet?.element.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.matches("canvas") && !sheet.empty) send();
  });
  const text = h("textarea", {rows: 5, dir: "auto",
    oninput: () => { go.disabled = !text.value.trim(); },
    onkeydown: (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !go.disabled) send(); },
  });

  async function send() {
    if (way === "write") {
      onpictures([new File([text.value], "text.txt", {type: "text/plain"})]);
      return;
    }
    const picture = await sheet.picture();
    if (picture) onpictures([new File([picture], "drawing.png", {type: "image/png"})]);
  }

  function open(wanted) {
    seeing?.stop();
    seeing = null;
    way = wanted;
    for (const one of switches.children) one.setAttribute("aria-pressed", String(one.dataset.way === way));
    if (way === "draw") place.replaceChildren(sheet.element, h("div", {class: "row"}, go));
    if (way === "write") place.replaceChildren(h("label", {class: "write"}, t("input.text"), text), h("div", {class: "row"}, go));
    if (way === "file") place.replaceChildren(files());
    if (way === "camera") {
      seeing = camera({facing, onpicture: (file) => onpictures([file])});
      place.replaceChildren(seeing.element);
    }
    if (way === "microphone") {
      seeing = microphone({onrecording: (file) => onpictures([file])});
      place.replaceChildren(seeing.element);
    }
  }

  function files() {
    const choose = h("input", {type: "file", accept: accept(), multiple: many, onchange: () => {
      if (choose.files.length) onpictures(Array.from(choose.files));
      choose.value = "";
    }});
    return h("label", {class: "drop"}, icon(ICONS.file), h("span", {}, drop), choose);
  }

  const element = h("div", {class: "input"}, ways.length > 1 && switches, place);
  takesDrops(element, (dropped) => onpictures(many ? dropped : dropped.slice(0, 1)));
  open(way);
  return {
    element,
    give: (files) => onpictures(many ? files : files.slice(0, 1)),
    clear: () => { sheet?.clear(); text.value = ""; go.disabled = true; },
    say: (what) => { go.textContent = what; },
    stop: () => { seeing?.stop(); if (way === "camera") open(ways[0]); },
  };
}

/** Take files, or folders of them, that are dropped on an element. */
export function takesDrops(element, onfiles) {
  let inside = 0;
  const over = (by) => { inside = by ? inside + by : 0; element.classList.toggle("over", inside > 0); };
  element.addEventListener("dragenter", (event) => { event.preventDefault(); over(1); });
  element.addEventListener("dragover", (event) => event.preventDefault());
  element.addEventListener("dragleave", () => over(-1));
  element.addEventListener("drop", async (event) => {
    event.preventDefault();
    event.stopPropagation();
    over(0);
    const files = await dropped(event.dataTransfer);
    if (files.length) onfiles(files);
  });
}

const places = new WeakMap(); // file -> its path below what was dropped

/** The name of the folder that a file was in when it was dropped or chosen with it, or null. */
export const folderOf = (file) => (places.get(file) ?? file.webkitRelativePath).split("/").filter(Boolean).at(-2) ?? null;

/** The name of the folder around that one, or null. */
export const groupOf = (file) => (places.get(file) ?? file.webkitRelativePath).split("/").filter(Boolean).at(-3) ?? null;

async function dropped(transfer) {
  // The entries are gone after the first wait.
  const entries = Array.from(transfer.items ?? [], (item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const plain = Array.from(transfer.files);
  if (!entries.some((entry) => entry.isDirectory)) return plain;
  return (await Promise.all(entries.map(within))).flat();
}

async function within(entry) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => { entry.file(resolve, reject); });
    places.set(file, entry.fullPath);
    return takes(file) ? [file] : [];
  }
  const reader = entry.createReader();
  const found = [];
  for (;;) { // a reader gives a hundred at a time
    const some = await new Promise((resolve, reject) => { reader.readEntries(resolve, reject); });
    if (!some.length) break;
    found.push(...some);
  }
  return (await Promise.all(found.map(within))).flat();
}

/** The files of a paste that the gallery takes. */
export const pasted = (event) => Array.from(event.clipboardData?.files ?? [])
  .filter(takes);
