// Uses the page of `codec serve` in Firefox, and prints the measurements as JSON.
// usage: node firefox.mjs URL STREAM [default|fallback|h264|vp9|room]
// default: with Firefox's own preferences for ICE, which uses no address of the loopback interface.
// fallback: the same with a server that is reachable on loopback only; the page watches by WebSocket.
// room: meets one other person in the room STREAM.
// h264: watches a stream of H.264 and publishes one, or shows why it cannot. vp9: watches and publishes VP9.
import puppeteer from "puppeteer-core";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const [url, stream, mode] = process.argv.slice(2);
const loopback = {
  "media.peerconnection.ice.loopback": true,
  "media.peerconnection.ice.obfuscate_host_addresses": false,
};
const home = mkdtempSync(join(tmpdir(), "codec-firefox-"));
const quiet = Object.fromEntries([
  "app.update.enabled", "browser.safebrowsing.malware.enabled", "browser.safebrowsing.phishing.enabled",
  "datareporting.policy.dataSubmissionEnabled", "extensions.getAddons.cache.enabled",
  "media.gmp-manager.updateEnabled", "media.gmp-provider.enabled", "network.captive-portal-service.enabled",
  "network.connectivity-service.enabled", "toolkit.telemetry.enabled",
].map((name) => [name, false]));
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
    ...(["default", "fallback"].includes(mode) ? {} : loopback),
  },
});

const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const complaints = [];
const results = { version: await browser.version() };

const stateIs = (page, id, name) =>
  page.waitForFunction((element, wanted) => document.getElementById(element).dataset.state === wanted, { timeout: 20000 }, id, name);

/// The figures of the video of a call: `watching` or `publishing`.
const figures = (page, side, kind) =>
  page.evaluate(async (which, type) => {
    const reports = [...(await window.codec.state[which].pc.getStats()).values()];
    const video = reports.find((report) => report.type === type && report.kind === "video");
    return { at: performance.now(), ...video };
  }, side, kind);

async function watch(page) {
  await page.select("#stream", stream);
  await page.click("#watch-start");
  await stateIs(page, "state", "live");
  await page.waitForFunction(() => document.getElementById("player").videoWidth > 0, { timeout: 20000 });
  await pause(1500);
  const before = await figures(page, "watching", "inbound-rtp");
  await pause(5000);
  const after = await figures(page, "watching", "inbound-rtp");
  results.watch = {
    decoded: after.framesDecoded - before.framesDecoded,
    seconds: (after.at - before.at) / 1000,
    width: after.frameWidth,
    height: after.frameHeight,
    lost: after.packetsLost,
    player: await page.evaluate(() => {
      const { videoWidth, videoHeight, currentTime } = document.getElementById("player");
      return { width: videoWidth, height: videoHeight, seconds: currentTime };
    }),
  };
  await page.click("#watch-stop");
  await stateIs(page, "state", "ended");
}

/// WebRTC cannot connect to 127.0.0.1.
async function fallBack(page) {
  await page.select("#stream", stream);
  await page.click("#watch-start");
  const begun = Date.now();
  await stateIs(page, "state", "live");
  results.seconds = (Date.now() - begun) / 1000;
  await page.waitForFunction(() => window.codec.state.watching.counts?.decoded > 20, { timeout: 20000 });
  results.notice = await page.evaluate(() => document.getElementById("notice").textContent);
  results.transport = await page.evaluate(() => document.querySelector("input[name=transport]:checked").value);
  await page.click("#publish-start");
  await stateIs(page, "publish-state", "failed");
  results.publishing = await page.evaluate(() => document.getElementById("notice").textContent);
}

async function publish(page) {
  await page.$eval("#name", (element) => { element.value = "firefox"; });
  await page.click("#publish-start");
  await stateIs(page, "publish-state", "live");
  await pause(6000);
  const { streams } = await page.evaluate(() => window.codec.api.streams());
  results.publish = streams.find((known) => known.name === "firefox");
  const sent = await figures(page, "publishing", "outbound-rtp");
  results.publish.sent = { frames: sent.framesEncoded, width: sent.frameWidth, height: sent.frameHeight };
  await page.click("#publish-stop");
  await stateIs(page, "publish-state", "ended");
}

