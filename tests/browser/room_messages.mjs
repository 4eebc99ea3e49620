// Messages and devices in a conference room of `codec serve`; prints the measurements as JSON.
// usage: node room_messages.mjs URL CAMERA.y4m SCENARIO
import { strict as assert } from "node:assert";
import { callIs, launch, pause, tile } from "./room_browser.mjs";

const [url, cameraFile, scenario] = process.argv.slice(2);
const { open, run } = await launch(url, cameraFile, true);
const results = {};
const TIMEOUT = { timeout: 60000 };

/// Joins a room, with the chat open.
async function join(room, name) {
  const page = await open(room, `name=${name}&join`);
  await callIs(page, "live");
  await page.click("#chat-open");
  return page;
}

/// Records the offsets of sent chunks, and cuts the connection after the first chunk that passes half of a
/// file of more than one chunk.
const cutHalfWay = (page) =>
  page.evaluate(() => {
    window.cut = { offsets: [], first: 0, bytes: 0, isDown: false };
    window.sendOnChannel ??= RTCDataChannel.prototype.send;
    RTCDataChannel.prototype.send = function sendAndCut(data) {
      const { cut } = window;
      if (typeof data === "string") {
        const message = JSON.parse(data);
        if (message.type === "file") cut.bytes = message.bytes;
      } else if (cut.isDown) {
        return;
      }
      window.sendOnChannel.call(this, data);
      if (typeof data === "string") return;
      const at = Number(new DataView(data.buffer).getBigUint64(4));
      cut.offsets.push(at);
      if (cut.first > 0 || 2 * (at + data.byteLength) <= cut.bytes) return;
      Object.assign(cut, { first: cut.offsets.length, isDown: true });
      // The chunk has a moment to arrive.
      setTimeout(() => {
        window.codec.room.cut();
        cut.isDown = false;
      }, 100);
    };
  });

/// The last message with an attachment of this kind, once its player knows its media. A recording has no
/// duration in its file: the last time that can be played is searched.
const attachment = (page, kind) =>
  page.evaluate(async (wanted) => {
    const until = performance.now() + 60000;
    for (;;) {
      const box = [...document.querySelectorAll(`.attachment[data-kind=${wanted}]`)].at(-1);
      const media = box?.querySelector("audio, video");
      if (media?.readyState >= 1) {
        media.currentTime = 1e6;
        await new Promise((done) => media.addEventListener("seeked", done, { once: true }));
        const bytes = await (await fetch(media.src)).arrayBuffer();
        const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
        const hex = [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
        const shown = box.querySelector(".digest").textContent;
        return { seconds: media.currentTime, isEqual: shown === `SHA-256 ${hex}`, label: media.ariaLabel };
      }
      if (performance.now() > until) throw new Error(`no ${wanted} message`);
      await new Promise((done) => setTimeout(done, 100));
    }
  }, kind);

/// Records a message of a kind for a time and sends it through a connection that is cut half-way.
async function send(page, kind, ms) {
  await cutHalfWay(page);
  // By keyboard.
  await page.focus(`#record-${kind}`);
  await page.keyboard.press("Enter");
  await page.waitForSelector("#record-send:focus");
  await pause(ms);
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => window.cut.first > 0 && window.cut.offsets.length > window.cut.first, null, TIMEOUT);
  const { offsets, first } = await page.evaluate(() => window.cut);
  await callIs(page, "live");
  await page.waitForFunction(() => document.querySelectorAll("#uploads li").length === 0, null, TIMEOUT);
  return offsets[first];
}

/// The longest pause of the shown video and of received audio in a page, and the audio that was missing, from
/// now until `stopGaps` is called in it. A page in the background shows one frame a second.
const watchGaps = (page) =>
  page.evaluate(() => {
    const gaps = { video: 0, audio: 0 };
    const video = [...document.querySelectorAll("#tiles li[data-source=camera] video")]
      .find((it) => !it.classList.contains("mirrored"));
    let last = performance.now();
    let packets = { count: -1, at: last };
    let isOver = false;
    let begin = null;
    let end = null;
    const frame = (now) => {
      gaps.video = Math.max(gaps.video, now - last);
      last = now;
      if (!isOver) video.requestVideoFrameCallback(frame);
    };
    video.requestVideoFrameCallback(frame);
    const poll = async () => {
      while (!isOver) {
        const reports = [...(await window.codec.room.pc.getStats()).values()];
        const audio = reports.filter(({ type, kind }) => type === "inbound-rtp" && kind === "audio");
        const count = audio.reduce((sum, { packetsReceived }) => sum + packetsReceived, 0);
        const now = performance.now();
        const sum = (name) => audio.reduce((total, report) => total + (report[name] ?? 0), 0);
        end = { concealed: sum("concealedSamples") - sum("silentConcealedSamples"), all: sum("totalSamplesReceived") };
        begin ??= end;
        if (packets.count >= 0) gaps.audio = Math.max(gaps.audio, now - packets.at);
        if (count !== packets.count) packets = { count, at: now };
        await new Promise((done) => setTimeout(done, 10));
      }
    };
    poll();
    window.stopGaps = () => {
      isOver = true;
      const now = performance.now();
      return {
        videoGapMs: Math.round(Math.max(gaps.video, now - last)),
        audioGapMs: Math.round(Math.max(gaps.audio, now - packets.at)),
        concealedMs: Math.round((end.concealed - begin.concealed) / 48),
        isSame: document.contains(video),
      };
    };
  });

