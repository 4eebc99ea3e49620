// Meets in a conference room of `codec serve`, and prints the measurements as JSON.
// usage: node rooms.mjs URL CAMERA.y4m SCENARIO
import { strict as assert } from "node:assert";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { callIs, launch, pause, tile } from "./room_browser.mjs";

const [url, cameraFile, scenario] = process.argv.slice(2);
const { browser, complaints, open, run } = await launch(url, cameraFile);
const results = {};
const MEDIA_TIMEOUT = { timeout: 90000 };

/// Received media: each video with the name of its person, and the packets of audio.
const received = (page) =>
  page.evaluate(async () => {
    const { pc, people } = window.codec.room;
    const reports = [...(await pc.getStats()).values()].filter(({ type }) => type === "inbound-rtp");
    const of = (source) => (report) => ({
      name: people.find((person) => person[source] === report.mid)?.name,
      source,
      decoded: report.framesDecoded ?? 0,
      freezes: report.freezeCount ?? 0,
      height: report.frameHeight ?? 0,
      lost: report.packetsLost,
    });
    const videos = reports.filter(({ kind }) => kind === "video");
    return {
      at: performance.now(),
      videos: ["camera", "screen"].flatMap((source) => videos.map(of(source))).filter(({ name }) => name),
      audioPackets: reports
        .filter(({ kind }) => kind === "audio")
        .reduce((sum, { packetsReceived }) => sum + packetsReceived, 0),
    };
  });

const videoOf = async (page, name, source = "camera") =>
  (await received(page)).videos.find((video) => video.name === name && video.source === source);

/// Waits until `count` videos of other people are decoded.
async function receives(page, count) {
  const until = Date.now() + MEDIA_TIMEOUT.timeout;
  for (;;) {
    const { videos } = await received(page);
    if (videos.filter(({ decoded }) => decoded > 0).length >= count) return;
    assert.ok(Date.now() < until, `received ${JSON.stringify(videos)}, expected ${count} videos`);
    await pause(100);
  }
}

/// Joins by the button; returns the time until the first frame of another person is decoded.
const joinAndTime = (page) =>
  page.evaluate(async (timeout) => {
    const start = performance.now();
    document.getElementById("join").click();
    while (performance.now() - start < timeout) {
      const reports = [...((await window.codec.room.pc?.getStats()) ?? new Map()).values()];
      if (reports.some(({ type, framesDecoded }) => type === "inbound-rtp" && framesDecoded > 0)) {
        return Math.round(performance.now() - start);
      }
      await new Promise((done) => setTimeout(done, 10));
    }
    throw new Error("no frame decoded");
  }, MEDIA_TIMEOUT.timeout);

async function screenshot(page, name) {
  if (!process.env.CODEC_SCREENSHOTS) return;
  for (const colorScheme of ["dark", "light"]) {
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: join(process.env.CODEC_SCREENSHOTS, `room-${name}-${colorScheme}.png`) });
  }
}

/// Nothing is wider than the window, and each button has a name and is large enough for a finger.
async function fits(page, what) {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(over <= 0, `${what}: ${over} pixels too wide`);
  const session = await browser.newCDPSession(page);
  const { nodes } = await session.send("Accessibility.getFullAXTree");
  await session.detach();
  const controls = nodes.filter(({ ignored, role }) => !ignored && ["button", "textbox", "combobox"].includes(role?.value));
  assert.ok(controls.length >= 3, `${what}: ${controls.length} controls`);
  const unnamed = controls.filter(({ name }) => !name?.value.trim()).length;
  assert.equal(unnamed, 0, `${what}: ${unnamed} controls without a name`);
  const small = await page.evaluate(() =>
    [...document.querySelectorAll("button, select, input")]
      .filter((element) => element.offsetParent)
      .map((element) => [element.id || element.textContent.trim(), element.getBoundingClientRect()])
      .filter(([, { width, height }]) => width < 44 || height < 44)
      .map(([name]) => name));
  assert.deepEqual(small, [], `${what}: too small`);
}

