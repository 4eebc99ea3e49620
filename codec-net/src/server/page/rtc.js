// WebRTC calls: watching over WHEP and publishing over WHIP. Rooms extend `Call`.
import { hangUp, negotiate, trickle } from "/api.js";
import { IceRestarts } from "/ice_restart.js";
import { Playout } from "/playout.js";

/// A call fails if it is not connected this long after the answer.
const CONNECT_MS = 8000;
/// Our candidates are sent if the call is not connected this long after the answer. Most servers
/// are reachable and learn our address from the connectivity checks.
const TRICKLE_MS = 1000;
/// Upper limit of the start bitrate for Chromium's encoder: with its default of 300 kbit/s the
/// first seconds have a quarter of the pixels.
const MAX_START_KBPS = 1500;
const UNREACHABLE = "WebRTC could not reach the server (UDP may be blocked, or the browser ignores 127.0.0.1)";

/// Adds Chromium's start bitrate for a publisher's encoder to the answer.
function withStartBitrate(sdp, kbps) {
  if (!kbps) return sdp;
  const rate = Math.round(Math.min(kbps, MAX_START_KBPS));
  const parameter = `x-google-start-bitrate=${rate}`;
  return sdp
    .replace(/a=rtpmap:(\d+) VP8\/90000\r\n/gi, (line, type) => `${line}a=fmtp:${type} ${parameter}\r\n`)
    .replace(/a=fmtp:\d+ [^\r\n]*profile-(level-)?id=[^\r\n]*/gi, (line) => `${line};${parameter}`);
}

const isCodec = (codec, name) => codec.mimeType.toLowerCase() === `video/${name}`;

/// Whether the browser sends a codec: "vp8", "h264" or "vp9".
export const canSend = (name) =>
  Boolean(RTCRtpSender.getCapabilities?.("video")?.codecs.some((codec) => isCodec(codec, name)));

/// Restricts a video line to those codecs of the server that `isKept` accepts; `first` is preferred.
export function setCodecs(transceiver, side, first, isKept = () => true) {
  const codecs = side.getCapabilities?.("video")?.codecs;
  if (!codecs || !transceiver.setCodecPreferences) return;
  const ours = codecs.filter((codec) => /\/(vp8|h264|vp9|rtx|red|ulpfec)$/i.test(codec.mimeType));
  const known = ours.filter(isKept);
  const isFirst = (codec) => isCodec(codec, first);
  transceiver.setCodecPreferences([...known.filter(isFirst), ...known.filter((codec) => !isFirst(codec))]);
}

/// A connection to the server with the data channel "codec". The offer goes to `path`; `on` has the
/// handlers that `watch` describes.
export class Call {
  constructor(path, on, settings, startKbps) {
    this.path = path;
    this.on = on;
    this.startKbps = startKbps;
    this.candidates = [];
    /// Further headers of the request with the offer.
    this.headers = {};
    this.wasLive = false;
    this.pc = new RTCPeerConnection({ bundlePolicy: "max-bundle", ...settings });
    this.session = null;
    this.ended = this.stopping = false;
    this.ice = new IceRestarts(this, () => this.finish(UNREACHABLE, true));
    this.pc.addEventListener("connectionstatechange", () => this.connectionChanged());
    this.pc.addEventListener("icecandidate", ({ candidate }) => {
      if (candidate?.candidate) this.candidates.push(`a=${candidate.candidate}`);
    });
    this.pc.addEventListener("icegatheringstatechange", () => this.sendCandidates());
    this.channel = this.pc.createDataChannel("codec");
    this.channel.binaryType = "arraybuffer";
    this.channel.addEventListener("open", () => on.channel?.(this.controlChannel()));
    this.channel.addEventListener("message", (message) => on.message?.(message.data));
    this.channel.addEventListener("close", () => this.finish("the server closed the connection"));
  }