const stateOf = (page) => page.evaluate(() => window.codec.room.state());
const isActive = (page, wanted) =>
  page.waitForFunction((active) => window.codec.room.state().active === active, wanted, TIMEOUT);

const scenarios = {
  /// Text, a voice message of 10 s and a video message of 5 s reach three others, one of whom is away.
  async messages() {
    const ann = await join("mail", "Ann");
    const bob = await join("mail", "Bob");
    const cem = await join("mail", "Cem");
    const dan = await join("mail", "Dan");
    await dan.click("#leave");
    await callIs(dan, "ended");
    await ann.fill("#chat-text", "good day <b>");
    await ann.press("#chat-text", "Enter");
    const at = { voice: await send(ann, "voice", 10_200), video: await send(ann, "video", 5200) };
    await dan.click("#join");
    await callIs(dan, "live");
    await dan.waitForFunction(() => /^Chat \(3\)$/.test(document.getElementById("chat-open").textContent), null, TIMEOUT);
    await dan.click("#chat-open");
    const others = [bob, cem, dan];
    for (const page of others) {
      await page.waitForFunction(() => document.querySelectorAll("#chat li").length === 3, null, TIMEOUT);
      const first = await page.locator("#chat li").first().textContent();
      assert.ok(first.startsWith("Anngood day <b>"), first);
    }
    results.text = "all";
    for (const kind of ["voice", "video"]) {
      const received = await Promise.all(others.map((page) => attachment(page, kind)));
      assert.match(received[0].label, new RegExp(`^${kind} message of Ann, 0:\\d\\d$`, "i"));
      results[kind] = {
        resumedAt: at[kind],
        receivers: received.length,
        seconds: Math.min(...received.map(({ seconds }) => seconds)),
        digests: received.every(({ isEqual }) => isEqual) ? "equal" : received,
      };
    }
    await dan.waitForFunction(() => document.getElementById("chat-open").textContent === "Chat", null, TIMEOUT);
    assert.equal((await stateOf(dan)).messages.read, 3);
    for (const page of [ann, ...others]) await page.close();
  },

  /// One person on two devices: neither hears the other, the read mark is shared, the call moves.
  async devices() {
    const bob = await join("phones", "Bob");
    const first = await join("phones", "Ann");
    const second = await open("phones", "name=Ann&join");
    await callIs(second, "live");
    await isActive(first, true);
    await second.waitForFunction(() => !document.getElementById("device").hidden, null, TIMEOUT);
    const video = tile(bob, "Ann").locator("video");
    await bob.waitForFunction((it) => it.videoWidth > 0, await video.elementHandle(), TIMEOUT);
    await pause(3000);
    results.tiles = await bob.locator("#tiles li").count();

    // Each device of Ann receives the audio of Bob, and that of no other.
    const sections = (page) => page.evaluate(async () => {
      const reports = [...(await window.codec.room.pc.getStats()).values()];
      const audio = reports.filter(({ type, kind }) => type === "inbound-rtp" && kind === "audio");
      return audio.filter(({ packetsReceived }) => packetsReceived > 5).length;
    });
    const heard = [await sections(first), await sections(second)];
    assert.ok(heard.every((count) => count >= 1), `audio of Bob: ${heard}`);
    results.heard = heard.reduce((sum, count) => sum + count, 0) - 2;
    const sent = await second.evaluate(async () => {
      const reports = [...(await window.codec.room.pc.getStats()).values()];
      return reports.filter(({ type }) => type === "outbound-rtp").reduce((sum, { packetsSent }) => sum + packetsSent, 0);
    });
    assert.equal(sent, 0, "the second device sends");

    await bob.fill("#chat-text", "to both");
    await bob.press("#chat-text", "Enter");
    // The chat is open on the first device: the second one shows it as read.
    await first.waitForFunction(() => window.codec.room.state().messages.read === 1, null, TIMEOUT);
    await second.waitForFunction(() => window.codec.room.state().messages.read === 1, null, TIMEOUT);
    await second.waitForFunction(() => document.querySelectorAll("#chat li").length === 1, null, TIMEOUT);
    assert.equal(await second.textContent("#chat-open"), "Chat");
    results.readMark = "shared";

    await bob.bringToFront();
    await pause(500);
    await watchGaps(bob);
    await pause(3500);
    results.withoutHandOver = await bob.evaluate(() => window.stopGaps());
    results.handOvers = [];
    for (const [from, to] of [[first, second], [second, first], [first, second]]) {
      await watchGaps(bob);
      await pause(1000);
      await to.evaluate(() => document.getElementById("take").click());
      const start = Date.now();
      await isActive(to, true);
      await isActive(from, false);
      const ms = Date.now() - start;
      await pause(2000);
      const gaps = { ...(await bob.evaluate(() => window.stopGaps())), ms };
      assert.ok(gaps.isSame, "the tile was replaced");
      results.handOvers.push(gaps);
      assert.equal(await bob.locator("#tiles li").count(), 2);
    }
    for (const page of [bob, first, second]) await page.close();
  },
};

await run(scenarios, scenario, results);
