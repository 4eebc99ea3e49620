// Uses the page of `codec serve`, and prints the measurements as JSON.
// usage: node serve.mjs URL CAMERA.y4m FILE SCENARIO [TOKEN]
// FILE: the file that is sent to the server, or the video file that is published.
import { chromium } from "playwright-core";
import { strict as assert } from "node:assert";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const [url, cameraFile, file, scenario, token] = process.argv.slice(2);
const profile = mkdtempSync(join(tmpdir(), "codec-serve-"));
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
const results = {};
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

async function open({ quiet = false } = {}) {
  const page = await browser.newPage();
  page.on("pageerror", (error) => complaints.push(`error: ${error.stack ?? error}`));
  page.on("console", (message) => {
    if (!quiet && ["error", "warning"].includes(message.type())) {
      complaints.push(`console: ${message.text()}`);
    }
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(url) && !/^(blob|data):/.test(request.url())) {
      complaints.push(`request elsewhere: ${request.url()}`);
    }
  });
  await page.goto(url);
  await page.waitForFunction(() => document.body.dataset.ready !== undefined);
  return page;
}

const stateIs = (page, id, name) =>
  page.waitForFunction(([element, wanted]) => document.getElementById(element).dataset.state === wanted, [id, name], { timeout: 15000 });

async function watch(page, stream, transport) {
  await page.selectOption("#stream", stream);
  await page.check(`input[name=transport][value=${transport}]`);
  await page.click("#watch-start");
  await stateIs(page, "state", "live");
}

const inbound = (page) =>
  page.evaluate(async () => {
    const reports = [...(await window.codec.state.watching.pc.getStats()).values()];
    const video = reports.find((report) => report.type === "inbound-rtp" && report.kind === "video");
    const pair = reports.find((report) => report.type === "candidate-pair" && report.nominated);
    const local = reports.find((report) => report.id === pair?.localCandidateId);
    return { at: performance.now(), ...video, route: local?.candidateType };
  });

/// Statistics of the server and the sender about a stream that this page publishes.
async function published(page, name) {
  const { streams } = await page.evaluate(() => window.codec.api.streams());
  const sent = await page.evaluate(async () => {
    const reports = [...(await window.codec.state.publishing.pc.getStats()).values()];
    const video = reports.find((report) => report.type === "outbound-rtp" && report.kind === "video");
    return { frames: video.framesEncoded, width: video.frameWidth, mode: video.scalabilityMode };
  });
  return { ...streams.find((stream) => stream.name === name), sent };
}

