// Watching by WHEP and publishing by WHIP.
import { hangUp, negotiate } from "/api.js";

const GATHERING_MS = 1000;

/// Candidates go into the offer: then one request is enough.
function gathered(pc) {
  if (pc.iceGatheringState === "complete") return Promise.resolve();
  return new Promise((done) => {
    const timer = setTimeout(done, GATHERING_MS);
    pc.addEventListener("icegatheringstatechange", () => {
      if (pc.iceGatheringState !== "complete") return;
      clearTimeout(timer);
      done();
    });
  });
}

function preferVp8(transceiver, side) {
  const codecs = side.getCapabilities?.("video")?.codecs;
  if (!codecs || !transceiver.setCodecPreferences) return;
  transceiver.setCodecPreferences(codecs.filter((codec) => /\/(vp8|rtx|red|ulpfec)$/i.test(codec.mimeType)));
}

class Call {
  constructor(path, on, settings) {
    this.path = path;
    this.on = on;
    this.pc = new RTCPeerConnection({ bundlePolicy: "max-bundle", ...settings });
    this.session = null;
    this.ended = this.stopping = false;
    this.pc.addEventListener("connectionstatechange", () => this.changed());
    this.channel = this.pc.createDataChannel("codec");
    this.channel.binaryType = "arraybuffer";
    this.channel.addEventListener("open", () => on.line?.(this.line()));
    this.channel.addEventListener("message", (message) => on.message?.(message.data));
    this.channel.addEventListener("close", () => this.finish("the other end closed"));
  }

  line() {
    const channel = this.channel;
    channel.bufferedAmountLowThreshold = 256 << 10;
    return {
      send: (data) => channel.send(data),
      isOpen: () => channel.readyState === "open",
      drained: () =>
        channel.bufferedAmount < 1 << 20
          ? Promise.resolve()
          : new Promise((done) => channel.addEventListener("bufferedamountlow", done, { once: true })),
    };
  }

  async connect() {
    await this.pc.setLocalDescription();
    await gathered(this.pc);
    const { sdp, session } = await negotiate(this.path, this.pc.localDescription.sdp);
    this.session = session;
    if (this.ended) return void hangUp(session);
    await this.pc.setRemoteDescription({ type: "answer", sdp });
  }

  changed() {
    const state = this.pc.connectionState;
    if (state === "connected") this.on.state?.("live");
    if (state === "failed") {
      this.finish("no way to the server was found: UDP may be closed on the way; try WebSocket", true);
    }
  }

  finish(reason, failed = false) {
    if (this.ended) return;
    this.ended = true;
    this.pc.close();
    this.on.end?.(this.stopping ? "stopped" : reason, failed && !this.stopping);
  }

  /// The server is told first: it would else find the session gone.
  async stop() {
    if (this.stopping) return;
    this.stopping = true;
    if (this.session) await hangUp(this.session);
    this.finish("stopped");
  }
}

/// Watches a stream; `on` is told of `track`, `state`, `line`, `message` and `end`.
export async function watch(name, on, settings) {
  const call = new Call(`/whep/${encodeURIComponent(name)}`, on, settings);
  preferVp8(call.pc.addTransceiver("video", { direction: "recvonly" }), RTCRtpReceiver);
  call.pc.addTransceiver("audio", { direction: "recvonly" });
  const media = new MediaStream();
  call.pc.addEventListener("track", ({ track }) => {
    media.addTrack(track);
    on.media?.(media);
  });
  try {
    await call.connect();
  } catch (error) {
    call.ended = true;
    call.pc.close();
    throw error;
  }
  return call;
}

function addVideo(pc, track, media, maxBitrate) {
  const plain = { maxBitrate };
  const layered = { ...plain, scalabilityMode: "L1T3" };
  for (const encoding of [layered, plain]) {
    try {
      const init = { direction: "sendonly", streams: [media], sendEncodings: [encoding] };
      return pc.addTransceiver(track, init);
    } catch (error) {
      if (encoding === plain) throw error;
    }
  }
  return null;
}

/// Publishes a `MediaStream`.
export async function publish(name, media, kbps, on, settings) {
  const call = new Call(`/whip/${encodeURIComponent(name)}`, on, settings);
  for (const track of media.getTracks()) {
    if (track.kind === "video") {
      preferVp8(addVideo(call.pc, track, media, kbps * 1000), RTCRtpSender);
    } else {
      call.pc.addTransceiver(track, { direction: "sendonly", streams: [media] });
    }
  }
  try {
    await call.connect();
  } catch (error) {
    call.ended = true;
    call.pc.close();
    throw error;
  }
  return call;
}

/// What getStats says of a call, in the units of the graphs; `before` is what it said last time.
export async function measure(call, before) {
  const now = { at: performance.now() };
  for (const report of (await call.pc.getStats()).values()) {
    if (report.type === "inbound-rtp" && report.kind === "video") now.inbound = report;
    if (report.type === "outbound-rtp" && report.kind === "video") now.outbound = report;
    if (report.type === "remote-inbound-rtp" && report.kind === "video") now.remote = report;
    if (report.type === "candidate-pair" && report.nominated) now.pair = report;
  }
  const then = before ?? {};
  const seconds = (now.at - (then.at ?? now.at)) / 1000;
  const gone = (side, name) => (now[side]?.[name] ?? 0) - (then[side]?.[name] ?? 0);
  const side = now.inbound ? "inbound" : "outbound";
  const figures = { width: now[side]?.frameWidth, height: now[side]?.frameHeight };
  if (seconds > 0) {
    const bytes = gone(side, side === "inbound" ? "bytesReceived" : "bytesSent");
    figures.kbps = (8 * bytes) / seconds / 1000;
    const frames = gone(side, side === "inbound" ? "framesDecoded" : "framesEncoded");
    figures.fps = frames / seconds;
    if (frames > 0) figures.qindex = gone(side, "qpSum") / frames;
    const lost = gone("inbound", "packetsLost");
    const came = gone("inbound", "packetsReceived");
    if (now.inbound) figures.loss = (100 * Math.max(0, lost)) / Math.max(1, lost + came);
    else if (now.remote) figures.loss = 100 * (now.remote.fractionLost ?? 0);
    const emitted = gone("inbound", "jitterBufferEmittedCount");
    const trip = 1000 * (now.pair?.currentRoundTripTime ?? 0);
    if (emitted > 0) figures.delay = (1000 * gone("inbound", "jitterBufferDelay")) / emitted + trip / 2;
    else if (now.outbound) figures.delay = trip;
  }
  figures.freezes = now.inbound?.freezeCount;
  figures.decoded = now.inbound?.framesDecoded;
  return { now, figures };
}
