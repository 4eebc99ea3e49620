// Publishes and watches in a room of `codec serve` or of Janus's videoroom from Chromium, and prints the measurements as JSON.
// benches/rooms_against_janus.py runs it.
// usage: node rooms_load.mjs codec|janus URL PID CAMERA.y4m PUBLISHERS VIEWERS SECONDS KBPS
import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { CodecRoom, JanusRoom } from "./rooms_signalling.mjs";
import { chromium } from "playwright-core";

const [kind, url, pid, cameraFile, ...numbers] = process.argv.slice(2);
const [publishers, viewers, seconds, kbps] = numbers.map(Number);
const SIZE = { width: 640, height: 360, frameRate: 30 };
/// Media must arrive within this time, and then settles.
const START_MS = 60000;
const SETTLE_MS = 5000;
/// Clock ticks of /proc per second.
const TICKS = 100;
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/// User and system time of the server's process, in seconds.
function cpuTime() {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/// Functions of a page, which both servers' rooms use.
function definePage() {
  const connections = (window.connections = []);

  /// Adds the received video of a connection to the page, so that it is decoded and shown.
  function show(pc) {
    pc.addEventListener("track", ({ track }) => {
      const video = document.createElement("video");
      Object.assign(video, { autoplay: true, muted: true, width: 160, srcObject: new MediaStream([track]) });
      document.body.append(video);
    });
  }

  function connection() {
    const pc = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
    connections.push(pc);
    show(pc);
    return pc;
  }

  const gathered = (pc) =>
    new Promise((done) => {
      const check = () => pc.iceGatheringState === "complete" && done(pc.localDescription.sdp);
      pc.addEventListener("icegatheringstatechange", check);
      check();
    });

  function onlyVp8(transceiver, side) {
    const { codecs } = side.getCapabilities("video");
    transceiver.setCodecPreferences(codecs.filter(({ mimeType }) => /\/(vp8|rtx)$/i.test(mimeType)));
  }

  /// Makes an offer. `encodings`: of the camera, empty if it is not sent; `sections`: videos to receive.
  window.offer = async ({ size, encodings, sections, channel }) => {
    const pc = connection();
    if (channel) pc.createDataChannel(channel);
    if (encodings.length > 0) {
      const media = await navigator.mediaDevices.getUserMedia({ video: size });
      const [track] = media.getVideoTracks();
      onlyVp8(pc.addTransceiver(track, { direction: "sendonly", sendEncodings: encodings }), RTCRtpSender);
    }
    for (let section = 0; section < sections; section += 1) {
      onlyVp8(pc.addTransceiver("video", { direction: "recvonly" }), RTCRtpReceiver);
    }
    await pc.setLocalDescription();
    return gathered(pc);
  };

  window.accept = (sdp) => connections.at(-1).setRemoteDescription({ type: "answer", sdp });

  window.answer = async (sdp) => {
    const pc = connection();
    await pc.setRemoteDescription({ type: "offer", sdp });
    await pc.setLocalDescription();
    return gathered(pc);
  };

  /// Counters of all video that the page sends and receives.
  window.counters = async () => {
    const reports = [];
    for (const pc of connections) reports.push(...(await pc.getStats()).values());
    const sums = (type, names) => {
      const videos = reports.filter((report) => report.type === type && report.kind === "video");
      return videos.map((report) => Object.fromEntries(names.map((name) => [name, report[name] ?? 0])));
    };
    return {
      received: sums("inbound-rtp", [
        "framesDecoded", "framesDropped", "freezeCount", "packetsReceived", "packetsLost", "bytesReceived", "frameHeight",
      ]),
      sent: sums("outbound-rtp", ["framesEncoded", "packetsSent", "bytesSent", "frameHeight"]),
    };
  };
}

/// The encodings of a camera: two sizes when several people meet, one for an audience.
function encodings() {
  const full = { maxBitrate: kbps * 1000 };
  if (publishers === 1) return [full];
  return [{ rid: "h", ...full }, { rid: "m", scaleResolutionDownBy: 2, maxBitrate: 150_000 }];
}

const total = (items, name) => items.reduce((sum, item) => sum + item[name], 0);

/// Waits until each page decodes all videos that it watches.
async function untilReceived(pages, expected) {
  const end = Date.now() + START_MS;
  for (;;) {
    const counts = await Promise.all(pages.map((page) => page.evaluate(() => window.counters())));
    const decoding = counts.map(({ received }) => received.filter(({ framesDecoded }) => framesDecoded > 0).length);
    if (decoding.every((count, index) => count >= expected[index])) return;
    assert.ok(Date.now() < end, `the pages decode ${decoding} videos; expected: ${expected}`);
    await pause(200);
  }
}

async function measure(pages) {
  const snapshot = async () => ({
    at: performance.now(),
    cpu: cpuTime(),
    pages: await Promise.all(pages.map((page) => page.evaluate(() => window.counters()))),
  });
  const before = await snapshot();
  await pause(seconds * 1000);
  const after = await snapshot();
  const change = (index, side, name) => total(after.pages[index][side], name) - total(before.pages[index][side], name);
  const largest = (index) => Math.max(0, ...after.pages[index].sent.map(({ frameHeight }) => frameHeight));
  /// Frames of the largest size that each page encoded.
  const encoded = pages.map((_, index) => {
    const of = (moment) => total(moment.pages[index].sent.filter(({ frameHeight }) => frameHeight === largest(index)), "framesEncoded");
    return of(after) - of(before);
  });
  return {
    seconds: (after.at - before.at) / 1000,
    cpuSeconds: after.cpu - before.cpu,
    pages: pages.map((_, index) => ({
      encoded: encoded[index],
      expected: total(encoded.filter((_, other) => other !== index).map((count) => ({ count })), "count"),
      decoded: change(index, "received", "framesDecoded"),
      freezes: change(index, "received", "freezeCount"),
      packetsIn: change(index, "sent", "packetsSent"),
      packetsOut: change(index, "received", "packetsReceived"),
      bytesOut: change(index, "received", "bytesReceived"),
      lost: change(index, "received", "packetsLost"),
      heights: after.pages[index].received.map(({ frameHeight }) => frameHeight),
    })),
  };
}

// Cameras need a page of a secure origin: of this machine.
const blank = createServer((_, response) => response.setHeader("content-type", "text/html").end("<title>room</title>"));
await new Promise((done) => blank.listen(0, "127.0.0.1", done));
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  headless: true,
  args: [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-background-timer-throttling", "--disable-renderer-backgrounding", "--disable-backgrounding-occluded-windows",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
    `--use-file-for-fake-video-capture=${cameraFile}`,
  ],
});
const room = kind === "codec" ? new CodecRoom(url) : await JanusRoom.open(url);
try {
  const count = publishers + viewers;
  const pages = [];
  for (let index = 0; index < count; index += 1) {
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${blank.address().port}/`);
    await page.evaluate(definePage);
    pages.push(page);
  }
  const expected = pages.map((_, index) => (index < publishers ? publishers - 1 : publishers));
  const camera = { size: SIZE, encodings: encodings() };
  for (const [index, page] of pages.entries()) {
    await room.enter(page, index < publishers ? camera : null, expected[index]);
  }
  for (const [index, page] of pages.entries()) await room.watch(page, expected[index]);
  await untilReceived(pages, expected);
  await pause(SETTLE_MS);
  console.log(JSON.stringify(await measure(pages)));
} finally {
  await room.close();
  await browser.close();
  blank.close();
}
