// The elements of a composition: cards in three drop zones, and those saved on the server.

import { ask, fileUrl, json } from "./api.js";

const cards = [];
let changed = () => {};
let saved = [];

export function onChange(call) { changed = call; }

/** References as the API wants them, those whose pictures have arrived. */
export function references() {
  return cards.filter((c) => c.pictures.length || c.elementId).map((c) => {
    const told = { role: c.role };
    if (c.name.value.trim()) told.name = c.name.value.trim();
    if (c.description.value.trim()) told.description = c.description.value.trim();
    if (c.strength.value !== "") told.strength = Number(c.strength.value);
    if (c.elementId) told.element_id = c.elementId;
    else told.image = c.pictures;
    return told;
  });
}

export function working() { return cards.some((c) => c.working > 0); }

/** Names that the prompt may call, with what they are. */
export function names() {
  const own = cards.filter((c) => c.name.value.trim())
    .map((c) => ({ name: c.name.value.trim(), about: c.role }));
  const known = new Set(own.map((n) => n.name));
  return own.concat(saved.filter((e) => !known.has(e.name))
    .map((e) => ({ name: e.name, about: `saved ${e.role}` })));
}

/** What a reload must not lose: the cards as they are, by the ids of their pictures. */
export function draft() {
  return cards.filter((c) => c.pictures.length || c.elementId).map((c) => ({
    role: c.role, name: c.name.value, description: c.description.value, strength: c.strength.value,
    images: c.pictures, elementId: c.elementId, remark: c.remark.textContent,
  }));
}

export function clear() { while (cards.length) drop(cards[0]); }

export async function start(kept = []) {
  for (const zone of document.querySelectorAll(".drop")) {
    const input = zone.querySelector("input");
    const role = zone.dataset.role;
    input.setAttribute("aria-label", `Pictures for ${zone.querySelector("h3").textContent}`);
    input.addEventListener("change", () => { add(role, [...input.files]); input.value = ""; });
    for (const kind of ["dragenter", "dragover"]) zone.addEventListener(kind, (event) => {
      event.preventDefault();
      zone.classList.add("over");
    });
    for (const kind of ["dragleave", "drop"]) zone.addEventListener(kind, () => zone.classList.remove("over"));
    zone.addEventListener("drop", (event) => {
      event.preventDefault();
      add(role, [...event.dataTransfer.files].filter((f) => f.type.startsWith("image/")));
    });
  }
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => event.preventDefault());
  await loadSaved();
  for (const card of kept) await restore(card);
}

/** A card as it was before a reload; without it if the server has its picture no more. */
async function restore({ role, name, description, strength, images, elementId, remark }) {
  const known = saved.find((element) => element.id === elementId);
  if (elementId) { if (known) await addKnown({ ...known, name, description, strength, elementId }); return; }
  const card = makeCard(role, name);
  [card.description.value, card.strength.value, card.pictures] = [description, strength, images];
  card.remark.textContent = remark;
  await see(card).catch(() => drop(card));
  changed();
}

async function add(role, files) {
  for (const file of files) {
    const card = makeCard(role, suggest(file.name));
    await upload(card, file);
  }
}

/** Use pictures that the server has: of a saved element, or of an earlier video. */
export async function addKnown({ role, name, description, strength, pictures, elementId }) {
  const card = makeCard(role, name || "");
  card.description.value = description || "";
  card.strength.value = strength === undefined || Number(strength) === 1 ? "" : strength;
  card.elementId = elementId;
  card.image.src = await fileUrl(pictures[0]);
  if (!elementId) for (const path of pictures) {
    const blob = await (await ask("GET", path)).blob();
    await upload(card, new File([blob], "picture.png"));
  } else {
    card.root.querySelector(".save").hidden = card.root.querySelector(".view").hidden = true;
    card.remark.textContent = "saved element";
  }
  changed();
}

function makeCard(role, name) {
  const root = document.getElementById("card").content.firstElementChild.cloneNode(true);
  const find = (what) => root.querySelector(what);
  const card = {
    role, root, pictures: [], working: 0, elementId: undefined,
    name: find(".name"), description: find(".description"), strength: find(".strength"),
    image: find("img"), remark: find(".remark"),
  };
  card.name.value = name;
  for (const input of [card.name, card.description, card.strength]) input.addEventListener("input", () => changed());
  find(".remove").addEventListener("click", () => { drop(card); changed(); });
  find(".save").addEventListener("click", () => save(card));
  find(".view").addEventListener("click", () => {
    const input = Object.assign(document.createElement("input"), { type: "file", accept: "image/*", multiple: true });
    input.addEventListener("change", async () => { for (const file of input.files) await upload(card, file); });
    input.click();
  });
  label(card);
  card.name.addEventListener("input", () => label(card));
  document.querySelector(`.drop[data-role=${role}] .cards`).append(root);
  cards.push(card);
  return card;
}

