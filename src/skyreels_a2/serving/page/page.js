// The page put together: composing, the live check, submitting.

import { json, onKeyNeeded, Trouble, useKey } from "./api.js";
import * as elements from "./elements.js";
import * as prompt from "./prompt.js";
import * as videos from "./videos.js";

const at = (id) => document.getElementById(id);
/** Fields of a request that are numbers, by the id of their input; empty is the model's own. */
const NUMBERS = {
  seconds: "seconds", seed: "seed", fps: "fps", num_inference_steps: "steps", guidance_scale: "guidance",
  image_guidance_scale: "image-guidance", appearance_matching: "matching", flow_shift: "flow-shift",
};
const DRAFT = ["prompt", ...Object.values(NUMBERS), "count", "own-size", "negative", "guider", "scheduler", "guidance-from", "guidance-to"];
let models = [];
let checking = 0;
let timer = 0;
let counting = 0;

onKeyNeeded(() => new Promise((there) => {
  at("server").textContent = "an API key is needed";
  at("key-form").onsubmit = () => { useKey(at("key").value.trim()); there(); };
  at("key-dialog").oncancel = (event) => event.preventDefault();
  if (!at("key-dialog").open) at("key-dialog").showModal();
}));

start().catch((trouble) => { at("server").textContent = trouble.message; });

async function start() {
  models = (await json("GET", "/v1/models")).data;
  at("model").replaceChildren(...models.map((m) => new Option(m.id, m.id)));
  at("model").addEventListener("change", modelChosen);
  modelChosen();
  const draft = JSON.parse(sessionStorage.getItem("draft") || "{}");
  for (const id of DRAFT) if (draft[id]) at(id).value = draft[id];
  at("compose").addEventListener("input", changed);
  at("compose").addEventListener("submit", (event) => { event.preventDefault(); make(); });
  at("compose").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) make();
    else if (event.key === "Enter" && event.target.tagName === "INPUT") event.preventDefault();
  });
  elements.onChange(() => { changed(); prompt.namesChanged(); });
  videos.onReuse(reuse);
  videos.onEnd(() => { health(); changed(); });
  prompt.start();
  await Promise.all([elements.start(draft.elements), videos.start(), health()]);
  setInterval(health, 5000);
}

async function health() {
  try {
    const told = await json("GET", "/healthz");
    const queue = told.queued + told.running;
    const state = { ok: "ready", starting: "loading the model …", degraded: "some workers are away" };
    at("server").textContent = `${state[told.status]}${queue ? ` · ${queue} in the queue` : ""}`;
  } catch (trouble) {
    at("server").textContent = trouble.message;
  }
}

function modelChosen() {
  const model = models.find((m) => m.id === at("model").value);
  const [width, height] = model.size.split("x").map(Number);
  const sizes = [
    [model.size, `${width}×${height}`], [`${height}x${width}`, `${height}×${width}`],
    ["1:1", "square"], ["16:9", "16:9"], ["4:3", "4:3"], ["9:16", "9:16"],
  ];
  at("size").replaceChildren(...sizes.map(([value, text]) => new Option(text, value)));
  at("seconds").placeholder = "its own";
  at("steps").placeholder = model.num_inference_steps;
  at("guidance").placeholder = model.guidance_scale;
  at("image-guidance").placeholder = model.image_guidance_scale;
  [at("guidance-from").placeholder, at("guidance-to").placeholder] = model.guidance_interval;
  at("matching").placeholder = model.appearance_matching;
  at("fps").placeholder = model.fps;
}

function request() {
  const told = { prompt: at("prompt").value, input_references: elements.references(), model: at("model").value };
  told.size = at("own-size").value.trim() || at("size").value;
  for (const [name, id] of Object.entries(NUMBERS)) if (at(id).value !== "") told[name] = Number(at(id).value);
  if (at("negative").value) told.negative_prompt = at("negative").value;
  told.guider = at("guider").value;
  if (at("scheduler").value) told.scheduler = at("scheduler").value;
  const [from, to] = [at("guidance-from").value, at("guidance-to").value];
  if (from !== "" || to !== "") told.guidance_interval = [Number(from || at("guidance-from").placeholder), Number(to || at("guidance-to").placeholder)];
  return told;
}

