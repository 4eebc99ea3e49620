// Publishes the fake camera with a codec, or watches a stream of it, in Chromium on the page of
// `codec serve`; prints the measurements as JSON. `layers`: publishes with three spatial layers, and watches.
// `switching`: the same with three viewers, which change their layer ten times.
// usage: node codecs.mjs URL CAMERA.y4m h264|vp9 publish|watch|socket|refused|layers|switching STREAM
import { chromium } from "playwright-core";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const [url, cameraFile, codec, scenario, stream] = process.argv.slice(2);
/// What WebCodecs calls it.
const decoder = { h264: "avc1.42e01f", vp9: "vp09.00.41.08" }[codec];
const profile = mkdtempSync(join(tmpdir(), "codec-codecs-"));
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  headless: true,
  args: [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-background-timer-throttling", "--disable-renderer-backgrounding", "--disable-backgrounding-occluded-windows",
    "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
    `--use-file-for-fake-video-capture=${cameraFile}`,
  ],
});
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const stateIs = (page, id, name) =>
  page.waitForFunction(([element, wanted]) => document.getElementById(element).dataset.state === wanted, [id, name], { timeout: 20000 });
const notice = (page) => page.evaluate(() => document.getElementById("notice").textContent);

/// Whether the browser has the codec for a direction of WebRTC, or in WebCodecs.
const supports = (page, what) =>
  page.evaluate(async ([use, name, config]) => {
    const is = ({ mimeType }) => mimeType.toLowerCase() === `video/${name}`;
    const has = (side) => side.getCapabilities("video").codecs.some(is);
    if (["publish", "layers", "switching"].includes(use)) return has(RTCRtpSender);
    if (use !== "socket") return has(RTCRtpReceiver);
    return (await VideoDecoder.isConfigSupported({ codec: config })).supported;
  }, [what, codec, decoder]);

/// The figures of the video of a call: `watching` or `publishing`. On a busy machine they may come after the first picture.
const figures = (page, side, kind) =>
  page.evaluate(async ([which, type]) => {
    let reports, video;
    for (let tries = 0; !video && tries < 100; tries += 1) {
      if (tries > 0) await new Promise((done) => setTimeout(done, 100));
      reports = [...(await window.codec.state[which].pc.getStats()).values()];
      video = reports.find((report) => report.type === type && report.kind === "video");
    }
    if (!video) throw new Error(`no ${type} of video within 10 s`);
    const codec = reports.find(({ id }) => id === video.codecId);
    return { at: performance.now(), ...video, codec: `${codec?.mimeType} ${codec?.sdpFmtpLine}` };
  }, [side, kind]);

async function start(page) {
  await page.fill("#name", stream);
  await page.selectOption("#codec", codec);
  await page.click("#publish-start");
  await stateIs(page, "publish-state", "live");
}

async function publish(page) {
  await start(page);
  await pause(6000);
  const sent = await figures(page, "publishing", "outbound-rtp");
  const { streams } = await page.evaluate(() => window.codec.api.streams());
  const results = { ...streams.find(({ name }) => name === stream), sent: sent.framesEncoded, sdp: sent.codec };
  await page.click("#publish-stop");
  await stateIs(page, "publish-state", "ended");
  return results;
}

async function watch(page) {
  await page.selectOption("#stream", stream);
  await page.click("#watch-start");
  await stateIs(page, "state", "live");
  await page.waitForFunction(() => document.getElementById("player").videoWidth > 0, undefined, { timeout: 20000 });
  const before = await figures(page, "watching", "inbound-rtp");
  await pause(5000);
  const after = await figures(page, "watching", "inbound-rtp");
  return {
    decoded: after.framesDecoded - before.framesDecoded,
    seconds: (after.at - before.at) / 1000,
    width: after.frameWidth,
    height: after.frameHeight,
    freezes: after.freezeCount - before.freezeCount,
    sdp: after.codec,
  };
}

async function socket(page) {
  await page.selectOption("#stream", stream);
  await page.check("input[name=transport][value=socket]");
  await page.click("#watch-start");
  await page.waitForFunction(() => window.codec.state.watching?.counts?.decoded > 60, undefined, { timeout: 20000 });
  return page.evaluate(() => {
    const { counts, config } = window.codec.state.watching;
    return { ...counts, codec: config.codec };
  });
}

/// A browser without the codec of the stream, which still gets the audio.
async function refused(page) {
  await page.evaluate((name) => {
    const own = RTCRtpReceiver.getCapabilities.bind(RTCRtpReceiver);
    RTCRtpReceiver.getCapabilities = (kind) => {
      const all = own(kind);
      return { ...all, codecs: all.codecs.filter(({ mimeType }) => mimeType.toLowerCase() !== `video/${name}`) };
    };
  }, codec);
  await page.selectOption("#stream", stream);
  await page.click("#watch-start");
  await page.waitForFunction(() => /does not accept/.test(document.getElementById("notice").textContent), undefined, { timeout: 20000 });
  return { notice: await notice(page) };
}

