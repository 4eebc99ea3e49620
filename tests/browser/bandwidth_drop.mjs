// Watches a video in Chromium over a relay, and prints samples of getStats, four a second, as JSON.
// usage: node bandwidth_drop.mjs view URL STREAM SECONDS DELAY
//        node bandwidth_drop.mjs self URL KBPS SECONDS CAMERA.y4m
// `view` watches a stream of `codec serve` with a playout delay of the page (auto, low, smooth).
// `self` sends from one peer of the browser to another: it prints {"upstream": "ADDRESS:PORT"} and
// reads the port of a relay before that.
import { chromium } from "playwright-core";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const [mode, url, what, seconds, last] = process.argv.slice(2);
const [delay, camera] = mode === "view" ? [last, null] : [null, last];
const profile = mkdtempSync(join(tmpdir(), "codec-falls-"));
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  headless: true,
  args: [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
    ...(camera ? [`--use-file-for-fake-video-capture=${camera}`] : []),
  ],
});
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const withoutAddresses = (sdp) => sdp.split("\r\n").filter((line) => !line.startsWith("a=candidate")).join("\r\n");

/// Chromium watches the server; `window.receiver` is its connection.
async function view(page) {
  await page.route("**/whep/*", (route) =>
    route.continue({ postData: withoutAddresses(route.request().postData()) }));
  // Later candidates would bypass the relay.
  await page.route("**/session/*", (route) =>
    route.request().method() === "PATCH" ? route.fulfill({ status: 204 }) : route.continue());
  await page.goto(url);
  await page.waitForFunction(() => document.body.dataset.ready !== undefined);
  await page.selectOption("#stream", what);
  await page.selectOption("#delay", delay);
  await page.click("#watch-start");
  await page.waitForFunction(() => document.getElementById("player").videoWidth > 0, null, { timeout: 20000 });
  await page.evaluate(() => {
    window.receiver = window.codec.state.watching.pc;
    window.said = [];
    const notice = document.getElementById("notice");
    const look = () => notice.textContent && window.said.push(notice.textContent);
    new MutationObserver(look).observe(notice, { childList: true });
  });
}

/// A call between two peers of one Chromium.
async function loop(page) {
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  await page.exposeFunction("relay", async (upstream) => {
    console.log(JSON.stringify({ upstream }));
    return Number((await lines.next()).value);
  });
  await page.goto(url);
  await page.evaluate(async (kbps) => {
    const media = await navigator.mediaDevices.getUserMedia({
      video: { width: 640, height: 360, frameRate: 30 }, audio: true,
    });
    const [from, to] = [new RTCPeerConnection(), new RTCPeerConnection()];
    to.ontrack = ({ streams }) => { document.getElementById("player").srcObject = streams[0]; };
    for (const track of media.getTracks()) {
      const sender = from.addTransceiver(track, {
        direction: "sendonly", streams: [media],
        sendEncodings: track.kind === "video" ? [{ maxBitrate: 1000 * kbps }] : undefined,
      });
      if (track.kind !== "video") continue;
      const codecs = RTCRtpSender.getCapabilities("video").codecs;
      sender.setCodecPreferences(codecs.filter((codec) => /VP8|rtx|red|ulpfec/i.test(codec.mimeType)));
    }
    const without = ({ type, sdp }) => ({
      type, sdp: sdp.split("\r\n").filter((line) => !/^a=(candidate|end-of)/.test(line)).join("\r\n"),
    });
    await from.setLocalDescription();
    await to.setRemoteDescription(without(from.localDescription));
    await to.setLocalDescription();
    while (to.iceGatheringState !== "complete") await new Promise((done) => setTimeout(done, 20));
    const found = to.localDescription.sdp.match(/a=candidate:\S+ 1 udp \d+ (\d+\.\d+\.\d+\.\d+) (\d+) typ host/);
    const port = await window.relay(`${found[1]}:${found[2]}`);
    await from.setRemoteDescription(without(to.localDescription));
    const candidate = `candidate:1 1 udp 2122194687 127.0.0.1 ${port} typ host`;
    await from.addIceCandidate({ candidate, sdpMid: "0", sdpMLineIndex: 0 });
    window.receiver = to;
    window.said = [];
  }, Number(what));
  await page.waitForFunction(() => document.getElementById("player").videoWidth > 0, null, { timeout: 20000 });
}

const sample = (page) => page.evaluate(async () => {
  const reports = [...(await window.receiver.getStats()).values()];
  const of = (kind) => reports.find((report) => report.type === "inbound-rtp" && report.kind === kind) ?? {};
  const [video, audio] = [of("video"), of("audio")];
  return {
    at: Date.now(),
    frames: video.framesDecoded ?? 0,
    bytes: video.bytesReceived ?? 0,
    width: video.frameWidth ?? 0,
    freezes: video.freezeCount ?? 0,
    frozen: video.totalFreezesDuration ?? 0,
    keyFrames: video.keyFramesDecoded ?? 0,
    audioPackets: audio.packetsReceived ?? 0,
    concealed: audio.concealedSamples ?? 0,
    concealments: audio.concealmentEvents ?? 0,
  };
});

const samples = [];
let [said, failure] = [[], null];
try {
  const page = await browser.newPage();
  await (mode === "self" ? loop : view)(page);
  const end = Date.now() + 1000 * Number(seconds);
  while (Date.now() < end) {
    samples.push(await sample(page));
    await pause(250);
  }
  said = await page.evaluate(() => window.said);
} catch (error) {
  failure = error;
}
await browser.close();
rmSync(profile, { recursive: true, force: true });
if (failure) console.error(failure.stack ?? String(failure));
console.log(JSON.stringify({ samples, said }));
// Not before all of it has been written.
process.stdout.write("", () => process.exit(failure ? 1 : 0));
