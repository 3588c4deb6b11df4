// Talking to the server: every request of the page goes through here.

let key = sessionStorage.getItem("key") || "";
let askForKey = async () => {};

/** What to do when the server wants a key: a function that resolves once there is one. */
export function onKeyNeeded(ask) { askForKey = ask; }

export function useKey(text) {
  key = text;
  sessionStorage.setItem("key", text);
}

export class Trouble extends Error {
  constructor(status, message) { super(message); this.status = status; }
}

/** One request; the answer, or a Trouble in the server's own words. */
export async function ask(method, path, body) {
  for (;;) {
    let answer;
    try {
      answer = await fetch(path, { method, headers: headers(body), body: encoded(body) });
    } catch {
      throw new Trouble(0, "The server does not answer. Is it running?");
    }
    if (answer.ok) return answer;
    if (answer.status === 401) { await askForKey(); continue; }
    throw new Trouble(answer.status, await reason(answer));
  }
}

export async function json(method, path, body) { return (await ask(method, path, body)).json(); }

const objects = new Map();

/** A picture or video as an object URL: a plain src could not carry the key. Fetched once. */
export async function fileUrl(path) {
  if (!objects.has(path)) {
    objects.set(path, ask("GET", path).then((a) => a.blob()).then((b) => URL.createObjectURL(b)));
    objects.get(path).catch(() => objects.delete(path));
  }
  return objects.get(path);
}

export async function freshUrl(path) {
  return URL.createObjectURL(await (await ask("GET", path)).blob());
}

/** Follow the events of a job; `told` gets it whenever it changes. Goes on after a lost line. */
export async function follow(id, told) {
  for (;;) {
    try {
      const answer = await ask("GET", `/v1/videos/${id}/events`);
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let text = "";
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        text += value;
        const events = text.split("\n\n");
        text = events.pop();
        for (const event of events) if (take(event, told)) return;
      }
    } catch (trouble) {
      if (trouble.status === 404) return;
    }
    await new Promise((wake) => setTimeout(wake, 1000));
  }
}

function take(event, told) {
  const data = event.match(/^data: (.*)$/m);
  if (data && data[1] !== "{}") told(JSON.parse(data[1]));
  return event.startsWith("event: end");
}

function headers(body) {
  const told = key ? { Authorization: `Bearer ${key}` } : {};
  if (body && !(body instanceof FormData)) told["Content-Type"] = "application/json";
  return told;
}

function encoded(body) {
  return body === undefined || body instanceof FormData ? body : JSON.stringify(body);
}

async function reason(answer) {
  try {
    return (await answer.json()).error.message;
  } catch {
    return `The server answers ${answer.status}.`;
  }
}
