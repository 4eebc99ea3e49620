// Records voice and video messages.
import { at, notify } from "/dom.js";
import { clock } from "/room_attachments.js";
import { postFile } from "/room_outbox.js";

const MINUTE = 60_000;
/// Longest recordings, bitrates and formats, the preferred one first.
const KINDS = {
  voice: {
    most: 5 * MINUTE, bits: { audioBitsPerSecond: 32_000 }, media: { audio: true },
    types: ["audio/webm;codecs=opus", "audio/ogg;codecs=opus", "audio/mp4"],
  },
  video: {
    most: 2 * MINUTE, bits: { audioBitsPerSecond: 32_000, videoBitsPerSecond: 600_000 },
    media: { audio: true, video: { width: { ideal: 640 }, height: { ideal: 360 }, frameRate: { ideal: 30 } } },
    types: ["video/webm;codecs=vp8,opus", "video/webm", "video/mp4"],
  },
};
const EXTENSIONS = { webm: "webm", ogg: "ogg", mp4: "mp4" };
/// The recorder gives its data in parts of this duration.
const PART_MS = 1000;

let recording = null;

export const canRecord = () => Boolean(window.MediaRecorder && navigator.mediaDevices);

/// The limits of recordings, for the user.
export const recordingLimits = () =>
  `Voice messages last up to ${KINDS.voice.most / MINUTE} minutes, video messages up to ${KINDS.video.most / MINUTE} minutes.`;

function showTime() {
  if (!recording) return;
  const ms = performance.now() - recording.start;
  at("recording-time").textContent = `${clock(ms)} of ${clock(recording.most)}`;
  if (ms >= recording.most) finish(true);
}

/// Starts to record; the microphone and camera of the call are not affected.
export async function record(kind) {
  if (recording) return;
  const { most, bits, media, types } = KINDS[kind];
  const type = types.find((it) => MediaRecorder.isTypeSupported(it));
  if (!type) return void notify(`This browser cannot record ${kind} messages.`, "error");
  let stream;
  recording = { kind, most };
  try {
    stream = await navigator.mediaDevices.getUserMedia(media);
  } catch (error) {
    recording = null;
    return void notify(`Cannot record a ${kind} message: ${error.message}`, "error");
  }
  const recorder = new MediaRecorder(stream, { mimeType: type, ...bits });
  const parts = [];
  recorder.addEventListener("dataavailable", ({ data }) => parts.push(data));
  Object.assign(recording, { recorder, stream, parts, type, start: performance.now() });
  recording.timer = setInterval(showTime, 250);
  recorder.start(PART_MS);
  at("recorder").hidden = false;
  at("recording-kind").textContent = `Recording a ${kind} message`;
  at("recording-preview").hidden = kind !== "video";
  at("recording-preview").srcObject = kind === "video" ? stream : null;
  for (const id of ["record-voice", "record-video"]) at(id).disabled = true;
  showTime();
  at("record-send").focus();
}

/// Ends the recording; sends or discards it.
export async function finish(isSent) {
  const ended = recording;
  if (!ended?.recorder) return;
  recording = null;
  const { kind, recorder, stream, parts, type, start, timer } = ended;
  const duration = Math.round(performance.now() - start);
  clearInterval(timer);
  const stopped = new Promise((done) => recorder.addEventListener("stop", done, { once: true }));
  recorder.stop();
  await stopped;
  for (const track of stream.getTracks()) track.stop();
  at("recorder").hidden = true;
  at("recording-preview").srcObject = null;
  for (const id of ["record-voice", "record-video"]) at(id).disabled = false;
  at(`record-${kind}`).focus();
  if (!isSent) return;
  const container = type.match(/\/(\w+)/)[1];
  const name = `${kind}-message.${EXTENSIONS[container] ?? "bin"}`;
  postFile(new File(parts, name, { type: type.split(";")[0] }), kind, duration);
}

for (const kind of ["voice", "video"]) at(`record-${kind}`).addEventListener("click", () => record(kind));
at("record-send").addEventListener("click", () => finish(true));
at("record-discard").addEventListener("click", () => finish(false));
at("attach").addEventListener("click", () => at("attach-file").click());
at("attach-file").addEventListener("change", () => {
  for (const file of at("attach-file").files) postFile(file);
  at("attach-file").value = "";
});
