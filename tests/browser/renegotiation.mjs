// An RTCPeerConnection in a page, controlled by the lines of standard input; prints a line for each of them.
// usage: node renegotiation.mjs chromium|firefox CAMERA.y4m [URL]
// line: {"call": NAME, "args": [...]}; answer: {"value": ...} or {"error": TEXT}.
// CAMERA.y4m: the video of the fake camera of Chromium. Firefox has its own. URL: a page with buttons and videos of its own.
import { createServer } from "node:http";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const [name, camera, url] = process.argv.slice(2);
const home = mkdtempSync(join(tmpdir(), "codec-renegotiation-"));

async function chromium() {
  const { chromium } = await import("playwright-core");
  const context = await chromium.launchPersistentContext(home, {
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    args: [
      "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-sync",
      "--autoplay-policy=no-user-gesture-required",
      "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
      `--use-file-for-fake-video-capture=${camera}`,
    ],
  });
  return { close: () => context.close(), page: await context.newPage() };
}

async function firefox() {
  const { default: puppeteer } = await import("puppeteer-core");
  const quiet = Object.fromEntries([
    "app.update.enabled", "datareporting.policy.dataSubmissionEnabled", "extensions.getAddons.cache.enabled",
    "media.gmp-manager.updateEnabled", "media.gmp-provider.enabled", "network.captive-portal-service.enabled",
    "network.connectivity-service.enabled", "toolkit.telemetry.enabled",
  ].map((key) => [key, false]));
  const browser = await puppeteer.launch({
    browser: "firefox",
    executablePath: process.env.FIREFOX ?? "/usr/bin/firefox-esr",
    headless: true,
    env: { ...process.env, HOME: home },
    extraPrefsFirefox: {
      ...quiet,
      "services.settings.server": "",
      "media.autoplay.default": 0,
      "media.navigator.streams.fake": true,
      "media.navigator.permission.disabled": true,
      "media.peerconnection.ice.loopback": true,
      "media.peerconnection.ice.obfuscate_host_addresses": false,
    },
  });
  return { close: () => browser.close(), page: await browser.newPage() };
}

/// Runs in the page: the functions that the lines name.
function prepare() {
  let pc;
  const gathered = async () => {
    while (pc.iceGatheringState !== "complete") {
      await new Promise((done) => pc.addEventListener("icegatheringstatechange", done, { once: true }));
    }
    return pc.localDescription.sdp;
  };
  const media = async (constraints) => (await navigator.mediaDevices.getUserMedia(constraints)).getTracks()[0];
  const section = (mid) => pc.getTransceivers().find((each) => each.mid === mid);
  window.call = {
    start() {
      pc = new RTCPeerConnection();
      pc.createDataChannel("signalling");
      pc.addEventListener("track", ({ transceiver, track }) => {
        const video = document.createElement(track.kind);
        video.muted = true;
        video.autoplay = true;
        video.dataset.mid = transceiver.mid;
        video.srcObject = new MediaStream([track]);
        document.body.append(video);
      });
      pc.addEventListener("datachannel", ({ channel }) => channel.send("welcome"));
    },
    async offer(options) {
      await pc.setLocalDescription(await pc.createOffer(options));
      return gathered();
    },
    async answer(sdp) {
      await pc.setRemoteDescription({ type: "offer", sdp });
      await pc.setLocalDescription(await pc.createAnswer());
      return gathered();
    },
    accept: (sdp) => pc.setRemoteDescription({ type: "answer", sdp }),
    rollBack: () => pc.setLocalDescription({ type: "rollback" }),
    /// Adds a camera or a microphone.
    async add(kind, direction) {
      const track = await media({ [kind]: true });
      pc.addTransceiver(track, { direction, streams: [new MediaStream([track])] });
    },
    /// Sends a camera in a section that the other end added.
    async addTo(mid) {
      const track = await media({ video: true });
      await section(mid).sender.replaceTrack(track);
      section(mid).direction = "sendrecv";
    },
    direction(mid, direction) {
      section(mid).direction = direction;
    },
    stop: (mid) => section(mid).stop(),
    state: () => ({
      connection: pc.connectionState,
      signalling: pc.signalingState,
      ufrag: /a=ice-ufrag:(\S+)/.exec(pc.localDescription.sdp)?.[1],
    }),
    /// The media of each section.
    async sections() {
      const of = pc.getTransceivers().map(async ({ mid, receiver, sender, currentDirection }) => {
        const reports = async (from, type) =>
          [...(await from.getStats()).values()].find((report) => report.type === type) ?? {};
        const received = await reports(receiver, "inbound-rtp");
        const sent = await reports(sender, "outbound-rtp");
        const element = document.querySelector(`[data-mid="${mid}"]`);
        return {
          mid,
          kind: receiver.track.kind,
          direction: currentDirection,
          decoded: received.framesDecoded ?? 0,
          packets: received.packetsReceived ?? 0,
          width: element?.videoWidth ?? 0,
          height: element?.videoHeight ?? 0,
          sent: sent.packetsSent ?? 0,
        };
      });
      return Promise.all(of);
    },
  };
}

/// Runs in a page of its own: its buttons and videos.
function observe() {
  window.call = {
    press: (id) => document.getElementById(id).click(),
    videos: () => [...document.querySelectorAll("video")].map(({ videoWidth, videoHeight, currentTime }) =>
      ({ width: videoWidth, height: videoHeight, seconds: currentTime })),
    state: () => document.getElementById("state").textContent,
  };
}

const server = createServer((_, response) => {
  response.setHeader("content-type", "text/html");
  response.end("<!doctype html><title>renegotiation</title><link rel=icon href=data:,><body>");
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const { close, page } = await { chromium, firefox }[name]();
const complaints = [];
page.on("pageerror", (error) => complaints.push(`error: ${error.stack ?? error}`));
await page.goto(url ?? `http://127.0.0.1:${server.address().port}/`);
await page.evaluate(url ? observe : prepare);
for await (const line of createInterface({ input: process.stdin })) {
  const { call, args } = JSON.parse(line);
  let answer;
  try {
    answer = { value: (await page.evaluate(([name, args]) => window.call[name](...args), [call, args])) ?? null };
  } catch (error) {
    answer = { error: String(error) };
  }
  console.log(JSON.stringify(answer));
}
await close();
rmSync(home, { recursive: true, force: true });
for (const complaint of complaints) console.error(complaint);
process.exit(complaints.length === 0 ? 0 : 1);
