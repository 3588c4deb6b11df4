// Uses the page as a person would, in a real Chromium: node page.cjs URL FOLDER STORY KEY
// FOLDER holds three pictures and gets the screenshots. Exits with 1 and the reason on failure.

const fs = require("node:fs");
const path = require("node:path");
const assert = require("node:assert/strict");
const { chromium } = require("playwright-core");

const [url, folder, story, key] = process.argv.slice(2);
const PATIENCE = 60_000;
const files = (...names) => names.map((name) => path.join(folder, name));
const shot = (page, name) => page.screenshot({ path: path.join(folder, `${name}.png`), fullPage: true });

async function compose(page, prompt) {
  await page.setInputFiles(".drop[data-role=character] input[type=file]", files("anna.jpg"));
  await page.setInputFiles(".drop[data-role=object] input[type=file]", files("cup.jpg"));
  await page.setInputFiles(".drop[data-role=background] input[type=file]", files("launchpad.jpg"));
  await page.waitForFunction(() => document.querySelectorAll(".card:not(.working)").length === 3);
  await page.fill("#prompt", prompt);
  await page.getByText("The model reads").waitFor();
}

const stories = {};

// Upload three pictures, compose by @name, watch, reload in the middle, download, cancel another.
stories.whole = async (page) => {
  await page.goto(url);
  await page.locator("#server", { hasText: "ready" }).waitFor();
  await page.setInputFiles(".drop[data-role=character] input[type=file]", files("anna.jpg"));
  await page.setInputFiles(".drop[data-role=object] input[type=file]", files("cup.jpg"));
  await page.setInputFiles(".drop[data-role=background] input[type=file]", files("launchpad.jpg"));
  await page.waitForFunction(() => document.querySelectorAll(".card:not(.working)").length === 3);
  // Names are completed by keyboard alone.
  await page.focus("#prompt");
  await page.keyboard.type("@an");
  await page.locator("#names li[aria-selected=true]", { hasText: "@anna" }).waitFor();
  await page.keyboard.press("Enter");
  await page.keyboard.type("drinks slowly from a @c");
  await page.locator("#names li", { hasText: "@cup" }).waitFor();
  await page.keyboard.press("Tab");
  assert.equal(await page.inputValue("#prompt"), "@anna drinks slowly from a @cup ");
  await page.locator("#check .warn", { hasText: "launchpad" }).waitFor();
  await page.keyboard.type("at @nowhere");
  await page.locator("#check .bad", { hasText: "did you mean" }).waitFor();
  await page.fill("#prompt", "@anna drinks slowly from a @cup at the @launchpad");
  await page.locator("#check .good", { hasText: "anna drinks slowly from a cup" }).waitFor();
  await page.locator("#estimate", { hasText: "32 MiB of memory" }).waitFor();
  await page.locator("#more summary").click();
  await page.fill("#steps", "30");
  await page.fill("#guidance-from", "0.2");
  assert.equal(await page.getAttribute("#matching", "placeholder"), "0.5");
  await page.fill("#matching", "0.25");
  await shot(page, "composed");
  await page.keyboard.press("Control+Enter");
  const first = page.locator(".video").first();
  await first.locator(".state", { hasText: "step" }).waitFor();
  await first.locator(".picture img").waitFor();
  await shot(page, "watching");
  const id = await first.getAttribute("data-id");
  // What is left empty is the model's own, as it stands in the field.
  const job = await page.request.get(`${url}/v1/videos/${id}`).then((answer) => answer.json());
  assert.deepEqual(job.guidance_interval, [0.2, 0.6]);
  assert.equal(job.appearance_matching, 0.25);
  await page.reload();
  const found = page.locator(`.video[data-id=${id}]`);
  await found.locator(".state", { hasText: "step" }).waitFor();
  // The composition is there as well. Another video that is not wanted after all.
  await page.waitForFunction(() => document.querySelectorAll(".card img[src]").length === 3);
  assert.equal(await page.inputValue("#steps"), "30");
  await page.fill("#prompt", "a slow @cup");
  await page.click("#make");
  const other = page.locator(`.video:not([data-id=${id}])`).first();
  await other.getByRole("button", { name: "Cancel" }).click();
  await page.locator(".video[data-status=cancelled]").waitFor();
  await page.locator(`.video[data-id=${id}][data-status=completed]`).waitFor();
  await found.locator("video").focus(); // by keyboard as by pointer, it then plays
  await page.waitForFunction((film) => !film.paused && film.controls, await found.locator("video").elementHandle());
  const [download] = await Promise.all([
    page.waitForEvent("download"), found.getByRole("link", { name: "Download" }).click(),
  ]);
  assert.match(download.suggestedFilename(), /^anna-drinks.*-seed\d+\.mp4$/);
  assert.equal(fs.readFileSync(await download.path()).subarray(4, 8).toString(), "ftyp");
  await found.getByRole("button", { name: "Again with another seed" }).click();
  await page.waitForFunction(() => document.querySelectorAll(".video[data-status=completed]").length === 2);
  await found.locator(".how summary").click();
  await found.locator(".references img[src]").nth(2).waitFor();
  for (const box of await page.locator(".video[data-status=completed] .choose input").all()) await box.check();
  await shot(page, "history");
  await page.click("#compare");
  assert.equal(await page.locator("#compared video").count(), 2);
  await page.waitForTimeout(500);
  await shot(page, "compare");
};