function changed() {
  at("trouble").textContent = "";
  const fields = Object.fromEntries(DRAFT.map((id) => [id, at(id).value]));
  sessionStorage.setItem("draft", JSON.stringify({ ...fields, elements: elements.draft() }));
  clearTimeout(timer);
  timer = setTimeout(check, 250);
}

/** Ask the server what the composition would come to, and say so under the prompt. */
async function check() {
  const told = request();
  const number = (checking += 1);
  if (!told.prompt.trim() && !told.input_references.length) { say([], null); return; }
  if (elements.working()) return;
  if (!told.prompt.trim()) { say([["good", "Say what happens, e.g. with @name."]], null); return; }
  let answer;
  try {
    answer = await json("POST", "/v1/videos/check", told);
  } catch (trouble) {
    if (number === checking) say([["bad", trouble.message]], null);
    return;
  }
  if (number !== checking) return;
  const lines = [...answer.errors.map((t) => ["bad", t]), ...answer.remarks.map((t) => ["warn", t])];
  if (answer.ok) lines.push(["good", `The model reads: ${answer.text}`]);
  say(lines, answer);
}

function say(lines, answer) {
  at("check").replaceChildren(...lines.map(([kind, text]) =>
    Object.assign(document.createElement("p"), { className: kind, textContent: text })));
  clearTimeout(counting);
  if (!answer || !answer.ok) { at("estimate").textContent = ""; return; }
  elements.seeAt(answer.size);
  const seconds = answer.seconds_to_make;
  const told = [
    `${answer.size.replace("x", "×")} · ${answer.num_frames} frames, ${Math.round(answer.seconds * 10) / 10} s`,
    seconds === null ? "" : `about ${videos.time(seconds * (Number(at("count").value) || 1))} to make, ${answer.measured ? "measured on earlier ones" : "by the plan"}`,
    answer.memory_bytes === null ? "" : `${memory(answer.memory_bytes)} of memory`,
    answer.counting ? "planning its memory …" : "",
    answer.queue_length ? `${answer.queue_length} wait in the queue` : "",
  ];
  at("estimate").textContent = told.filter(Boolean).join(" · ");
  if (answer.counting) counting = setTimeout(check, 1000);
}

function memory(bytes) {
  const gib = bytes / 2 ** 30;
  return gib < 1 ? `${Math.max(1, Math.round(gib * 1024))} MiB` : `${gib.toFixed(1)} GiB`;
}

async function make() {
  at("trouble").textContent = "";
  if (elements.working()) { at("trouble").textContent = "Wait until the pictures have arrived."; return; }
  const told = request();
  const count = Math.min(8, Math.max(1, Number(at("count").value) || 1));
  at("make").disabled = true;
  try {
    for (let i = 0; i < count; i += 1) {
      const one = told.seed === undefined ? told : { ...told, seed: told.seed + i };
      videos.show(await json("POST", "/v1/videos", one));
    }
    health();
  } catch (trouble) {
    if (!(trouble instanceof Trouble)) throw trouble;
    at("trouble").textContent = trouble.message;
  } finally {
    at("make").disabled = false;
  }
}

/** Fill the form with what an earlier video was made of. */
async function reuse(job) {
  at("prompt").value = job.prompt;
  at("model").value = job.model;
  modelChosen();
  at("own-size").value = job.size;
  for (const [name, id] of Object.entries(NUMBERS)) at(id).value = job[name] ?? "";
  at("seconds").value = Math.round(job.seconds * 1000) / 1000;
  for (const id of ["guider", "scheduler"]) at(id).value = job[id];
  [at("guidance-from").value, at("guidance-to").value] = job.guidance_interval;
  at("negative").value = job.negative_prompt;
  at("compose").focus();
  at("compose").scrollIntoView({ behavior: "smooth" });
  elements.clear();
  for (const reference of job.input_references) await elements.addKnown(reference);
  changed();
}
