// Watches a stream of `codec serve` in Chromium over a relay, and prints getStats' figures as JSON.
// The offer contains no candidates, so that the server cannot use a direct path around the relay.
// A stall of the machine looks like a slow link, and the video is smaller for seconds. With WIDTH,
// it has 20 seconds after the measurement to be this wide again.
// usage: node relay.mjs URL STREAM SECONDS [WIDTH]
import { chromium } from "playwright-core";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const [url, stream, seconds, width] = process.argv.slice(2);
const profile = mkdtempSync(join(tmpdir(), "codec-relay-"));
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  headless: true,
  args: [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
  ],
});
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

async function inbound(page) {
  return page.evaluate(async () => {
    const reports = [...(await window.codec.state.watching.pc.getStats()).values()];
    const video = reports.find((report) => report.type === "inbound-rtp" && report.kind === "video");
    const pair = reports.find((report) => report.type === "candidate-pair" && report.nominated);
    const remote = reports.find((report) => report.id === pair?.remoteCandidateId);
    return { at: performance.now(), trip: pair?.currentRoundTripTime, server: remote?.address, ...video };
  });
}

let results = {};
let failure = null;
try {
  const page = await browser.newPage();
  await page.route("**/whep/*", (route) => {
    const lines = route.request().postData().split("\r\n");
    return route.continue({ postData: lines.filter((line) => !line.startsWith("a=candidate")).join("\r\n") });
  });
  await page.route("**/session/*", (route) =>
    route.request().method() === "PATCH" ? route.fulfill({ status: 204 }) : route.continue());
  await page.goto(url);
  await page.waitForFunction(() => document.body.dataset.ready !== undefined);
  // Messages of the page about paused video.
  await page.evaluate(() => {
    window.said = [];
    const notice = document.getElementById("notice");
    const look = () => notice.textContent.includes("paused") && window.said.push(notice.textContent);
    new MutationObserver(look).observe(notice, { childList: true });
  });
  await page.selectOption("#stream", stream);
  const pressed = Date.now();
  await page.click("#watch-start");
  await page.waitForFunction(() => document.getElementById("player").videoWidth > 0, null, { timeout: 20000 });
  results.firstFrameMs = Date.now() - pressed;
  await pause(3000);
  const before = await inbound(page);
  await pause(1000 * Number(seconds));
  const after = await inbound(page);
  let last = after;
  for (let wait = 0; width && last.frameWidth !== Number(width) && wait < 80; wait += 1) {
    await pause(250);
    last = await inbound(page);
  }
  const gone = (name) => (after[name] ?? 0) - (before[name] ?? 0);
  const time = gone("at") / 1000;
  const decoded = Math.max(1, gone("framesDecoded"));
  results = {
    ...results,
    seconds: time,
    server: after.server,
    width: last.frameWidth,
    height: last.frameHeight,
    fullSizeMs: last.at - after.at,
    received: gone("framesReceived"),
    decoded: gone("framesDecoded"),
    dropped: gone("framesDropped"),
    keyFrames: gone("keyFramesDecoded"),
    freezes: gone("freezeCount"),
    frozenSeconds: gone("totalFreezesDuration"),
    kbps: (8 * gone("bytesReceived")) / time / 1000,
    lost: gone("packetsLost"),
    packets: gone("packetsReceived"),
    retransmitted: gone("retransmittedPacketsReceived"),
    nacks: gone("nackCount"),
    plis: gone("pliCount"),
    bufferMs: (1000 * gone("jitterBufferDelay")) / Math.max(1, gone("jitterBufferEmittedCount")),
    delayMs: (1000 * gone("totalProcessingDelay")) / decoded,
    tripMs: 1000 * (after.trip ?? 0),
    said: await page.evaluate(() => window.said),
    layers: await page.evaluate(() => window.codec.state.stream.layers),
  };
} catch (error) {
  failure = error;
}
await browser.close();
rmSync(profile, { recursive: true, force: true });
if (failure) console.error(failure.stack ?? String(failure));
console.log(JSON.stringify(results));
process.exit(failure ? 1 : 0);