/// Firefox has H.264 in WebRTC only with the OpenH264 plugin, which it downloads itself.
async function h264(page) {
  const has = await page.evaluate(() =>
    RTCRtpReceiver.getCapabilities("video").codecs.some(({ mimeType }) => /h264/i.test(mimeType)));
  if (has) {
    await watch(page);
    await page.select("#codec", "h264");
    await publish(page);
    return;
  }
  results.lacks = "H.264 (the OpenH264 plugin)";
  await page.select("#stream", stream);
  await page.click("#watch-start");
  await page.waitForFunction(() => /H\.264/.test(document.getElementById("notice").textContent), { timeout: 20000 });
  results.notice = await page.evaluate(() => document.getElementById("notice").textContent);
}

/// Meets one other person: waits until both have seen each other.
async function meet(page) {
  await page.waitForFunction(() => document.body.dataset.call === "live", { timeout: 20000 });
  const video = () => page.evaluate(async () => {
    const reports = [...(await window.codec.room.pc.getStats()).values()];
    const { framesDecoded, frameHeight } = reports.find(({ type, framesDecoded }) => type === "inbound-rtp" && framesDecoded > 30) ?? {};
    return framesDecoded ? { decoded: framesDecoded, height: frameHeight } : null;
  });
  const until = Date.now() + 60000;
  while (!results.room) {
    results.room = await video();
    if (Date.now() > until) {
      const seen = await page.evaluate(() => JSON.stringify([window.codec.room.people, window.codec.room.state()]));
      throw new Error(`no video of the other person: ${seen}`);
    }
    await pause(100);
  }
  await page.evaluate(() => {
    document.getElementById("chat-text").value = "seen";
    document.getElementById("chat-form").requestSubmit();
  });
  await page.waitForFunction(() => document.querySelectorAll("#chat li").length >= 2, { timeout: 60000 });
  results.room.sent = await page.evaluate(async () => {
    const reports = [...(await window.codec.room.pc.getStats()).values()];
    const sent = reports.filter(({ type, kind, framesEncoded }) => type === "outbound-rtp" && kind === "video" && framesEncoded > 0);
    return sent.map(({ rid, frameHeight }) => ({ rid, height: frameHeight }));
  });
  // The other page has a moment to see the last line.
  await pause(1000);
}

async function publishVp9(page) {
  await page.select("#codec", "vp9");
  await publish(page);
}

try {
  const page = await browser.newPage();
  // Firefox itself reports the failure.
  const isExpected = (text) => mode === "fallback" && text.includes("ICE failed");
  page.on("pageerror", (error) => {
    if (!isExpected(String(error))) complaints.push(`error: ${error.stack ?? error}`);
  });
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(`console: ${message.text()}`);
  });
  await page.goto(mode === "room" ? `${url}r/${stream}#name=Fox&join` : url);
  await page.waitForFunction(() => document.body.dataset.ready === "yes");
  const scenarios = { fallback: [fallBack], h264: [h264], vp9: [watch, publishVp9], room: [meet], default: [watch] };
  for (const scenario of scenarios[mode] ?? [watch, publish]) {
    try {
      await scenario(page);
    } catch (error) {
      const shown = await page.evaluate(() => ["notice", "state", "publish-state"].map((id) => document.getElementById(id)?.textContent));
      complaints.push(`${scenario.name}: ${error.stack ?? error}; page shows ${JSON.stringify(shown)}`);
      break;
    }
  }
} catch (error) {
  complaints.push(error.stack ?? String(error));
}
await browser.close();
rmSync(home, { recursive: true, force: true });
for (const complaint of complaints) console.error(complaint);
console.log(JSON.stringify(results));
process.exit(complaints.length === 0 ? 0 : 1);
