// Jobs and their videos: watched while they are made, kept as a history, compared.

import { ask, fileUrl, follow, freshUrl, json } from "./api.js";

const shown = new Map();
const list = document.getElementById("videos");
let reuse = () => {};
let ended = () => {};
let last = null;

export function onReuse(call) { reuse = call; }

/** Called whenever a job that was watched has ended. */
export function onEnd(call) { ended = call; }

export async function start() {
  document.getElementById("older").addEventListener("click", () => load(last));
  document.getElementById("compare").addEventListener("click", compare);
  document.getElementById("compare-close").addEventListener("click", closeCompare);
  document.getElementById("compare-play").addEventListener("click", playAll);
  await load(null);
}

async function load(after) {
  const page = await json("GET", `/v1/videos?limit=20${after ? `&after=${after}` : ""}`);
  for (const job of page.data) show(job, false);
  last = page.last_id;
  document.getElementById("older").hidden = !page.has_more;
}

/** Put a job into the list, newest on top, and follow it while it is open. */
export function show(job, onTop = true) {
  if (shown.has(job.id)) { update(shown.get(job.id), job); return; }
  const root = document.getElementById("video").content.firstElementChild.cloneNode(true);
  const entry = { root, job, preview: "", at: -1 };
  shown.set(job.id, entry);
  const on = (what, call) => root.querySelector(what).addEventListener("click", call);
  on(".cancel", () => act(entry, "DELETE", "", (told) => update(entry, told)));
  on(".again", () => act(entry, "POST", "/again", (told) => show(told), {}));
  on(".delete", () => confirm("Delete this video for good?") && act(entry, "DELETE", "", () => {
    root.remove();
    shown.delete(job.id);
    chosenChanged();
    count();
  }));
  on(".reuse", () => reuse(entry.job));
  root.querySelector(".choose input").addEventListener("change", chosenChanged);
  root.querySelector(".how").addEventListener("toggle", () => tell(entry), { once: true });
  list[onTop ? "prepend" : "append"](root);
  update(entry, job);
  if (open(job)) follow(job.id, (told) => update(entry, told)).then(() => ended());
  count();
}

const open = (job) => job.status === "queued" || job.status === "in_progress";

async function act(entry, method, path, then, body) {
  try {
    then(await json(method, `/v1/videos/${entry.job.id}${path}`, body));
  } catch (trouble) {
    entry.root.querySelector(".state").textContent = trouble.message;
  }
}

function update(entry, job) {
  const { root } = entry;
  const find = (what) => root.querySelector(what);
  entry.job = job;
  root.dataset.status = job.status;
  root.dataset.id = job.id;
  find(".said").textContent = job.prompt;
  find(".state").textContent = stateOf(job);
  const bar = find("progress");
  bar.hidden = !open(job);
  bar.value = job.progress;
  find(".cancel").hidden = !open(job);
  find(".cancel").disabled = job.cancelling;
  const done = job.status === "completed";
  for (const what of [".again", ".delete", ".reuse"]) find(what).hidden = open(job);
  for (const what of [".download", ".choose"]) find(what).hidden = !done;
  if (done) film(entry);
  else if (job.status === "in_progress") look(entry);
  count();
}

function stateOf(job) {
  const left = job.seconds_left === null ? "" : `, about ${time(job.seconds_left)} left`;
  if (job.status === "queued") {
    return `waiting${job.queue_position ? `, ${job.queue_position} before it` : ", next"}${left}`;
  }
  if (job.cancelling) return "cancelling after this step …";
  if (job.status === "in_progress") {
    const steps = job.phase === "sample" ? `step ${job.step} of ${job.steps}` : job.phase === "decode" ? "decoding" : "starting";
    return steps + left;
  }
  if (job.status === "failed") return `failed: ${job.error.message}`;
  if (job.status === "cancelled") return "cancelled";
  return `seed ${job.seed} · ${job.size} · ${round(job.seconds)} s · made in ${time(job.seconds_taken)}`;
}

async function look(entry) {
  const { preview, step } = entry.job;
  if (!preview || entry.looking || entry.at === step) return;
  entry.looking = true;
  entry.at = step;
  try {
    const url = await freshUrl(preview);
    if (open(entry.job)) {
      const image = entry.root.querySelector(".picture img") || document.createElement("img");
      image.alt = "Preview";
      image.src = url;
      entry.root.querySelector(".picture").replaceChildren(image);
      if (entry.preview) URL.revokeObjectURL(entry.preview);
      entry.preview = url;
    }
  } catch { /* it has ended meanwhile */ }
  entry.looking = false;
}

