// Publishes a camera to `codec serve` from Chromium over a relay, and prints the frames that were sent
// and forwarded as JSON. The local candidates are withheld, so that the server cannot use a direct path.
// usage: node publish.mjs URL CAMERA.y4m SECONDS KBPS
import { chromium } from "playwright-core";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const [url, cameraFile, seconds, kbps] = process.argv.slice(2);
const profile = mkdtempSync(join(tmpdir(), "codec-publish-"));
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  headless: true,
  args: [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
    `--use-file-for-fake-video-capture=${cameraFile}`,
  ],
});
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/// Frames that the browser sent and that the server forwarded so far.
const counts = (page) =>
  page.evaluate(async () => {
    const reports = [...(await window.codec.state.publishing.pc.getStats()).values()];
    const video = reports.find((report) => report.type === "outbound-rtp" && report.kind === "video");
    const pair = reports.find((report) => report.type === "candidate-pair" && report.nominated);
    const remote = reports.find((report) => report.id === pair?.remoteCandidateId);
    const sent = { at: performance.now(), frames: video.framesSent, keyFrames: video.keyFramesEncoded };
    const { streams } = await window.codec.api.streams();
    const stream = streams.find(({ name }) => name === "camera");
    return {
      ...sent,
      passed: stream.frames,
      width: video.frameWidth,
      height: video.frameHeight,
      nacks: video.nackCount,
      plis: video.pliCount,
      server: remote?.address,
    };
  });

let results = {};
let failure = null;
try {
  const page = await browser.newPage();
  await page.route("**/whip/*", (route) => {
    const lines = route.request().postData().split("\r\n");
    return route.continue({ postData: lines.filter((line) => !line.startsWith("a=candidate")).join("\r\n") });
  });
  await page.route("**/session/*", (route) =>
    route.request().method() === "PATCH" ? route.fulfill({ status: 204 }) : route.continue());
  await page.goto(url);
  await page.waitForFunction(() => document.body.dataset.ready !== undefined);
  await page.fill("#name", "camera");
  await page.evaluate((rate) => {
    document.getElementById("rate").value = rate;
  }, kbps);
  await page.click("#publish-start");
  await page.waitForFunction(() => document.getElementById("publish-state").dataset.state === "live", null, { timeout: 20000 });
  await pause(1000);
  const first = await counts(page);
  await pause(1000 * Number(seconds));
  // No frame is in transit when they are counted.
  await page.evaluate(async () => {
    const senders = window.codec.state.publishing.pc.getSenders();
    const video = senders.find((sender) => sender.track?.kind === "video");
    const parameters = video.getParameters();
    parameters.encodings[0].active = false;
    await video.setParameters(parameters);
  });
  await pause(1500);
  const after = await counts(page);
  results = {
    sent: after.frames,
    passed: after.passed,
    keyFrames: after.keyFrames,
    nacks: after.nacks,
    plis: after.plis,
    server: after.server,
    firstSize: [first.width, first.height],
    size: [after.width, after.height],
  };
} catch (error) {
  failure = error;
}
await browser.close();
rmSync(profile, { recursive: true, force: true });
if (failure) console.error(failure.stack ?? String(failure));
console.log(JSON.stringify(results));
process.exit(failure ? 1 : 0);
