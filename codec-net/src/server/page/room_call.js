// The WebRTC call of a conference room, and its control channel.
import { personKey } from "/room_person.js";
import { Call, setCodecs } from "/rtc.js";

/// Simulcast of the camera at a quarter, half and all of its height.
const CAMERA_ENCODINGS = [
  { rid: "q", scaleResolutionDownBy: 4, maxBitrate: 150_000 },
  { rid: "h", scaleResolutionDownBy: 2, maxBitrate: 500_000 },
  { rid: "f", maxBitrate: 1_700_000 },
];
/// Chromium omits the largest layers of a small camera, so fewer layers are requested.
const SMALL_CAMERAS = [[180, { q: 1 }], [360, { q: 2, h: 1 }]];
const SCREEN_ENCODINGS = [{ maxBitrate: 2_500_000 }];
/// Media sections to receive on. The server assigns people to them during the call, so that a call
/// needs only one negotiation.
const VIDEO_SECTIONS = 12;
const AUDIO_SECTIONS = 4;
/// With Chromium's default of 300 kbit/s, the first seconds have no full-size video.
const START_KBPS = 1000;
/// Messages of the server that the page handles.
const MESSAGES = [
  "hello", "people", "device", "video", "speaking", "dominant", "log", "chat", "read", "refused",
  "fileAt", "fileStored", "fileRejected", "mute", "removed", "draining", "stopping", "waiting", "lobby", "nodes",
];

/// One profile of each codec: with all profiles, an offer of this many sections exceeds the server's
/// limit of 64 KiB.
function isOffered({ mimeType, sdpFmtpLine = "" }) {
  switch (mimeType.toLowerCase()) {
    case "video/h264":
      return /packetization-mode=1/.test(sdpFmtpLine) && /profile-level-id=42e0/i.test(sdpFmtpLine);
    case "video/vp9":
      return !/profile-id=[1-9]/.test(sdpFmtpLine);
    default:
      return /\/(vp8|rtx)$/i.test(mimeType);
  }
}

/// A call in a room. `on` has handlers for `open`, `state`, `end`, `audio` (a received track) and for
/// each of the server's messages.
export class RoomCall extends Call {
  constructor(room, name, on, settings) {
    super(`/room/${encodeURIComponent(room)}`, {
      state: on.state,
      end: on.end,
      channel: () => on.open(),
      message: (data) => this.handleMessage(JSON.parse(data), on),
    }, settings, START_KBPS);
    this.headers = { "codec-person": personKey };
    const send = (kind, more) => this.pc.addTransceiver(kind, { direction: "sendonly", ...more });
    this.sections = {
      microphone: send("audio"),
      camera: send("video", { sendEncodings: CAMERA_ENCODINGS }),
      screen: send("video", { sendEncodings: SCREEN_ENCODINGS }),
    };
    setCodecs(this.sections.camera, RTCRtpSender, "vp8", isOffered);
    setCodecs(this.sections.screen, RTCRtpSender, "vp8", isOffered);
    for (let section = 0; section < VIDEO_SECTIONS; section += 1) {
      const transceiver = this.pc.addTransceiver("video", { direction: "recvonly" });
      setCodecs(transceiver, RTCRtpReceiver, "vp8", isOffered);
    }
    for (let section = 0; section < AUDIO_SECTIONS; section += 1) {
      this.pc.addTransceiver("audio", { direction: "recvonly" });
    }
    this.pc.addEventListener("track", ({ track }) => track.kind === "audio" && on.audio(track));
    this.name = name;
    /// The time when the last message arrived.
    this.heard = performance.now();
    /// The last messages by their type, and the elements that play received audio.
    this.sent = {};
    this.audio = [];
    this.tracks = {};
    /// Encodings that nobody watches, as source and RID.
    this.unwatched = new Set();
    this.streams = new Map();
    this.lastChange = Promise.resolve();
  }

  /// Sends a track, or null, on the section "microphone", "camera" or "screen".
  async setTrack(section, track) {
    // `sender.track` is the previous track until replaceTrack is complete.
    if (this.ended || (this.tracks[section] ?? null) === track) return;
    this.tracks[section] = track;
    try {
      await this.sections[section].sender.replaceTrack(track);
    } catch (error) {
      if (!this.ended) throw error;
    }
    if (section === "camera" && track) this.updateEncodings("camera");
  }

  /// The media received on the section with this `mid`, or null.
  stream(mid) {
    if (mid === null) return null;
    if (!this.streams.has(mid)) {
      const section = this.pc.getTransceivers().find((transceiver) => transceiver.mid === mid);
      this.streams.set(mid, section ? new MediaStream([section.receiver.track]) : null);
    }
    return this.streams.get(mid);
  }

  isOpen() {
    return this.channel.readyState === "open";
  }

  send(message) {
    if (this.isOpen()) this.channel.send(JSON.stringify(message));
  }

  handleMessage(message, on) {
    this.heard = performance.now();
    if (message.type === "encoding") this.setEncoding(message);
    else if (MESSAGES.includes(message.type)) on[message.type](message);
    // Other messages of later versions are ignored.
  }

  /// Starts or stops one encoding.
  setEncoding({ source, rid, on }) {
    this.unwatched[on ? "delete" : "add"](`${source} ${rid}`);
    this.updateEncodings(source);
  }

  /// Sets the sizes of encodings and which are sent, after earlier changes: overlapping ones are an error.
  updateEncodings(source) {
    this.lastChange = this.lastChange.then(async () => {
      const sender = this.sections[source]?.sender;
      if (this.ended || !sender) return;
      const height = source === "camera" ? this.tracks.camera?.getSettings().height : undefined;
      const scales = SMALL_CAMERAS.find(([limit]) => height <= limit)?.[1];
      const parameters = sender.getParameters();
      for (const encoding of parameters.encodings) {
        const rid = encoding.rid ?? null;
        const scale = scales ? scales[rid] : CAMERA_ENCODINGS.find((usual) => usual.rid === rid)?.scaleResolutionDownBy;
        encoding.active = !this.unwatched.has(`${source} ${rid}`) && !(scales && scale === undefined);
        if (source === "camera") encoding.scaleResolutionDownBy = scale ?? 1;
      }
      await sender.setParameters(parameters);
    }).catch((error) => {
      if (!this.ended) console.warn(`cannot change the encodings of the ${source}: ${error.message}`);
    });
  }
}
