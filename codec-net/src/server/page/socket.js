// Watching over WebSocket and WebCodecs. A binary message is a hello or a record of the server's
// framing; all numbers are big-endian.
import { protocols, socketUrl } from "/api.js";

const HELLO = 0x636f6465; // "code"
const HEADER_BYTES = 28;
const CRC_BYTES = 4;
/// Position of the kind of the first stream in a hello: magic, version, length, session, count.
const HELLO_STREAM = 21;
const VIDEO = 1;
const AUDIO = 2;
const VIDEO_HZ = 90000;
const AUDIO_HZ = 48000;
/// Seconds from 1900 (NTP) to 1970 (Unix).
const NTP_EPOCH_S = 2208988800;
/// Maximum number of frames queued for the decoder.
const MAX_QUEUED = 30;
/// Playout delay of audio, to absorb jitter.
const AUDIO_DELAY_S = 0.06;

export const isSupported = () => "VideoDecoder" in window;

/// The codec string of an H.264 access unit with start codes, from its sequence parameter set.
function codecOf(payload) {
  for (let at = 0; at + 6 < payload.length; at += 1) {
    const isStart = payload[at] === 0 && payload[at + 1] === 0 && payload[at + 2] === 1;
    if (!isStart || (payload[at + 3] & 31) !== 7) continue;
    const bytes = payload.subarray(at + 4, at + 7);
    return `avc1.${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  }
  return null;
}

export class SocketCall {
  constructor(name, canvas, on) {
    this.on = on;
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
    this.counts = { received: 0, decoded: 0, dropped: 0, errors: 0, bytes: 0, audioPackets: 0 };
    this.waitsForKey = true;
    this.muted = true;
    this.ended = false;
    this.codec = "vp8";
    this.config = { codec: "vp8", optimizeForLatency: true };
    this.videoDecoder = this.newVideoDecoder();
    const url = socketUrl(`/view/${encodeURIComponent(name)}`);
    this.socket = new WebSocket(url, protocols());
    this.socket.binaryType = "arraybuffer";
    this.socket.addEventListener("open", () => on.channel?.(this.controlChannel()));
    this.socket.addEventListener("message", ({ data }) => this.handleMessage(data));
    this.socket.addEventListener("close", (event) => this.closed(event));
  }

  controlChannel() {
    const socket = this.socket;
    return {
      send: (data) => socket.send(data),
      isOpen: () => socket.readyState === WebSocket.OPEN,
      drained: async () => {
        while (socket.bufferedAmount > 1 << 20 && socket.readyState === WebSocket.OPEN) {
          await new Promise((done) => setTimeout(done, 20));
        }
      },
    };
  }

  newVideoDecoder() {
    const decoder = new VideoDecoder({
      output: (frame) => this.show(frame),
      error: () => {
        this.counts.errors += 1;
        this.waitsForKey = true;
        this.videoDecoder = this.newVideoDecoder();
      },
    });
    decoder.configure(this.config);
    return decoder;
  }

  /// Reads the video codec of a hello.
  handleHello(view) {
    if (view.byteLength < HELLO_STREAM + 2 || view.getUint8(HELLO_STREAM) !== VIDEO) return;
    const length = Math.min(view.getUint8(HELLO_STREAM + 1), view.byteLength - HELLO_STREAM - 2);
    this.codec = new TextDecoder().decode(new Uint8Array(view.buffer, HELLO_STREAM + 2, length));
    // Profile 0, 8 bits; decoders do not depend on the level, here 4.1.
    if (this.codec === "vp9") this.configure("vp09.00.41.08");
  }

  /// Configures the decoder for a codec string.
  async configure(codec) {
    if (!codec || codec === this.config.codec) return;
    this.config = { codec, optimizeForLatency: true };
    this.videoDecoder.configure(this.config);
    const { supported } = await VideoDecoder.isConfigSupported(this.config);
    if (!supported) this.fail(`this browser cannot decode the stream's video (${codec})`);
  }

  fail(reason) {
    this.socket.close(1000);
    this.finish(reason, true);
  }

  handleMessage(data) {
    if (typeof data === "string") return this.on.message?.(data);
    const view = new DataView(data);
    if (data.byteLength < HEADER_BYTES + CRC_BYTES) return undefined;
    if (view.getUint32(0) === HELLO) return this.handleHello(view);
    const length = view.getUint32(20);
    if (HEADER_BYTES + length + CRC_BYTES !== data.byteLength) return undefined;
    const payload = new Uint8Array(data, HEADER_BYTES, length);
    const record = {
      key: (view.getUint8(1) & 1) !== 0,
      pts: Number(view.getBigInt64(4)),
      captured: view.getUint32(12) + view.getUint32(16) / 2 ** 32 - NTP_EPOCH_S,
      payload,
    };
    this.counts.bytes += data.byteLength;
    if (view.getUint8(0) === VIDEO) this.handleVideo(record);
    if (view.getUint8(0) === AUDIO) this.handleAudio(record);
    return undefined;
  }

  handleVideo({ key, pts, captured, payload }) {
    this.counts.received += 1;
    if (this.counts.received === 1) this.on.state?.("live");
    if (this.videoDecoder.decodeQueueSize > MAX_QUEUED) this.waitsForKey = true;
    if (this.waitsForKey && !key) {
      this.counts.dropped += 1;
      return;
    }
    this.waitsForKey = false;
    if (key && this.codec === "h264") this.configure(codecOf(payload));
    if (captured > 0) this.delay = Math.max(0, Date.now() - 1000 * captured);
    const timestamp = Math.round((pts * 1e6) / VIDEO_HZ);
    this.videoDecoder.decode(
      new EncodedVideoChunk({ type: key ? "key" : "delta", timestamp, data: payload }),
    );
  }

  show(frame) {
    const { canvas } = this;
    if (canvas.width !== frame.displayWidth || canvas.height !== frame.displayHeight) {
      canvas.width = frame.displayWidth;
      canvas.height = frame.displayHeight;
    }
    this.context.drawImage(frame, 0, 0);
    frame.close();
    this.counts.decoded += 1;
  }

  setMuted(muted) {
    this.muted = muted;
    if (muted || this.audio || !("AudioDecoder" in window)) return;
    this.audio = new AudioContext({ sampleRate: AUDIO_HZ, latencyHint: "interactive" });
    this.playAt = 0;
    this.audioDecoder = new AudioDecoder({
      output: (data) => this.play(data),
      error: () => {
        this.counts.errors += 1;
      },
    });
    this.audioDecoder.configure({ codec: "opus", sampleRate: AUDIO_HZ, numberOfChannels: 2 });
  }

  handleAudio({ pts, payload }) {
    this.counts.audioPackets += 1;
    if (this.muted || this.audioDecoder?.state !== "configured") return;
    const timestamp = Math.round((pts * 1e6) / AUDIO_HZ);
    this.audioDecoder.decode(new EncodedAudioChunk({ type: "key", timestamp, data: payload }));
  }

  play(data) {
    const buffer = this.audio.createBuffer(data.numberOfChannels, data.numberOfFrames, data.sampleRate);
    for (let channel = 0; channel < data.numberOfChannels; channel += 1) {
      data.copyTo(buffer.getChannelData(channel), { planeIndex: channel, format: "f32-planar" });
    }
    data.close();
    const node = this.audio.createBufferSource();
    node.buffer = buffer;
    node.connect(this.audio.destination);
    const now = this.audio.currentTime;
    if (this.playAt < now || this.playAt > now + 1) this.playAt = now + AUDIO_DELAY_S;
    node.start(this.playAt);
    this.playAt += buffer.duration;
  }

  closed({ code, reason }) {
    const opened = this.counts.received > 0;
    const text = reason || (opened ? "the connection was lost" : "the server rejected the connection: check the token and the stream name");
    this.finish(text, code !== 1000 && code !== 1001);
  }

  finish(reason, failed = false) {
    if (this.ended) return;
    this.ended = true;
    for (const decoder of [this.videoDecoder, this.audioDecoder]) {
      if (decoder && decoder.state !== "closed") decoder.close();
    }
    this.audio?.close();
    this.on.end?.(reason, failed);
  }

  async stop() {
    this.socket.close(1000);
    this.finish("stopped");
  }
}

/// Statistics of a call since `before`, in the units of the graphs.
export function measure(call, before) {
  const now = { at: performance.now(), ...call.counts };
  const seconds = before ? (now.at - before.at) / 1000 : 0;
  const figures = { width: call.canvas.width, height: call.canvas.height, delay: call.delay };
  if (seconds > 0) {
    figures.kbps = (8 * (now.bytes - before.bytes)) / seconds / 1000;
    figures.fps = (now.decoded - before.decoded) / seconds;
    const came = now.received - before.received;
    figures.loss = (100 * (now.dropped - before.dropped)) / Math.max(1, came);
  }
  figures.decoded = now.decoded;
  return { now, figures };
}
