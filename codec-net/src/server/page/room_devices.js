// The user's camera, microphone and screen in a conference room.
import { at } from "/dom.js";
import { listDevices } from "/sources.js";

const CAMERA = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } };
const KINDS = { camera: "video", microphone: "audio" };
const INSECURE = "A camera or microphone requires https or a server on this machine (127.0.0.1).";

/// The constraints of getUserMedia for a camera or microphone that the user chose.
function constraints(kind) {
  const { value } = at(kind);
  if (value === "none") throw new Error(`No ${kind} is selected.`);
  return { ...(kind === "camera" ? CAMERA : {}), ...(value ? { deviceId: { exact: value } } : {}) };
}

function explain(kind, error) {
  switch (error.name) {
    case "NotAllowedError":
      return `The browser denied access to the ${kind}.`;
    case "NotFoundError":
    case "OverconstrainedError":
      return `No ${kind} found.`;
    case "NotReadableError":
      return `The ${kind} is in use by another program.`;
    default:
      return error.message;
  }
}

/// The tracks of the camera and the microphone.
export class Devices {
  /// `changed` is called after each change; its argument says which devices could not be opened.
  constructor(changed) {
    this.changed = changed;
    this.wanted = { camera: true, microphone: true };
    this.camera = this.microphone = null;
    this.done = Promise.resolve();
  }

  /// Whether others receive no audio and no video.
  muted() {
    return { audio: !this.microphone?.enabled, video: !this.camera };
  }

  /// Opens and closes devices as wanted. Requests run one after the other.
  apply() {
    this.done = this.done.then(() => this.openWanted());
    return this.done;
  }

  /// Switches a device on or off. A microphone stays open while it is switched off.
  toggle(kind) {
    this.wanted[kind] = !this.wanted[kind];
    return this.apply();
  }

  /// Opens the device that the user selected. Some phones open only one camera at a time.
  choose(kind) {
    if (at(kind).value === "none") this.wanted[kind] = false;
    this.done = this.done.then(() => this.replace(kind, null));
    return this.apply();
  }

  /// Releases the devices. The next `apply` opens them again.
  close() {
    this.done = this.done.then(() => {
      for (const kind of Object.keys(KINDS)) this.replace(kind, null);
      this.changed("");
    });
    return this.done;
  }

  async openWanted() {
    if (!this.wanted.camera) this.replace("camera", null);
    if (this.microphone) this.microphone.enabled = this.wanted.microphone;
    const missing = Object.keys(KINDS).filter((kind) => this.wanted[kind] && !this[kind]);
    const problems = [];
    const open = async (kinds) => {
      try {
        await this.request(kinds);
      } catch (error) {
        if (kinds.length > 1) return false;
        this.wanted[kinds[0]] = false;
        problems.push(explain(kinds[0], error));
      }
      return true;
    };
    if (missing.length > 0 && !navigator.mediaDevices) {
      for (const kind of missing) this.wanted[kind] = false;
      problems.push(INSECURE);
    } else if (missing.length > 0 && !(await open(missing))) {
      // A single request asks the user once, but it fails if one of the devices is missing.
      for (const kind of missing) await open([kind]);
    }
    // Browsers reveal the names of devices after permission is given.
    if (missing.length > 0) listDevices();
    this.changed(problems.join(" "));
  }

  async request(kinds) {
    const wanted = Object.fromEntries(kinds.map((kind) => [KINDS[kind], constraints(kind)]));
    const media = await navigator.mediaDevices.getUserMedia(wanted);
    for (const kind of kinds) {
      const [track] = media.getTracks().filter((track) => track.kind === KINDS[kind]);
      track.addEventListener("ended", () => this.unplugged(kind, track));
      track.enabled = this.wanted[kind];
      this.replace(kind, track);
    }
  }

  replace(kind, track) {
    this[kind]?.stop();
    this[kind] = track;
  }

  unplugged(kind, track) {
    if (this[kind] !== track) return;
    this[kind] = null;
    this.wanted[kind] = false;
    this.changed(`The ${kind} was disconnected.`);
  }
}

export const canShareScreen = () => Boolean(navigator.mediaDevices?.getDisplayMedia);

/// Asks the user for a screen or window; returns its track. Text stays sharp at a low frame rate.
export async function openScreen() {
  const media = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { ideal: 15 } } });
  const [track] = media.getVideoTracks();
  track.contentHint = "detail";
  return track;
}
