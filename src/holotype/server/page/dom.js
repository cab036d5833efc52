// Elements, and what is said aloud.

/** An element: `h("p", {class: "soft", onclick: f}, "text", child)`. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(3).filter((child) => child !== undefined && child !== null && child !== false));
  return element;
}

/** A part of a drawing: `shape("text", {x: 1, y: 2}, "said")`. */
export function shape(name, properties, text = "") {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(properties)) element.setAttribute(key, value);
  element.textContent = text;
  return element;
}

/** A drawing of lines, 24 by 24, for the eye alone. */
export function icon(path) {
  const svg = shape("svg", {viewBox: "0 0 24 24", "aria-hidden": "true"});
  svg.append(shape("path", {d: path}));
  return svg;
}

/** Tell those who listen; nothing is seen. */
export function say(text) {
  const said = document.getElementById("said");
  said.textContent = "";
  // The same sentence twice is said twice only if it was away for a moment.
  setTimeout(() => { said.textContent = text; }, 50);
}

let noticeEnds = 0;

/** A short note that goes by itself. */
export function note(text) {
  const notice = document.getElementById("notice");
  notice.textContent = text;
  notice.hidden = false;
  clearTimeout(noticeEnds);
  noticeEnds = setTimeout(() => { notice.hidden = true; }, 6000);
}

/** Ask in a dialog; resolves to what `read` gives, or to null where it was left. */
export function ask({title, body, yes, no, danger, read}) {
  return new Promise((resolve) => {
    const heading = h("h2", {id: "ask-title"}, title);
    const form = h("form", {method: "dialog"},
      heading, body,
      h("div", {class: "row end"},
        no && h("button", {type: "button", class: "plain", onclick: () => dialog.close("")}, no),
        h("button", {class: danger ? "main danger" : "main", value: "yes"}, yes)));
    const dialog = h("dialog", {"aria-labelledby": "ask-title"}, form);
    if (!no) dialog.addEventListener("cancel", (event) => event.preventDefault());
    dialog.addEventListener("close", () => {
      const answer = dialog.returnValue === "yes" ? (read ? read() : true) : null;
      dialog.remove();
      resolve(answer);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