async function film(entry) {
  if (entry.filmed) return;
  entry.filmed = true;
  const path = `/v1/videos/${entry.job.id}/content`;
  try {
    const url = await fileUrl(path);
    const video = screen(url);
    video.setAttribute("aria-label", entry.job.prompt);
    video.tabIndex = 0;
    for (const kind of ["pointerenter", "focus"]) video.addEventListener(kind, () => play(video));
    for (const kind of ["pointerleave", "blur"]) video.addEventListener(kind, () => rest(video));
    entry.root.querySelector(".picture").replaceChildren(video);
    const link = entry.root.querySelector(".download");
    link.href = url;
    link.download = `${fileName(entry.job)}.mp4`;
  } catch (trouble) {
    entry.root.querySelector(".state").textContent = trouble.message;
  }
}

const screen = (src) => Object.assign(document.createElement("video"), { src, loop: true, muted: true, playsInline: true });

/** A small video plays, with its controls, while somebody is at it; else nothing covers it. */
function play(video) {
  video.controls = true;
  if (!matchMedia("(prefers-reduced-motion: reduce)").matches) video.play().catch(() => {});
}

function rest(video) {
  if (video === document.activeElement || document.fullscreenElement === video) return;
  video.controls = false;
  video.pause();
}

async function tell(entry) {
  const { job, root } = entry;
  const [from, to] = job.guidance_interval;
  const rows = [
    ["model", job.model], ["size", job.size], ["frames", `${job.num_frames} at ${job.fps} a second`],
    ["seed", job.seed], ["steps", `${job.num_inference_steps}, ${job.scheduler}`],
    ["guidance", `${job.guidance_scale}, ${job.guider}${from > 0 || to < 1 ? `, from ${from} to ${to} of the steps` : ""}`],
    ["picture guidance", job.image_guidance_scale], ["appearance matching", job.appearance_matching], ["flow shift", job.flow_shift ?? "the model's own"],
    ["not in it", job.negative_prompt || "–"], ["the model reads", job.text],
    ["priority", job.priority], ["asked", new Date(1000 * job.created_at).toLocaleString()], ["id", job.id],
  ];
  root.querySelector("dl").replaceChildren(...rows.flatMap(([name, value]) => [
    Object.assign(document.createElement("dt"), { textContent: name }),
    Object.assign(document.createElement("dd"), { textContent: value }),
  ]));
  for (const reference of job.input_references) for (const path of reference.pictures) {
    const figure = document.createElement("figure");
    const about = [reference.name || reference.role, reference.description, reference.strength < 1 ? `strength ${reference.strength}` : ""];
    const image = Object.assign(document.createElement("img"), { alt: about[0] });
    const caption = Object.assign(document.createElement("figcaption"), { textContent: about.filter(Boolean).join(", ") });
    figure.append(image, caption);
    root.querySelector(".references").append(figure);
    fileUrl(path).then((url) => { image.src = url; });
  }
}

function chosen() {
  return [...shown.values()].filter((e) => e.root.querySelector(".choose input").checked);
}

function chosenChanged() { document.getElementById("compare").disabled = chosen().length < 2; }

async function compare() {
  const figures = await Promise.all(chosen().map(async ({ job }) => {
    const figure = document.createElement("figure");
    const url = await fileUrl(`/v1/videos/${job.id}/content`);
    const video = Object.assign(screen(url), { controls: true });
    const text = `seed ${job.seed} · ${job.num_inference_steps} steps · guidance ${job.guidance_scale} · ${job.prompt}`;
    figure.append(video, Object.assign(document.createElement("figcaption"), { textContent: text }));
    return figure;
  }));
  document.getElementById("compared").replaceChildren(...figures);
  document.getElementById("compare-dialog").showModal();
  playAll();
}

function playAll() {
  for (const video of document.querySelectorAll("#compared video")) {
    video.currentTime = 0;
    video.play().catch(() => {});
  }
}

function closeCompare() {
  document.getElementById("compare-dialog").close();
  document.getElementById("compared").replaceChildren();
}

function count() {
  const waiting = [...shown.values()].filter((e) => open(e.job)).length;
  document.getElementById("queue").textContent = waiting ? `${waiting} in the making` : "";
  document.getElementById("empty").hidden = shown.size > 0;
}

const round = (number) => Math.round(number * 10) / 10;

export function time(seconds) {
  if (seconds < 1) return "1 s";
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${round(seconds / 3600)} h`;
}

function fileName(job) {
  const words = job.prompt.toLowerCase().replace(/[^\p{L}\d]+/gu, "-").replace(/^-|-$/g, "").slice(0, 40);
  return `${words || "video"}-seed${job.seed}`;
}