/// Publishes three spatial layers; returns the stream's figures once it has them, or nothing after a minute.
async function publishLayers(page) {
  await page.evaluate(() => {
    const own = RTCPeerConnection.prototype.addTransceiver;
    RTCPeerConnection.prototype.addTransceiver = function add(track, init) {
      if (track.kind !== "video") return own.call(this, track, init);
      const [encoding] = init?.sendEncodings ?? [{}];
      return own.call(this, track, { ...init, sendEncodings: [{ ...encoding, scalabilityMode: "L3T3_KEY" }] });
    };
  });
  await start(page);
  // A busy machine costs frames, not layers.
  await page.evaluate(async () => {
    const video = window.codec.state.publishing.pc.getSenders().find((sender) => sender.track?.kind === "video");
    await video.setParameters({ ...video.getParameters(), degradationPreference: "maintain-resolution" });
  });
  // The publisher's estimate has to reach the rate of all layers first. What is missing after a minute, the measurements
  // tell.
  for (let tries = 0; tries < 300; tries += 1) {
    const { streams } = await page.evaluate(() => window.codec.api.streams());
    const found = streams.find(({ name }) => name === stream);
    if (found?.spatialLayers === 3) return found;
    await pause(200);
  }
  return {};
}

async function newViewer() {
  const viewer = await browser.newPage();
  await viewer.goto(url);
  await viewer.waitForFunction(() => document.body.dataset.ready !== undefined);
  return viewer;
}

/// Starts to watch, and to record the size of each frame.
async function beginViewer() {
  const viewer = await newViewer();
  await viewer.selectOption("#stream", stream);
  await viewer.click("#watch-start");
  await stateIs(viewer, "state", "live");
  await viewer.evaluate(() => {
    window.shown = [];
    const [track] = document.getElementById("player").srcObject.getVideoTracks();
    // Pages in the background are not drawn, but their frames are decoded.
    const reader = new MediaStreamTrackProcessor({ track: track.clone() }).readable.getReader();
    const note = ({ value, done }) => {
      if (done) return;
      window.shown.push([performance.now(), value.displayWidth]);
      value.close();
      reader.read().then(note);
    };
    reader.read().then(note);
  });
  return viewer;
}

/// Asks for a layer; returns the time in ms until the first frame of its width.
const switchTo = (viewer, spatial, width) =>
  viewer.evaluate(async ([layer, wanted]) => {
    const begin = performance.now();
    const before = window.shown.length;
    window.codec.controlChannel.send({ type: "layer", spatial: layer });
    while (performance.now() < begin + 15000) {
      const found = window.shown.slice(before).find(([at, found]) => at > begin && found === wanted);
      if (found) return found[0] - begin;
      await new Promise((done) => setTimeout(done, 5));
    }
    return null;
  }, [spatial, width]);

/// Three viewers at three layers, which all change ten times.
async function switching(page) {
  await publishLayers(page);
  const viewers = [];
  for (let number = 0; number < 3; number += 1) viewers.push(await beginViewer());
  const widths = await page.evaluate(async () => {
    const track = window.codec.state.publishing.pc.getSenders().find((sender) => sender.track?.kind === "video").track;
    const { width } = track.getSettings();
    return [width / 4, width / 2, width];
  });
  const largest = await Promise.all(viewers.map((viewer) => switchTo(viewer, null, widths[2])));
  if (largest.includes(null)) return { lacks: "all layers from this machine", largest };
  await Promise.all(viewers.map((viewer, number) => switchTo(viewer, number, widths[number])));
  await pause(1000);
  const before = await Promise.all(viewers.map((viewer) => figures(viewer, "watching", "inbound-rtp")));
  const up = [];
  const down = [];
  for (let step = 0; step < 10; step += 1) {
    const times = await Promise.all(viewers.map(async (viewer, number) => {
      const [from, to] = [(number + step) % 3, (number + step + 1) % 3];
      return [to > from, await switchTo(viewer, to, widths[to])];
    }));
    for (const [rises, time] of times) (rises ? up : down).push(time);
    await pause(500);
  }
  const after = await Promise.all(viewers.map((viewer) => figures(viewer, "watching", "inbound-rtp")));
  const difference = (name) => after.map((figure, number) => figure[name] - before[number][name]);
  const { streams } = await page.evaluate(() => window.codec.api.streams());
  return {
    ...streams.find(({ name }) => name === stream),
    up,
    down,
    seconds: after.map(({ at }, number) => (at - before[number].at) / 1000),
    decoded: difference("framesDecoded"),
    freezes: difference("freezeCount"),
    frozen: difference("totalFreezesDuration"),
    requests: difference("pliCount"),
    widths,
  };
}

/// Publishes three spatial layers, and watches them on another page.
async function layers(page) {
  // On a busy machine the publisher's estimate may fall below the rate of all layers later.
  const { spatialLayers, width } = await publishLayers(page);
  const viewer = await newViewer();
  const watched = await watch(viewer);
  const { streams } = await page.evaluate(() => window.codec.api.streams());
  const sent = await figures(page, "publishing", "outbound-rtp");
  return { ...streams.find(({ name }) => name === stream), spatialLayers, width, watched, mode: sent.scalabilityMode };
}

let results = {};
let failure = null;
try {
  const page = await browser.newPage();
  await page.goto(url);
  await page.waitForFunction(() => document.body.dataset.ready !== undefined);
  results = (await supports(page, scenario))
    ? await { publish, watch, socket, refused, layers, switching }[scenario](page)
    : { lacks: `${codec} (${scenario})` };
} catch (error) {
  failure = error;
}
await browser.close();
rmSync(profile, { recursive: true, force: true });
if (failure) console.error(failure.stack ?? failure);
console.log(JSON.stringify(results));
process.exit(failure ? 1 : 0);