function label(card) {
  const who = card.name.value.trim() || card.role;
  card.image.alt = who;
  card.root.querySelector(".remove").setAttribute("aria-label", `Remove ${who}`);
  card.root.querySelector(".save").setAttribute("aria-label", `Save ${who}`);
  card.root.querySelector(".view").setAttribute("aria-label", `Add a view of ${who}`);
}

function drop(card) {
  cards.splice(cards.indexOf(card), 1);
  card.root.remove();
}

async function upload(card, file) {
  const form = new FormData();
  form.append(file.name || "picture", file);
  card.working += 1;
  card.root.classList.add("working");
  if (!card.pictures.length) card.image.src = URL.createObjectURL(file);
  changed();
  try {
    const picture = await json("POST", "/v1/pictures", form);
    card.pictures.push(picture.id);
    card.size = `${picture.width}×${picture.height}`;
    const views = card.pictures.length > 1 ? `${card.pictures.length} views` : card.size;
    card.remark.textContent = [views, ...picture.remarks].join(" · ");
    await see(card);
  } catch (trouble) {
    card.remark.textContent = trouble.message;
    if (!card.pictures.length) card.root.classList.add("bad");
  }
  card.working -= 1;
  card.root.classList.toggle("working", card.working > 0);
  changed();
}

let shape = "16:9";

/** Show every picture as the model will see it at a size. */
export function seeAt(size) {
  if (size === shape) return;
  shape = size;
  for (const card of cards) if (card.pictures.length) see(card);
}

async function see(card) {
  const path = `/v1/pictures/${card.pictures[0]}/fitted?role=${card.role}&size=${encodeURIComponent(shape)}`;
  card.image.src = await fileUrl(path);
  card.image.title = "What the model will see";
}

async function save(card) {
  try {
    const name = card.name.value.trim();
    if (!name) throw new Error("Give it a name first: the prompt will call it by that.");
    const body = { name, role: card.role, image: card.pictures };
    if (card.description.value.trim()) body.description = card.description.value.trim();
    await ask("POST", "/v1/elements", body);
    card.remark.textContent = `saved: write @${name} in any prompt`;
    await loadSaved();
  } catch (trouble) {
    card.remark.textContent = trouble.message;
  }
}

async function loadSaved() {
  saved = (await json("GET", "/v1/elements")).data;
  document.getElementById("saved-count").textContent = saved.length ? `(${saved.length})` : "";
  const list = document.getElementById("saved-list");
  list.replaceChildren(...saved.map((element) => {
    const item = document.createElement("li");
    const image = Object.assign(document.createElement("img"), { alt: "" });
    fileUrl(element.pictures[0]).then((url) => { image.src = url; });
    const name = Object.assign(document.createElement("span"), { textContent: `@${element.name}` });
    const use = button("Add", `Add ${element.name}`, () => addKnown({ ...element, elementId: element.id }));
    const forget = button("Delete", `Delete ${element.name}`, async () => {
      if (!confirm(`Delete the saved element @${element.name}?`)) return;
      await ask("DELETE", `/v1/elements/${element.id}`);
      await loadSaved();
    });
    item.append(image, name, use, forget);
    return item;
  }));
  changed();
}

function button(text, label_, call) {
  const made = Object.assign(document.createElement("button"), { type: "button", textContent: text });
  made.setAttribute("aria-label", label_);
  made.addEventListener("click", call);
  return made;
}

/** A name made of a file's: letters first, nothing that a prompt could not say. */
function suggest(file) {
  const stem = file.replace(/\.[^.]*$/, "").toLowerCase().replace(/[^\p{L}\d_-]+/gu, "-");
  const base = stem.replace(/^[^\p{L}]+|[-]+$/gu, "").slice(0, 20) || "element";
  const taken = new Set(names().map((n) => n.name));
  if (!taken.has(base)) return base;
  let number = 2;
  while (taken.has(`${base}${number}`)) number += 1;
  return `${base}${number}`;
}
