// A browser with fake devices for scenarios in conference rooms of `codec serve`.
import { chromium } from "playwright-core";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const pause = (ms) => new Promise((done) => setTimeout(done, ms));

export const callIs = (page, state) =>
  page.waitForFunction((wanted) => document.body.dataset.call === wanted, state, { timeout: 30000 });

/// The tile of a person, or of the screen that the person shares.
export const tile = (page, name, source = "camera") =>
  page.locator(`#tiles li[data-source=${source}]`).filter({ hasText: name });

/// Starts Chromium. `open` opens a room; each name in the hash is a person of its own.
export async function launch(url, cameraFile) {
  const profile = mkdtempSync(join(tmpdir(), "codec-rooms-"));
  const browser = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    viewport: { width: 1280, height: 1000 },
    args: [
      "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-sync",
      "--autoplay-policy=no-user-gesture-required",
      "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
      `--use-file-for-fake-video-capture=${cameraFile}`,
    ],
  });
  const complaints = [];

  /// Opens a room; "&join" in the hash joins it at once.
  async function open(room, hash) {
    const page = await browser.newPage();
    page.on("pageerror", (error) => complaints.push(`error: ${error.stack ?? error}`));
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) complaints.push(`console: ${message.text()}`);
    });
    page.on("request", (request) => {
      if (!request.url().startsWith(url) && !/^(blob|data):/.test(request.url())) {
        complaints.push(`request elsewhere: ${request.url()}`);
      }
    });
    const name = new URLSearchParams(hash).get("name");
    await page.goto(new URL(`r/${room}#${hash}&person=test-key-of-${name}-0123456789`, url).href);
    await page.waitForFunction(() => document.body.dataset.ready === "yes");
    return page;
  }

  /// Runs scenarios, prints their results as JSON and exits.
  async function run(scenarios, names, results) {
    let failure = null;
    try {
      for (const name of names.split(",")) await scenarios[name]();
    } catch (error) {
      failure = error;
      for (const page of browser.pages()) {
        const shown = await page.evaluate(() => ({
          notice: document.getElementById("notice")?.textContent,
          people: window.codec?.room?.people,
          uploads: document.getElementById("uploads")?.textContent,
          state: window.codec?.room?.state(),
        })).catch(() => ({}));
        complaints.push(`page shows ${JSON.stringify(shown)}`);
      }
    }
    await browser.close();
    rmSync(profile, { recursive: true, force: true });
    if (failure) complaints.unshift(failure.stack ?? String(failure));
    for (const complaint of complaints) console.error(complaint);
    console.log(JSON.stringify(results));
    process.exit(complaints.length === 0 ? 0 : 1);
  }

  return { browser, open, run };
}