  controlChannel() {
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

  /// Connects; releases the connection if that fails.
  async start() {
    try {
      await this.connect();
    } catch (error) {
      this.ended = true;
      this.ice.stop();
      this.pc.close();
      throw error;
    }
    return this;
  }

  async connect() {
    await this.pc.setLocalDescription();
    const { sdp, session, tag } = await negotiate(this.path, this.pc.localDescription.sdp, this.headers);
    Object.assign(this, { session, tag });
    if (this.ended) return void hangUp(session);
    this.answer = withStartBitrate(sdp, this.startKbps);
    await this.pc.setRemoteDescription({ type: "answer", sdp: this.answer });
    this.scheduleCandidates(sdp);
    this.timer = setTimeout(() => this.connectionChanged("failed"), CONNECT_MS);
  }

  /// Sends our candidates soon if the call is not connected by then. A server reachable only through TURN, according to
  /// the candidates of its answer, has to permit our addresses there.
  scheduleCandidates(answer) {
    clearTimeout(this.trickleTimer);
    this.needsCandidates = false;
    this.trickleTimer = setTimeout(() => {
      this.needsCandidates = true;
      this.sendCandidates();
    }, / typ host/.test(answer) ? TRICKLE_MS : 0);
  }

  /// Sends the candidates found since the last time, if the call needs them.
  sendCandidates() {
    const isOpen = this.ice.isConnecting ? !this.ice.hasPath() : ["new", "connecting"].includes(this.pc.connectionState);
    if (!this.needsCandidates || !isOpen || this.candidates.length === 0) return;
    const [mid] = this.pc.getTransceivers().map((transceiver) => transceiver.mid);
    const lines = [...this.credentials(), "m=audio 9 RTP/AVP 0", `a=mid:${mid}`, ...this.candidates.splice(0)];
    trickle(this.session, this.tag, lines);
  }

  /// Lines with our ICE credentials.
  credentials() {
    return this.pc.localDescription.sdp.match(/^a=ice-(ufrag|pwd):\S+/gm).slice(0, 2);
  }

  connectionChanged(state = this.pc.connectionState) {
    if (state === "connected") {
      clearTimeout(this.timer);
      this.wasLive = true;
      this.on.state?.("live");
    }
    if (state === "failed" && !this.ice.recovers()) this.finish(UNREACHABLE, true);
  }

  finish(reason, failed = false) {
    if (this.ended) return;
    this.ended = true;
    clearTimeout(this.timer);
    this.ice.stop();
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

/// Watches a stream. `on` has handlers for `media`, `state`, `channel`, `message`, `end` and
/// `unreachable`, which returns whether it falls back to another transport. `delay` is the playout
/// delay: "auto", "low" or "smooth".
export async function watch(name, on, settings, delay) {
  const call = new Call(`/whep/${encodeURIComponent(name)}`, on, settings);
  setCodecs(call.pc.addTransceiver("video", { direction: "recvonly" }), RTCRtpReceiver, "vp8");
  call.pc.addTransceiver("audio", { direction: "recvonly" });
  call.playout = new Playout(call.pc, delay);
  const media = new MediaStream();
  call.pc.addEventListener("track", ({ track }) => {
    media.addTrack(track);
    on.media?.(media);
  });
  return call.start();
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

/// Restricts a publisher's video line to one codec.
function setOnlyCodec(transceiver, name) {
  const codecs = RTCRtpSender.getCapabilities?.("video")?.codecs;
  if (!codecs || !transceiver.setCodecPreferences) return;
  const helpers = (codec) => /\/(rtx|red|ulpfec)$/i.test(codec.mimeType);
  transceiver.setCodecPreferences(codecs.filter((codec) => isCodec(codec, name) || helpers(codec)));
}

/// Publishes a `MediaStream` with a video codec: "vp8", "h264" or "vp9".
export async function publish(name, media, kbps, on, settings, codec = "vp8") {
  const call = new Call(`/whip/${encodeURIComponent(name)}`, on, settings, kbps);
  for (const track of media.getTracks()) {
    if (track.kind === "video") {
      setOnlyCodec(addVideo(call.pc, track, media, kbps * 1000), codec);
    } else {
      call.pc.addTransceiver(track, { direction: "sendonly", streams: [media] });
    }
  }
  return call.start();
}
