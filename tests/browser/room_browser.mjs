// A browser with fake devices for scenarios in conference rooms of `codec serve`.
import { chromium } from "playwright-core";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const pause = (ms) => new Promise((done) => setTimeout(done, ms));

export const callIs = (page, state) =>
  page.waitForFunction((wanted) => document.body.dataset.call === wanted, state, { timeout: 30000 });

/// The tile of a person, or of the screen that the person shares.
export const tile = (page, name, source = "camera") =>
  page.locator(`#tiles li[data-source=${source}]`).filter({ hasText: name });

const HZ = 48000;
const SECONDS = 5;

/// Writes noise as a WAV file. The beeps of Chromium's fake microphone are digital silence for most of the
/// time, which is not forwarded.
function writeNoise(path) {
  const samples = HZ * SECONDS;
  const file = Buffer.alloc(44 + 2 * samples);
  file.write("RIFF", 0);
  file.writeUInt32LE(36 + 2 * samples, 4);
  file.write("WAVEfmt ", 8);
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(1, 20);
  file.writeUInt16LE(1, 22);
  file.writeUInt32LE(HZ, 24);
  file.writeUInt32LE(2 * HZ, 28);
  file.writeUInt16LE(2, 32);
  file.writeUInt16LE(16, 34);
  file.write("data", 36);
  file.writeUInt32LE(2 * samples, 40);
  let random = 1;
  for (let at = 0; at < samples; at += 1) {
    random = (Math.imul(random, 1103515245) + 12345) >>> 0;
    file.writeInt16LE((random >>> 16) % 2000 - 1000, 44 + 2 * at);
  }
  writeFileSync(path, file);
}

/// Starts Chromium; its microphone has noise if `isNoisy`. `open` opens a room; each name in the hash is a person of its own.
export async function launch(url, cameraFile, isNoisy = false) {
  const profile = mkdtempSync(join(tmpdir(), "codec-rooms-"));
  const noise = join(profile, "noise.wav");
  if (isNoisy) writeNoise(noise);
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
      ...(isNoisy ? [`--use-file-for-fake-audio-capture=${noise}`] : []),
    ],
  });
  const complaints = [];

  /// Opens a room; "&join" in the hash joins it at once. `token`: for a server that requires one.
  async function open(room, hash, token = null) {
    const page = await browser.newPage();
    if (token) await page.addInitScript((text) => sessionStorage.setItem("codec-token", text), token);
    page.on("pageerror", (error) => complaints.push(`error: ${error.stack ?? error}`));
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) complaints.push(`console: ${message.text()}`);
    });
    page.on("request", (request) => {
      if (!request.url().startsWith(url) && !/^(blob|data):/.test(request.url())) {
        complaints.push(`request elsewhere: ${request.url()}`);
      }
    });
    // Keys have no spaces.
    const name = new URLSearchParams(hash).get("name").replaceAll(" ", "-");
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

  return { browser, complaints, open, run };
}