// Save an element, reload, and call it by name with nothing uploaded; use an old video's settings.
stories.saved = async (page) => {
  await page.goto(url);
  await page.setInputFiles(".drop[data-role=character] input[type=file]", files("anna.jpg"));
  await page.locator(".card:not(.working)").waitFor();
  await page.getByLabel("Name", { exact: true }).fill("berta");
  await page.getByRole("button", { name: "Save berta" }).click();
  await page.locator("#saved-count", { hasText: "(1)" }).waitFor();
  await page.getByRole("button", { name: "Remove berta" }).click();
  // Who types faster than the saved elements come is offered them all the same.
  await page.route("**/v1/elements", async (route) => {
    await new Promise((there) => setTimeout(there, 2000));
    await route.continue();
  });
  await page.reload();
  await page.fill("#prompt", "");
  await page.focus("#prompt");
  await page.keyboard.type("@ber");
  await page.locator("#names li", { hasText: "saved character" }).waitFor();
  await page.keyboard.press("Enter");
  await page.keyboard.type("waves");
  await page.locator("#check .good", { hasText: "berta waves" }).waitFor();
  await page.locator("#more summary").click();
  await page.selectOption("#guider", "apg");
  await page.fill("#flow-shift", "6");
  await page.click("#make");
  await page.locator(".video[data-status=completed]").first().waitFor();
  await page.locator(".how summary").click();
  await page.locator(".how dd", { hasText: "3, apg" }).waitFor();
  await page.selectOption("#guider", "cfg");
  await page.fill("#flow-shift", "");
  await page.getByRole("button", { name: "Use its settings" }).click();
  await page.locator(".card img[src]").waitFor();
  assert.equal(await page.inputValue("#prompt"), "@berta waves");
  assert.equal(await page.inputValue("#guider"), "apg");
  assert.equal(await page.inputValue("#flow-shift"), "6");
};

// A phone: nothing sticks out, everything can be reached.
stories.phone = async (page) => {
  await page.setViewportSize({ width: 375, height: 740 });
  await page.goto(url);
  await page.locator("#server", { hasText: "ready" }).waitFor();
  await page.setInputFiles(".drop[data-role=character] input[type=file]", files("anna.jpg"));
  await page.setInputFiles(".drop[data-role=object] input[type=file]", files("cup.jpg"));
  await page.waitForFunction(() => document.querySelectorAll(".card:not(.working)").length === 2);
  await page.fill("#prompt", "@anna waves with a @cup");
  await page.click("#make");
  await page.locator(".video[data-status=completed]").first().waitFor();
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(wide <= 375, `the page is ${wide} pixels wide`);
  await shot(page, "phone");
};

// What is no picture is said at its card; a server with keys asks for one.
stories.errors = async (page) => {
  await page.goto(url);
  await page.setInputFiles(".drop[data-role=object] input[type=file]", { name: "notes.png", mimeType: "image/png", buffer: Buffer.from("no picture") });
  await page.locator(".card.bad .remark", { hasText: "is no picture" }).waitFor();
  await page.fill("#prompt", "nobody");
  await page.locator("#check .bad", { hasText: "no element was given" }).waitFor();
  await page.click("#make");
  await page.locator("#trouble", { hasText: "no element was given" }).waitFor();
  await shot(page, "errors");
};

stories.key = async (page) => {
  await page.goto(url);
  await page.locator("#key-dialog[open]").waitFor();
  await shot(page, "key");
  await page.fill("#key", key);
  await page.keyboard.press("Enter");
  await page.locator("#server", { hasText: "ready" }).waitFor();
  await compose(page, "@anna drinks from the @cup at the @launchpad");
  await page.click("#make");
  await page.locator(".video[data-status=completed] video").first().waitFor();
};

async function main() {
  const browser = await chromium.launchPersistentContext(fs.mkdtempSync(path.join(folder, "profile-")), {
    executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
    headless: true,
    chromiumSandbox: false,
    viewport: { width: 1280, height: 900 },
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
  const page = browser.pages()[0] || await browser.newPage();
  page.setDefaultTimeout(PATIENCE);
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
  page.on("console", (message) => {
    if (/Content.Security.Policy/i.test(message.text())) complaints.push(message.text());
  });
  try {
    await stories[story](page);
    assert.deepEqual(complaints, []);
  } catch (error) {
    await shot(page, "failed").catch(() => {});
    console.error(complaints.join("\n"));
    throw error;
  } finally {
    await browser.close();
  }
}

main().then(() => process.exit(0), (error) => { console.error(error); process.exit(1); });