const scenarios = {
  /// WHEP, then a file and a line of chat over its data channel.
  async watch() {
    const page = await open();
    await watch(page, "demo", "webrtc");
    await page.waitForFunction(() => document.getElementById("player").videoWidth > 0);
    await pause(1500);
    const before = await inbound(page);
    await pause(5000);
    const after = await inbound(page);
    results.watch = {
      decoded: after.framesDecoded - before.framesDecoded,
      received: after.framesReceived - before.framesReceived,
      seconds: (after.at - before.at) / 1000,
      width: after.frameWidth,
      height: after.frameHeight,
      freezes: after.freezeCount,
      dropped: after.framesDropped,
      keyFrames: after.keyFramesDecoded,
      delayMs: (1000 * (after.totalProcessingDelay - before.totalProcessingDelay)) / Math.max(1, after.framesDecoded - before.framesDecoded),
      route: after.route,
    };
    // Video is shown, and it moves.
    results.watch.moves = await page.evaluate(async () => {
      const video = document.getElementById("player");
      const small = new OffscreenCanvas(64, 36).getContext("2d", { willReadFrequently: true });
      const look = () => {
        small.drawImage(video, 0, 0, 64, 36);
        return [...small.getImageData(0, 0, 64, 36).data];
      };
      const first = look();
      await new Promise((done) => setTimeout(done, 500));
      const second = look();
      return first.reduce((sum, value, at) => sum + Math.abs(value - second[at]), 0) / first.length;
    });
    await page.waitForFunction(() => window.codec.state.stream.qindex !== undefined);
    await page.waitForFunction(() => window.codec.graphs.qindex.values.length > 2);
    results.watch.stats = await page.evaluate(() => window.codec.state.stream);
    await page.fill("#chat-text", "good day <b>");
    await page.click("#chat-send");
    await page.waitForFunction(() => document.querySelector("#chat li")?.textContent.includes("good day <b>"));
    await page.setInputFiles("#file", file);
    await page.waitForFunction(() => document.querySelector("#files li")?.dataset.outcome !== undefined, null, { timeout: 30000 });
    results.file = await page.evaluate(() => document.querySelector("#files li small").textContent);
    if (process.env.CODEC_SCREENSHOTS) {
      for (const colorScheme of ["light", "dark"]) {
        await page.emulateMedia({ colorScheme });
        await page.screenshot({ path: join(process.env.CODEC_SCREENSHOTS, `serve-${colorScheme}.png`), fullPage: true });
      }
      await page.setViewportSize({ width: 400, height: 800 });
      await page.screenshot({ path: join(process.env.CODEC_SCREENSHOTS, "serve-400.png"), fullPage: true });
    }
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(overflow <= 0, `the page is ${overflow} pixels too wide`);
    await page.click("#watch-stop");
    await stateIs(page, "state", "ended");
    await page.close();
  },

  /// WebSocket and WebCodecs.
  async socket() {
    const page = await open();
    await watch(page, "demo", "socket");
    await pause(1000);
    const count = () => page.evaluate(() => ({ at: performance.now(), ...window.codec.state.watching.counts }));
    const before = await count();
    await pause(3000);
    const after = await count();
    results.socket = {
      decoded: after.decoded - before.decoded,
      seconds: (after.at - before.at) / 1000,
      errors: after.errors,
      dropped: after.dropped,
      size: await page.evaluate(() => [window.codec.state.watching.canvas.width, window.codec.state.watching.canvas.height]),
      colours: await page.evaluate(() => {
        const { canvas } = window.codec.state.watching;
        const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
        return new Set(data.filter((_, at) => at % 4 === 0)).size;
      }),
    };
    await page.click("#watch-stop");
    await page.close();
  },

  /// The camera, by WHIP, while a second page watches.
  async publish() {
    const page = await open();
    await page.fill("#name", "camera");
    await page.click("#publish-start");
    await stateIs(page, "publish-state", "live");
    const viewer = await open();
    await viewer.waitForFunction(() => [...document.getElementById("stream").options].some((option) => option.value === "camera"), null, { timeout: 10000 });
    await watch(viewer, "camera", "webrtc");
    await pause(6000);
    results.publish = await published(page, "camera");
    results.publish.watched = (await inbound(viewer)).framesDecoded;
    await page.click("#publish-stop");
    await stateIs(viewer, "state", "ended");
    await page.close();
    await viewer.close();
  },

  /// The screen, which is ended by the browser's own button.
  async screen() {
    const page = await open();
    await page.fill("#name", "screen");
    await page.check("input[name=source][value=screen]");
    assert.ok(await page.isHidden("#clip"));
    await page.click("#publish-start");
    await stateIs(page, "publish-state", "live");
    await pause(4000);
    results.screen = await published(page, "screen");
    results.screen.preview = await page.evaluate(() => document.getElementById("preview").videoWidth);
    results.screen.settings = await page.evaluate(() => {
      const [track] = document.getElementById("preview").srcObject.getVideoTracks();
      const { displaySurface, width, height } = track.getSettings();
      track.dispatchEvent(new Event("ended"));
      return { displaySurface, width, height };
    });
    await stateIs(page, "publish-state", "ended");
    await page.waitForFunction(() => document.getElementById("preview").hidden);
    assert.ok(await page.isEnabled("#publish-start"));
    await page.close();
  },

  /// A video file with audio; before it, no file, and a file that is not a video.
  async film() {
    const page = await open();
    await page.fill("#name", "film");
    await page.check("input[name=source][value=file]");
    assert.ok(await page.isVisible("#clip"));
    const refused = async (reason) => {
      await page.click("#publish-start");
      await page.waitForFunction((text) => document.getElementById("notice").textContent.includes(text), reason);
      assert.equal(await page.getAttribute("#publish-state", "data-state"), "failed");
    };
    await refused("Choose a video file first");
    await page.setInputFiles("#clip", { name: "no-film.webm", mimeType: "video/webm", buffer: Buffer.from("no film") });
    await refused("cannot play no-film.webm");
    await page.setInputFiles("#clip", file);
    await page.click("#publish-start");
    await stateIs(page, "publish-state", "live");
    await pause(6000);
    results.film = await published(page, "film");
    await page.click("#publish-stop");
    await stateIs(page, "publish-state", "ended");
    await page.waitForFunction(() => document.getElementById("preview").hidden);
    await page.close();
  },

  /// Only through the TURN server that the last argument names.
  async relay() {
    const page = await open();
    await page.evaluate((urls) => {
      window.codec.state.settings = {
        iceTransportPolicy: "relay",
        iceServers: [{ urls, username: "someone", credential: "their-secret" }],
      };
    }, token);
    await watch(page, "demo", "webrtc");
    await pause(3000);
    const { framesDecoded, route } = await inbound(page);
    results.relay = { framesDecoded, route };
    await page.click("#watch-stop");
    await page.close();
  },

  /// The page restarts ICE when the browser is online again, and when its path is interrupted: video continues in the
  /// same session.
  async restart() {
    const page = await open({ quiet: true });
    await watch(page, "demo", "webrtc");
    await page.waitForFunction(() => document.getElementById("player").videoWidth > 0);
    const look = () => page.evaluate(async () => {
      const call = window.codec.state.watching;
      const reports = [...(await call.pc.getStats()).values()];
      const video = reports.find((report) => report.type === "inbound-rtp" && report.kind === "video");
      const transport = reports.find((report) => report.type === "transport");
      return {
        frames: video.framesDecoded, ssrc: video.ssrc, ufrag: transport.iceLocalUsernameFragment, dtls: transport.dtlsState,
        restarts: call.ice.count, session: call.session, state: call.pc.connectionState,
      };
    });
    const restarts = (count) => page.waitForFunction((wanted) => window.codec.state.watching.ice.count >= wanted, count, { timeout: 20000 });
    const plays = async () => {
      const before = await look();
      let now = before;
      for (const end = Date.now() + 20000; now.frames < before.frames + 60 && Date.now() < end;) {
        await pause(200);
        now = await look();
      }
      return { ...now, decoded: now.frames - before.frames };
    };
    const first = await plays();
    await browser.setOffline(true);
    await browser.setOffline(false);
    await restarts(1);
    const online = await plays();
    // The test interrupts the link for some seconds when this file exists.
    writeFileSync(join(dirname(file), "interrupt"), "");
    await restarts(online.restarts + 1);
    const recovered = await plays();
    results.restart = { first, online, recovered };
    await page.click("#watch-stop");
    await page.close();
  },

  /// A call with an RSA certificate, which the server cannot verify: it ends the session.
  async rsa() {
    const page = await open({ quiet: true });
    results.rsa = await page.evaluate(async () => {
      const algorithm = { name: "RSASSA-PKCS1-v1_5", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" };
      const certificates = [await RTCPeerConnection.generateCertificate(algorithm)];
      const pc = new RTCPeerConnection({ certificates, bundlePolicy: "max-bundle" });
      pc.addTransceiver("video", { direction: "recvonly" });
      await pc.setLocalDescription();
      const { sdp, session } = await window.codec.api.negotiate("/whep/demo", pc.localDescription.sdp);
      await pc.setRemoteDescription({ type: "answer", sdp });
      const begin = performance.now();
      const headers = { "content-type": "application/trickle-ice-sdpfrag", "if-match": "*" };
      let status = 204;
      while (status === 204 && performance.now() - begin < 25000) {
        await new Promise((done) => setTimeout(done, 200));
        status = (await fetch(session, { method: "PATCH", headers, body: "" })).status;
      }
      return { status, seconds: (performance.now() - begin) / 1000, state: pc.connectionState, ice: pc.iceConnectionState };
    });
    await page.close();
  },

  /// Nothing is wider than its window or too small for a finger; a link opens its stream; an
  /// interrupted connection is not shown as live.
  async layout() {
    const page = await open();
    for (const width of [1280, 320]) {
      await page.setViewportSize({ width, height: 900 });
      for (const source of ["camera", "screen", "file"]) {
        await page.check(`input[name=source][value=${source}]`);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(wide <= 0, `${source} at ${width}: ${wide} pixels too wide`);
        assert.equal(await page.isVisible("#devices"), source === "camera");
        const small = await page.evaluate(() =>
          [...document.querySelectorAll("button, select, input:not([type=radio]), .button, fieldset label")]
            .filter((element) => element.offsetParent && !element.parentElement.matches(".button"))
            .map((element) => [element.id || element.textContent.trim(), element.getBoundingClientRect()])
            .filter(([, { width: across, height }]) => across < 44 || height < 44)
            .map(([name]) => name));
        assert.deepEqual(small, [], `too small at ${width}`);
      }
    }
    const options = (id) => page.evaluate((list) => [...document.getElementById(list).options].map(({ value }) => value), id);
    assert.ok((await options("camera")).length >= 2, "no camera can be chosen");
    assert.equal((await options("microphone")).at(-1), "none");
    assert.match(await page.textContent("#stream-facts"), /^demo – (320×180, \d+ frames\/s – )?VP8 – local$/);
    const steps = await page.evaluate(async () => {
      const { step } = await import("/graphs.js");
      return [1836, 1, 2, 0.3, 100, 2000.5, 20].map(step);
    });
    assert.deepEqual(steps, [1000, 0.5, 1, 0.2, 50, 2000, 10]);
    await page.click("#share");
    const link = await page.inputValue("#link");
    assert.ok(link.endsWith("#watch=demo"), link);
    await page.close();

    const guest = await open();
    await guest.goto(link);
    await guest.reload();
    await stateIs(guest, "state", "live");
    await guest.evaluate(() => {
      const { pc } = window.codec.state.watching;
      Object.defineProperty(pc, "connectionState", { value: "disconnected", configurable: true });
      pc.dispatchEvent(new Event("connectionstatechange"));
    });
    await stateIs(guest, "state", "interrupted");
    await guest.evaluate(() => {
      const { pc } = window.codec.state.watching;
      Object.defineProperty(pc, "connectionState", { value: "failed", configurable: true });
      pc.dispatchEvent(new Event("connectionstatechange"));
    });
    await stateIs(guest, "state", "failed");
    assert.match(await guest.textContent("#notice"), /connection to the server was lost/);
    results.layout = "fits";
    await guest.close();
  },

  /// A token is required; a wrong one is reported, the right one is accepted.
  async token() {
    const page = await open({ quiet: true });
    assert.equal(await page.evaluate(() => document.body.dataset.ready), "rejected");
    const use = async (text) => {
      await page.fill("#token", text);
      await page.click("#token-apply");
    };
    assert.match(await page.textContent("#notice"), /token is required/i);
    await use("not-the-right-token");
    await page.waitForFunction(() => /Invalid token/.test(document.getElementById("notice").textContent));
    assert.ok(await page.isDisabled("#watch-start"));
    await pause(200);
    await use(token);
    await page.waitForFunction(() => document.body.dataset.ready === "yes");
    await watch(page, "demo", "socket");
    await page.click("#watch-stop");
    await watch(page, "demo", "webrtc");
    results.token = "opened";
    await page.close();
  },
};

let failure = null;
try {
  for (const name of scenario.split(",")) await scenarios[name]();
} catch (error) {
  failure = error;
  for (const page of browser.pages()) {
    const shown = await page.evaluate(() => ({ notice: document.getElementById("notice")?.textContent, state: document.getElementById("state")?.textContent })).catch(() => ({}));
    complaints.push(`page shows ${JSON.stringify(shown)}`);
  }
}
await browser.close();
rmSync(profile, { recursive: true, force: true });
if (failure) complaints.unshift(failure.stack ?? String(failure));
for (const complaint of complaints) console.error(complaint);
console.log(JSON.stringify(results));
process.exit(complaints.length === 0 ? 0 : 1);