const scenarios = {
  /// A moderator opens the lobby, and lets a guest in. The tokens are in the environment.
  async lobby() {
    const enter = async (name, token) => {
      const page = await open("lobby", `name=${name}`, token);
      await page.click("#join");
      return page;
    };
    const host = await enter("Host", process.env.HOST_TOKEN);
    await callIs(host, "live");
    await host.click("#lobby-on");
    await host.waitForFunction(() => document.getElementById("lobby-on").ariaPressed === "true");
    const guest = await enter("Guest one", process.env.GUEST_TOKEN);
    await guest.waitForFunction(() => document.body.dataset.lobby === "waits");
    await host.click("#waiting >> text=Let in");
    await guest.waitForFunction(() => window.codec.room.people.length === 2);
    await host.waitForFunction(() => window.codec.room.people.some(({ name }) => name === "Guest one"));
    await receives(guest, 1);
    assert.equal(await host.isHidden("#waiting-panel"), true);
    results.lobby = "in";
    await guest.close();
    await host.close();
  },
  /// The server of the page stops: the page continues at another node of the cluster.
  async elsewhere() {
    const page = await open("elsewhere", "name=Ann&join");
    await callIs(page, "live");
    await page.waitForFunction(() => window.codec.room.nodes.length === 1, null, MEDIA_TIMEOUT);
    writeFileSync(process.env.JOINED_FILE, "");
    await page.waitForFunction(() => document.body.dataset.call !== "live", null, MEDIA_TIMEOUT);
    await page.waitForFunction(() => document.body.dataset.call === "live", null, MEDIA_TIMEOUT);
    results.liveAt = Date.now();
    await page.waitForFunction(() => window.codec.room.people.length === 1, null, MEDIA_TIMEOUT);
    results.elsewhere = "live";
    // Requests to the server that is gone failed.
    complaints.length = 0;
    await page.close();
  },
  /// The server restarts during the call: the page joins again.
  async rejoin() {
    const page = await open("rejoin", "name=Ann&join");
    await callIs(page, "live");
    writeFileSync(process.env.JOINED_FILE, "");
    await page.waitForFunction(() => document.body.dataset.call !== "live", null, MEDIA_TIMEOUT);
    await page.waitForFunction(() => document.body.dataset.call === "live", null, MEDIA_TIMEOUT);
    await page.waitForFunction(() => window.codec.room.people.length === 1, null, MEDIA_TIMEOUT);
    results.rejoin = "live";
    // Requests failed while there was no server.
    complaints.length = 0;
    await page.close();
  },
  /// Three people meet: media, stage, chat, mute, and removal by a moderator.
  async meeting() {
    const ann = await open("team", "name=Ann&join");
    await callIs(ann, "live");
    const bob = await open("team", "name=Bob&join");
    await callIs(bob, "live");
    const cem = await open("team", "name=Cem");
    results.firstFrameMs = await joinAndTime(cem);
    const pages = Object.entries({ Ann: ann, Bob: bob, Cem: cem });
    for (const [, page] of pages) await receives(page, 2);
    await pause(2000);
    const measure = () => Promise.all(pages.map(([, page]) => received(page)));
    const before = await measure();
    await pause(5000);
    const after = await measure();
    results.pages = pages.map(([name], index) => {
      const [then, now] = [before[index], after[index]];
      const videos = now.videos.map((video) => {
        const old = then.videos.find((other) => other.name === video.name && other.source === video.source);
        return {
          of: video.name,
          decoded: video.decoded - (old?.decoded ?? 0),
          freezes: video.freezes - (old?.freezes ?? 0),
          freezesSinceJoin: video.freezes,
          height: video.height,
          lost: video.lost,
        };
      });
      const audioPackets = now.audioPackets - then.audioPackets;
      return { name, seconds: (now.at - then.at) / 1000, videos, audioPackets };
    });
    await screenshot(ann, "grid");

    // On a busy machine, video pauses for a while.
    const counts = after.map(({ videos }) => Object.fromEntries(videos.map(({ name, decoded }) => [name, decoded])));
    for (const [index, [name, page]] of pages.entries()) {
      const until = Date.now() + 60000;
      const flows = ({ videos }) => videos.length === 2 && videos.every((video) => video.decoded >= (counts[index][video.name] ?? 0) + 30);
      while (!flows(await received(page))) {
        assert.ok(Date.now() < until, `video to ${name} does not flow`);
        await pause(100);
      }
    }
    results.flow = "all";

    // The largest size that Bob sends: less than his camera's on a busy machine.
    const largestOf = (page) => page.evaluate(async () => {
      const reports = [...(await window.codec.room.pc.getStats()).values()];
      const sent = reports.filter(({ type, kind, framesPerSecond }) => type === "outbound-rtp" && kind === "video" && framesPerSecond > 0);
      return Math.max(0, ...sent.map(({ frameHeight }) => frameHeight ?? 0));
    });
    const start = Date.now();
    results.stage = { before: (await videoOf(ann, "Bob")).height, after: 0, largest: 0, reached: false, ms: null };
    await tile(ann, "Bob").locator(".tile").click();
    while (Date.now() - start < MEDIA_TIMEOUT.timeout && !results.stage.reached) {
      const [{ height: after }, largest] = [await videoOf(ann, "Bob"), await largestOf(bob)];
      Object.assign(results.stage, { after, largest, reached: largest > 0 && after >= largest, ms: Date.now() - start });
      await pause(50);
    }
    assert.equal(await tile(ann, "Bob").locator(".tile").getAttribute("aria-pressed"), "true");
    await screenshot(ann, "stage");

    await ann.click("#chat-open");
    await ann.fill("#chat-text", "good day <b>");
    await ann.press("#chat-text", "Enter");
    for (const page of [bob, cem]) {
      await page.waitForFunction(() => document.querySelector("#chat li")?.textContent.startsWith("Anngood day <b>"));
      assert.match(await page.textContent("#chat-open"), /^Chat \(\d+\)$/);
    }
    results.chat = "seen";

    await bob.click("#mute");
    await tile(ann, "Bob").locator(".muted").waitFor({ state: "visible" });
    results.muted = "shown";
    await screenshot(ann, "chat");
    await ann.setViewportSize({ width: 400, height: 800 });
    await screenshot(ann, "400-chat");
    await fits(ann, "chat of three people at 400 pixels");
    await ann.click("#chat-open");
    await screenshot(ann, "400");
    await fits(ann, "three people at 400 pixels");

    // Without tokens, everyone is a moderator.
    const moderate = async (action) => {
      await tile(ann, "Cem").hover();
      await tile(ann, "Cem").getByRole("button", { name: `${action} Cem` }).click();
    };
    await moderate("Mute");
    await cem.waitForFunction(() => document.getElementById("mute").ariaPressed === "true");
    await moderate("Remove");
    await callIs(cem, "ended");
    for (const page of [ann, bob]) await tile(page, "Cem").waitFor({ state: "detached", timeout: 10000 });
    assert.match(await cem.textContent("#notice"), /a moderator removed you/);
    results.removed = "gone";
    for (const [, page] of pages) await page.close();
  },

  /// Meets one person in another browser: waits until both have seen each other.
  async mixed() {
    const ann = await open("mixed", "name=Ann&join");
    await callIs(ann, "live");
    const until = Date.now() + 90000;
    while (!((await videoOf(ann, "Fox"))?.decoded > 30)) {
      assert.ok(Date.now() < until, "no video of the other person");
      await pause(100);
    }
    results.mixed = await videoOf(ann, "Fox");
    await ann.click("#chat-open");
    await ann.fill("#chat-text", "seen");
    await ann.press("#chat-text", "Enter");
    await ann.waitForFunction(() => document.querySelectorAll("#chat li").length >= 2, null, { timeout: 90000 });
    await screenshot(ann, "mixed");
    // The other page has a moment to see the last line.
    await pause(1000);
    await ann.close();
  },

  /// A shared screen goes on stage, and off with the browser's own button.
  async screen() {
    const ann = await open("screen", "name=Ann&join");
    await callIs(ann, "live");
    const bob = await open("screen", "name=Bob&join");
    await receives(bob, 1);
    await ann.click("#share");
    const staged = bob.locator("#tiles li.on-stage[data-source=screen]");
    await staged.waitFor(MEDIA_TIMEOUT);
    await receives(bob, 2);
    results.screen = await videoOf(bob, "Ann", "screen");
    await screenshot(bob, "screen");
    await ann.evaluate(() => window.codec.room.pc.getTransceivers()[2].sender.track.dispatchEvent(new Event("ended")));
    await staged.waitFor({ state: "detached" });
    assert.equal(await ann.getAttribute("#share", "aria-pressed"), "false");
    await ann.click("#camera-off");
    await tile(bob, "Ann").locator(".network", { hasText: "camera off" }).waitFor();
    await ann.click("#camera-off");
    await tile(bob, "Ann").locator("video").waitFor({ state: "visible" });
    results.screen.ended = "shown";
    await ann.close();
    await tile(bob, "Ann").waitFor({ state: "detached", timeout: 10000 });
    await bob.close();
  },

  /// The lobby and a call with one person, at the widths of a desktop and of a phone.
  async layout() {
    const page = await open("alone", "name=Ann");
    await page.waitForFunction(() => document.getElementById("preview").videoWidth > 0, null, MEDIA_TIMEOUT);
    const sizes = { 1280: 900, 400: 800 };
    for (const [width, height] of Object.entries(sizes)) {
      await page.setViewportSize({ width: Number(width), height });
      await fits(page, `lobby at ${width}`);
      await screenshot(page, `lobby-${width}`);
    }
    await page.click("#join");
    await callIs(page, "live");
    await tile(page, "Ann").waitFor();
    for (const [width, height] of Object.entries(sizes)) {
      await page.setViewportSize({ width: Number(width), height });
      await fits(page, `call at ${width}`);
      for (const panel of ["chat", "settings"]) {
        await page.click(`#${panel}-open`);
        await fits(page, `${panel} at ${width}`);
        await screenshot(page, `${panel}-${width}`);
        await page.keyboard.press("Escape");
        assert.equal(await page.getAttribute(`#${panel}-open`, "aria-expanded"), "false");
      }
    }
    // By keyboard: on stage and off.
    const own = tile(page, "Ann").locator(".tile");
    for (const pressed of ["true", "false"]) {
      await own.focus();
      await page.keyboard.press("Enter");
      assert.equal(await own.getAttribute("aria-pressed"), pressed);
    }
    await page.click("#leave");
    await callIs(page, "ended");
    await page.click("#join");
    await callIs(page, "live");
    results.layout = "fits";
    await page.close();
  },
};

await run(scenarios, scenario, results);
