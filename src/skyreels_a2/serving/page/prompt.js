// The prompt: names are completed after an @, by keyboard and by pointer.

import { names } from "./elements.js";

const area = document.getElementById("prompt");
const list = document.getElementById("names");
let chosen = 0;

export function start() {
  area.addEventListener("input", offer);
  area.addEventListener("click", offer);
  area.addEventListener("blur", () => setTimeout(close, 150));
  area.addEventListener("keydown", (event) => {
    if (list.hidden) return;
    const last = list.children.length - 1;
    if (event.key === "ArrowDown") choose(chosen === last ? 0 : chosen + 1);
    else if (event.key === "ArrowUp") choose(chosen === 0 ? last : chosen - 1);
    else if (event.key === "Enter" || event.key === "Tab") take(list.children[chosen].dataset.name);
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
  });
}

/** Names have come or gone: offer those that there are now, if somebody is writing one. */
export function namesChanged() { if (document.activeElement === area) offer(); }

function started() {
  const before = area.value.slice(0, area.selectionStart);
  return before.match(/(?:^|[^\p{L}\d_@.])@([\p{L}\d_-]*)$/u);
}

function offer() {
  const begun = started();
  const wanted = begun ? begun[1].toLowerCase() : "";
  const found = begun ? names().filter((n) => n.name.toLowerCase().startsWith(wanted)) : [];
  if (!found.length || (found.length === 1 && found[0].name === begun[1])) { close(); return; }
  list.replaceChildren(...found.slice(0, 8).map(({ name, about }, index) => {
    const item = document.createElement("li");
    item.id = `name-${index}`;
    item.dataset.name = name;
    item.setAttribute("role", "option");
    item.textContent = `@${name} · ${about}`;
    item.addEventListener("pointerdown", (event) => { event.preventDefault(); take(name); });
    return item;
  }));
  list.hidden = false;
  choose(0);
}

function choose(index) {
  chosen = index;
  [...list.children].forEach((item, i) => item.setAttribute("aria-selected", String(i === index)));
  area.setAttribute("aria-activedescendant", `name-${index}`);
}

function take(name) {
  const begun = started();
  const start_ = area.selectionStart - begun[1].length;
  area.setRangeText(`${name} `, start_, area.selectionStart, "end");
  close();
  area.dispatchEvent(new Event("input"));
}

function close() {
  list.hidden = true;
  area.removeAttribute("aria-activedescendant");
}
