// Sources to publish: camera and microphone, screen, or a video file.
import { at, chosen } from "/dom.js";

const clip = document.createElement("video");
clip.loop = true;
clip.muted = true;

const NO_MICROPHONE = "none";

async function camera() {
  const device = (id) => (id ? { deviceId: { exact: id } } : {});
  const microphone = at("microphone").value;
  const video = {
    width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 },
    ...device(at("camera").value),
  };
  if (microphone === NO_MICROPHONE) return navigator.mediaDevices.getUserMedia({ video });
  const audio = microphone ? device(microphone) : true;
  try {
    return await navigator.mediaDevices.getUserMedia({ video, audio });
  } catch (error) {
    // Without a microphone, publish video only, unless one was selected.
    if (microphone || !["NotFoundError", "NotReadableError"].includes(error.name)) throw error;
    return navigator.mediaDevices.getUserMedia({ video });
  }
}

/// Fills the lists of cameras and microphones; browsers reveal names only after permission is given.
export async function listDevices() {
  const devices = (await navigator.mediaDevices?.enumerateDevices?.().catch(() => [])) ?? [];
  const fill = (id, kind, name, more = []) => {
    const list = at(id);
    const before = list.value;
    const found = devices.filter((device) => device.kind === kind && device.deviceId);
    const options = found.map(({ label, deviceId }, index) => new Option(label || `${name} ${index + 1}`, deviceId));
    list.replaceChildren(new Option(`Default ${name.toLowerCase()}`, ""), ...options, ...more);
    if ([...list.options].some(({ value }) => value === before)) list.value = before;
  };
  fill("camera", "videoinput", "Camera");
  fill("microphone", "audioinput", "Microphone", [new Option("No microphone", NO_MICROPHONE)]);
}
navigator.mediaDevices?.addEventListener?.("devicechange", listDevices);
listDevices();

async function videoFile() {
  const [file] = at("clip").files;
  if (!file) throw new Error("Choose a video file first.");
  if (clip.src) URL.revokeObjectURL(clip.src);
  clip.src = URL.createObjectURL(file);
  try {
    await clip.play();
  } catch {
    throw new Error(`This browser cannot play ${file.name}.`);
  }
  if (!clip.captureStream && !clip.mozCaptureStream) {
    throw new Error("This browser cannot publish files. Choose camera or screen.");
  }
  return clip.captureStream?.() ?? clip.mozCaptureStream();
}

/// Opens the source to publish: "camera", "screen" or "file".
export function openSource(kind) {
  if (kind === "file") return videoFile();
  if (!navigator.mediaDevices) {
    throw new Error("Sharing a camera or screen requires https or a server on this machine (127.0.0.1).");
  }
  if (kind === "screen") return navigator.mediaDevices.getDisplayMedia({ video: true, audio: true });
  return camera();
}

/// Releases a source.
export function closeSource(media) {
  media?.getTracks().forEach((track) => track.stop());
  clip.pause();
}

for (const choice of document.querySelectorAll("input[name=source]")) {
  choice.addEventListener("change", () => {
    at("clip").hidden = chosen("source") !== "file";
    at("devices").hidden = chosen("source") !== "camera";
  });
}
