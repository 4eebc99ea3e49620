// Watching over WHEP and publishing over WHIP.
import { hangUp, negotiate, trickle } from "/api.js";

/// A call fails if it is not connected this long after the answer.
const CONNECT_MS = 8000;
/// Our candidates are sent if the call is not connected this long after the answer. Most servers
/// are reachable and learn our address from the connectivity checks.
const TRICKLE_MS = 1000;
/// Upper limit of the start bitrate for Chromium's encoder: with its default of 300 kbit/s the
/// first seconds have a quarter of the pixels.
const MAX_START_KBPS = 1500;
const NO_WAY = "WebRTC could not reach the server (UDP may be blocked, or the browser does not use 127.0.0.1)";

/// Adds Chromium's start bitrate for a publisher's encoder to the answer.
function withStartBitrate(sdp, kbps) {
  if (!kbps) return sdp;
  const rate = Math.round(Math.min(kbps, MAX_START_KBPS));
  return sdp.replace(/a=rtpmap:(\d+) VP8\/90000\r\n/gi, (line, type) => `${line}a=fmtp:${type} x-google-start-bitrate=${rate}\r\n`);
}

function preferVp8(transceiver, side) {
  const codecs = side.getCapabilities?.("video")?.codecs;
  if (!codecs || !transceiver.setCodecPreferences) return;
  transceiver.setCodecPreferences(codecs.filter((codec) => /\/(vp8|rtx|red|ulpfec)$/i.test(codec.mimeType)));
}

/// Least playout delay in milliseconds: usually, and for some time after the audio broke up.
const PLAYOUT_DELAYS = { auto: [0, 500], low: [0, 0], smooth: [500, 500] };
/// How long a break raises the delay.
const RAISED_MS = 60000;
/// Concealed samples from one measurement to the next that count as a break: 20 ms.
const BREAK_SAMPLES = 960;

/// Sets the playout delay of a call's receivers.
class Playout {
  constructor(pc, choice) {
    this.pc = pc;
    [this.usual, this.raised] = PLAYOUT_DELAYS[choice] ?? PLAYOUT_DELAYS.auto;
    this.until = 0;
    this.set(this.usual);
  }

  set(ms) {
    for (const receiver of this.pc.getReceivers()) {
      if ("jitterBufferTarget" in receiver) receiver.jitterBufferTarget = ms || null;
    }
    this.ms = ms;
  }

  /// Takes the statistics of the audio that arrives.
  measured({ concealedSamples = 0, silentConcealedSamples = 0 }) {
    const now = performance.now();
    const concealed = concealedSamples - silentConcealedSamples;
    if (concealed - (this.concealed ?? concealed) >= BREAK_SAMPLES) this.until = now + RAISED_MS;
    this.concealed = concealed;
    const wanted = now < this.until ? this.raised : this.usual;
    if (wanted !== this.ms) this.set(wanted);
  }
}

class Call {
  constructor(path, on, settings, startKbps) {
    this.path = path;
    this.on = on;
    this.startKbps = startKbps;
    this.found = [];
    this.wasLive = false;
    this.pc = new RTCPeerConnection({ bundlePolicy: "max-bundle", ...settings });
    this.session = null;
    this.ended = this.stopping = false;
    this.pc.addEventListener("connectionstatechange", () => this.changed());
    this.pc.addEventListener("icecandidate", ({ candidate }) => {
      if (candidate?.candidate) this.found.push(`a=${candidate.candidate}`);
    });
    this.pc.addEventListener("icegatheringstatechange", () => this.tellAddresses());
    this.channel = this.pc.createDataChannel("codec");
    this.channel.binaryType = "arraybuffer";
    this.channel.addEventListener("open", () => on.line?.(this.line()));
    this.channel.addEventListener("message", (message) => on.message?.(message.data));
    this.channel.addEventListener("close", () => this.finish("the server closed the connection"));
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
    const { sdp, session, tag } = await negotiate(this.path, this.pc.localDescription.sdp);
    Object.assign(this, { session, tag });
    if (this.ended) return void hangUp(session);
    await this.pc.setRemoteDescription({ type: "answer", sdp: withStartBitrate(sdp, this.startKbps) });
    // A server reachable only through TURN has to permit our addresses there.
    setTimeout(() => {
      this.needsAddresses = true;
      this.tellAddresses();
    }, / typ host/.test(sdp) ? TRICKLE_MS : 0);
    this.timer = setTimeout(() => this.changed("failed"), CONNECT_MS);
  }

  /// Sends the candidates found since the last time, if the call needs them.
  tellAddresses() {
    const isOpen = ["new", "connecting"].includes(this.pc.connectionState);
    if (!this.needsAddresses || !isOpen || this.found.length === 0) return;
    const [mid] = this.pc.getTransceivers().map((transceiver) => transceiver.mid);
    const credentials = this.pc.localDescription.sdp.match(/^a=ice-(ufrag|pwd):\S+/gm).slice(0, 2);
    const lines = [...credentials, "m=audio 9 RTP/AVP 0", `a=mid:${mid}`, ...this.found.splice(0)];
    trickle(this.session, this.tag, lines);
  }

  changed(state = this.pc.connectionState) {
    if (state === "connected") {
      clearTimeout(this.timer);
      this.wasLive = true;
      this.on.state?.("live");
    }
    if (state === "failed") this.finish(NO_WAY, true);
  }

  finish(reason, failed = false) {
    if (this.ended) return;
    this.ended = true;
    clearTimeout(this.timer);
    this.pc.close();
    if (failed && !this.stopping && !this.wasLive) {
      // Otherwise the server would keep the session until its timeout.
      if (this.session) hangUp(this.session);
      if (this.on.unreachable?.(reason)) return;
    }
    this.on.end?.(this.stopping ? "stopped" : reason, failed && !this.stopping);
  }

  /// Ends the session on the server first, so that it does not see a broken connection.
  async stop() {
    if (this.stopping) return;
    this.stopping = true;
    if (this.session) await hangUp(this.session);
    this.finish("stopped");
  }
}

/// Watches a stream. `on` has handlers for `media`, `state`, `line`, `message`, `end` and
/// `unreachable`, which returns whether it falls back to another transport. `delay` is the playout
/// delay: "auto", "low" or "smooth".
export async function watch(name, on, settings, delay) {
  const call = new Call(`/whep/${encodeURIComponent(name)}`, on, settings);
  preferVp8(call.pc.addTransceiver("video", { direction: "recvonly" }), RTCRtpReceiver);
  call.pc.addTransceiver("audio", { direction: "recvonly" });
  call.playout = new Playout(call.pc, delay);
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
  const call = new Call(`/whip/${encodeURIComponent(name)}`, on, settings, kbps);
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

/// Statistics of a call from getStats, in the units of the graphs; `before` is the last result.
export async function measure(call, before) {
  const now = { at: performance.now() };
  for (const report of (await call.pc.getStats()).values()) {
    if (report.type === "inbound-rtp" && report.kind === "video") now.inbound = report;
    if (report.type === "inbound-rtp" && report.kind === "audio") call.playout?.measured(report);
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
