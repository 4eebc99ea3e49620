// How pages enter rooms of `codec serve` and of Janus's videoroom.
import { strict as assert } from "node:assert";
import { randomUUID } from "node:crypto";

/// A room of `codec serve`: each page has one connection, on which it publishes and watches.
export class CodecRoom {
  constructor(url) {
    this.target = new URL("room/load", url);
  }

  /// `camera`: size and encodings of the camera, or null. `sections`: number of videos to receive.
  async enter(page, camera, sections) {
    const wishes = { size: null, encodings: [], ...camera, sections, channel: "codec" };
    const response = await fetch(this.target, {
      method: "POST",
      headers: { "content-type": "application/sdp" },
      body: await page.evaluate((it) => window.offer(it), wishes),
    });
    const answer = await response.text();
    assert.equal(response.status, 201, answer);
    await page.evaluate((sdp) => window.accept(sdp), answer);
  }

  async watch() {
    // The server sends all videos on the sections of the offer.
  }

  async close() {
    // The connections end with the browser.
  }
}

/// Time to wait for an event of Janus.
const EVENT_MS = 20000;

/// A videoroom of Janus, over its HTTP API: each page has a connection to publish and one to watch all others.
export class JanusRoom {
  static async open(url) {
    const room = new JanusRoom();
    room.target = url;
    room.waiting = new Map();
    room.feeds = [];
    room.number = 1234;
    room.target = `${url}/${(await room.request({ janus: "create" })).data.id}`;
    room.polling = room.poll();
    const handle = await room.attach();
    const options = { permanent: false, publishers: 100, bitrate: 0, videocodec: "vp8", fir_freq: 0 };
    const created = await room.message(handle, { request: "create", room: room.number, ...options });
    assert.equal(created.plugindata.data.videoroom, "created", JSON.stringify(created));
    return room;
  }

  async request(body, path = "") {
    const response = await fetch(this.target + path, {
      method: "POST",
      body: JSON.stringify({ ...body, transaction: randomUUID() }),
    });
    const reply = await response.json();
    assert.notEqual(reply.janus, "error", JSON.stringify(reply));
    return reply;
  }

  async attach() {
    return (await this.request({ janus: "attach", plugin: "janus.plugin.videoroom" })).data.id;
  }

  /// A request that is answered at once.
  message(handle, body, more = {}) {
    return this.request({ janus: "message", body, ...more }, `/${handle}`);
  }

  /// Waits for an event of a handle: "event", or "webrtcup" when its connection is complete.
  next(handle, janus) {
    return new Promise((done, fail) => {
      const timer = setTimeout(() => fail(new Error(`Janus sent no ${janus}`)), EVENT_MS);
      this.waiting.set(`${janus} ${handle}`, (value) => (clearTimeout(timer), done(value)));
    });
  }

  /// A request that an event of the handle answers.
  async ask(handle, body, jsep) {
    const event = this.next(handle, "event");
    await this.message(handle, body, jsep ? { jsep } : {});
    const reply = await event;
    assert.equal(reply.plugindata.data.error, undefined, JSON.stringify(reply));
    return reply;
  }

  /// Passes events to the requests that wait for them.
  async poll() {
    while (!this.isClosed) {
      const response = await fetch(`${this.target}?maxev=20`).catch(() => null);
      const events = response?.ok ? [await response.json()].flat() : [];
      for (const event of events) {
        // Events about other publishers answer nothing.
        const { videoroom, publishers } = event.plugindata?.data ?? {};
        if (videoroom === "event" && publishers) continue;
        const key = `${event.janus} ${event.sender}`;
        this.waiting.get(key)?.(event);
        this.waiting.delete(key);
      }
    }
  }

  async enter(page, camera) {
    if (!camera) return;
    const handle = await this.attach();
    const joined = await this.ask(handle, { request: "join", ptype: "publisher", room: this.number });
    const sdp = await page.evaluate((it) => window.offer(it), { ...camera, sections: 0, channel: null });
    const configured = await this.ask(handle, { request: "configure" }, { type: "offer", sdp });
    const connected = this.next(handle, "webrtcup");
    await page.evaluate((answer) => window.accept(answer), configured.jsep.sdp);
    await connected;
    this.feeds.push({ page, feed: joined.plugindata.data.id });
  }

  async watch(page) {
    const streams = this.feeds.filter((it) => it.page !== page).map(({ feed }) => ({ feed }));
    if (streams.length === 0) return;
    const handle = await this.attach();
    const offered = await this.ask(handle, { request: "join", ptype: "subscriber", room: this.number, streams });
    const sdp = await page.evaluate((offer) => window.answer(offer), offered.jsep.sdp);
    await this.ask(handle, { request: "start" }, { type: "answer", sdp });
  }

  async close() {
    this.isClosed = true;
    await this.request({ janus: "destroy" }).catch(() => {});
  }
}
