// The page's controls and status displays.
import * as api from "/api.js";
import * as rtc from "/rtc.js";
import * as socket from "/socket.js";
import { Graph } from "/graphs.js";
import { Talk } from "/talk.js";

const at = (id) => document.getElementById(id);
const chosen = (name) => document.querySelector(`input[name=${name}]:checked`).value;
const [player, canvas] = [at("player"), at("canvas")];

const state = { watching: null, publishing: null, paused: null, figures: {}, stream: {}, settings: {} };
const graphs = {
  bitrate: new Graph("bitrate", "kbit/s", { floor: 100 }),
  loss: new Graph("loss", "%", { digits: 1 }),
  delay: new Graph("delay", "ms", { floor: 50 }),
  qindex: new Graph("qindex", "", { floor: 20 }),
  layers: new Graph("layers", "", { floor: 2 }),
};

function notify(text, kind = "info") {
  at("notice").textContent = text;
  at("notice").dataset.kind = kind;
}

function show(id, name, text = name) {
  at(id).textContent = text;
  at(id).dataset.state = name;
}

// Streams and the token.

const NO_STREAMS = "No streams yet. Publish your camera, your screen or a file.";
/// The notice shows why the server refused to list its streams.
let refused = false;

async function refresh() {
  try {
    const { streams, may, open } = await api.streams();
    const list = at("stream");
    const before = list.value;
    list.replaceChildren(...streams.map((stream) => new Option(stream.name, stream.name)));
    const wanted = [before, shared()].find((name) => streams.some((stream) => stream.name === name));
    if (wanted !== undefined) list.value = wanted;
    state.streams = streams;
    describe();
    at("watch-start").disabled = !may.view || state.watching !== null;
    at("publish-start").disabled = !may.publish || state.publishing !== null;
    at("token-form").hidden = open;
    document.body.dataset.ready = "yes";
    const said = at("notice").textContent;
    if (refused || (said === NO_STREAMS && streams.length > 0)) notify("");
    refused = false;
    // Other notices stay.
    if (at("notice").textContent === "" && streams.length === 0 && may.view && !state.watching) notify(NO_STREAMS);
    return streams;
  } catch (error) {
    at("watch-start").disabled = at("publish-start").disabled = error.status === 401;
    document.body.dataset.ready = "refused";
    refused = true;
    notify(api.explain(error), "error");
    return [];
  }
}

/// Shows size, frame rate and kind of the selected stream below the list of names.
function describe() {
  const stream = (state.streams ?? []).find(({ name }) => name === at("stream").value);
  const { width, height, framesPerSecond, kind } = stream ?? {};
  const size = width ? `${width}×${height}, ${framesPerSecond} frames/s` : "";
  at("stream-facts").textContent = stream ? [stream.name, size, kind].filter(Boolean).join(" – ") : "";
  at("share").disabled = !stream;
  if (!at("link").hidden) at("link").value = stream ? linkTo(stream.name) : "";
}
at("stream").addEventListener("change", describe);

// Links to a stream: its name follows the #; the token is not part of the link.

function linkTo(name) {
  const url = new URL(location.href);
  url.hash = `watch=${encodeURIComponent(name)}`;
  return url.href;
}

function shared() {
  return new URLSearchParams(location.hash.slice(1)).get("watch") ?? undefined;
}

at("share").addEventListener("click", async () => {
  const link = linkTo(at("stream").value);
  [at("link").value, at("link").hidden] = [link, false];
  at("link").select();
  try {
    await navigator.clipboard.writeText(link);
    notify("Link copied.");
  } catch {
    // The clipboard requires https.
    notify("Copy the link below the list of streams.");
  }
});

/// Watches the stream in the URL that the page was opened with, once.
async function follow() {
  const name = shared();
  if (name === undefined || at("token-form").hidden === false && !api.hasToken()) return;
  if (at("stream").value !== name) return notify(`Stream ${name} is not available.`, "error");
  await watch();
}
addEventListener("hashchange", async () => {
  await refresh();
  await follow();
});

at("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  api.useToken(at("token").value);
  refresh().then(() => state.watching || follow());
});
at("refresh").addEventListener("click", refresh);

// Chat and files.

const talk = new Talk({
  chat: at("chat"),
  files: at("files"),
  on: {
    ready: (ready) => {
      for (const id of ["chat-text", "chat-send", "file"]) at(id).disabled = !ready;
    },
    stats: (stream) => {
      state.stream = stream;
    },
    video: (paused, small) => {
      const reduced = small ? "small" : null;
      if ((paused ?? reduced) === state.paused) return;
      state.paused = paused ?? reduced;
      const smaller = "Limited bandwidth: the video is smaller until the connection improves.";
      if (paused) notify(`Video paused: ${paused}. Audio continues, and video will be retried.`);
      else notify(small ? smaller : "");
    },
  },
});
at("chat-form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (at("chat-text").value.trim()) talk.say(at("chat-text").value);
  at("chat-text").value = "";
});
at("file").addEventListener("change", ({ target }) => {
  for (const file of target.files) talk.send(file);
  target.value = "";
});

// Watching.

const watchingEvents = {
  media: (media) => {
    player.srcObject = media;
    // A second track interrupts the first play() call; only a refusal needs user action.
    player.play().catch((error) => error.name === "NotAllowedError" && notify("Click the video to start playback."));
  },
  state: (name) => show("state", name),
  line: (line) => talk.connect(line),
  message: (data) => talk.take(data),
  unreachable: (reason) => {
    if (!socket.isSupported()) return false;
    document.querySelector("input[name=way][value=socket]").checked = true;
    watch().then(() => state.watching && notify(`${reason}: watching over WebSocket.`));
    return true;
  },
  end: (reason, failed) => {
    const why = lost(state.watching, failed) ?? reason;
    state.watching = state.paused = null;
    talk.disconnect();
    show("state", failed ? "failed" : "ended", failed ? "failed" : "ended");
    notify(failed ? `Watching failed: ${why}` : `Ended: ${why}.`, failed ? "error" : "info");
    at("watch-stop").disabled = true;
    player.srcObject = null;
    at("empty").hidden = false;
    refresh();
  },
};

/// Shows when a WebRTC connection is interrupted and when it recovers.
function followConnection(call, id) {
  call.wasLive = call.pc?.connectionState === "connected";
  call.pc?.addEventListener("connectionstatechange", () => {
    if (call.ended) return;
    if (call.pc.connectionState === "connected") call.wasLive = true;
    if (call.pc.connectionState === "disconnected") show(id, "interrupted", "interrupted, waiting");
  });
}

/// The reason why a call failed that was live before; the server was reachable then.
function lost(call, failed) {
  if (!failed || !call?.wasLive) return undefined;
  return "the connection to the server was lost";
}

async function watch() {
  const name = at("stream").value;
  if (!name) return notify("No stream to watch yet.", "error");
  const bySocket = chosen("way") === "socket";
  if (bySocket && !socket.isSupported()) {
    return notify("WebCodecs is not available: it requires https, or a page from this machine.", "error");
  }
  await state.watching?.stop();
  at("watch-start").disabled = true;
  show("state", "connecting");
  notify("");
  [player.hidden, canvas.hidden, at("empty").hidden] = [bySocket, !bySocket, true];
  try {
    if (bySocket) {
      state.watching = new socket.SocketCall(name, canvas, watchingEvents);
      state.watching.setMuted(player.muted);
    } else {
      state.watching = await rtc.watch(name, watchingEvents, state.settings, at("delay").value);
      followConnection(state.watching, "state");
    }
    state.way = bySocket ? "socket" : "webrtc";
    state.before = null;
    for (const graph of Object.values(graphs)) graph.clear();
    at("watch-stop").disabled = false;
  } catch (error) {
    show("state", "failed");
    at("empty").hidden = false;
    at("watch-start").disabled = false;
    notify(api.explain(error), "error");
  }
  return undefined;
}

at("watch").addEventListener("submit", (event) => {
  event.preventDefault();
  watch();
});
at("watch-stop").addEventListener("click", () => state.watching?.stop());
at("mute").addEventListener("click", () => {
  player.muted = !player.muted;
  at("mute").setAttribute("aria-pressed", String(player.muted));
  at("mute").textContent = player.muted ? "Audio off" : "Audio on";
  state.watching?.setMuted?.(player.muted);
});
at("full").addEventListener("click", () => at("screen").requestFullscreen?.());
player.addEventListener("click", () => player.play());

// Publishing.

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
async function listDevices() {
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

function sourceOf(kind) {
  if (kind === "file") return videoFile();
  if (!navigator.mediaDevices) {
    throw new Error("Cameras and screens require https, or a page from this machine (127.0.0.1).");
  }
  if (kind === "screen") return navigator.mediaDevices.getDisplayMedia({ video: true, audio: true });
  return camera();
}

async function publish() {
  at("publish-start").disabled = true;
  show("publish-state", "connecting");
  notify("");
  let media;
  const release = () => {
    media?.getTracks().forEach((track) => track.stop());
    clip.pause();
    at("preview").srcObject = null;
    at("preview").hidden = true;
    at("publish-stop").disabled = true;
    state.publishing = null;
    refresh();
  };
  try {
    media = await sourceOf(chosen("source"));
    listDevices();
    at("preview").srcObject = media;
    at("preview").hidden = false;
    at("preview").play().catch(() => {});
    const name = at("name").value;
    state.publishing = await rtc.publish(name, media, Number(at("rate").value), {
      state: (text) => {
        show("publish-state", text);
        setTimeout(refresh, 1000);
      },
      end: (reason, failed) => {
        const why = lost(state.publishing, failed) ?? reason;
        show("publish-state", failed ? "failed" : "ended");
        notify(`Publishing ended: ${why}.`, failed ? "error" : "info");
        release();
      },
    }, state.settings);
    followConnection(state.publishing, "publish-state");
    // The browser's own button also ends screen sharing.
    media.getVideoTracks()[0]?.addEventListener("ended", () => state.publishing?.stop());
    at("publish-stop").disabled = false;
  } catch (error) {
    release();
    show("publish-state", "failed");
    notify(api.explain(error), "error");
  }
}

at("publish").addEventListener("submit", (event) => {
  event.preventDefault();
  publish();
});
at("publish-stop").addEventListener("click", () => state.publishing?.stop());
for (const choice of document.querySelectorAll("input[name=source]")) {
  choice.addEventListener("change", () => {
    at("clip").hidden = chosen("source") !== "file";
    at("devices").hidden = chosen("source") !== "camera";
  });
}

// Once a second: statistics and graphs.

async function tick() {
  const call = state.watching ?? state.publishing;
  if (!call || call.ended) return;
  const measured = state.watching && state.way === "socket"
    ? socket.measure(call, state.before)
    : await rtc.measure(call, state.before);
  state.before = measured.now;
  const figures = (state.figures = measured.figures);
  figures.qindex ??= state.stream.qindex;
  figures.layers = state.stream.layers;
  graphs.bitrate.push(figures.kbps);
  graphs.loss.push(figures.loss);
  graphs.delay.push(figures.delay);
  graphs.qindex.push(figures.qindex);
  graphs.layers.push(figures.layers);
  const size = figures.width ? `${figures.width}×${figures.height}` : "";
  const rate = Number.isFinite(figures.fps) ? `${figures.fps.toFixed(0)} frames/s` : "";
  at("figures").textContent = [size, rate].filter(Boolean).join(", ");
}
setInterval(tick, 1000);
setInterval(() => document.visibilityState === "visible" && refresh(), 5000);
addEventListener("pagehide", () => {
  state.watching?.stop();
  state.publishing?.stop();
});

/// For tests and debugging.
window.codec = { state, graphs, talk, api, rtc, socket, refresh, watch, publish };

at("token").value = api.currentToken();
refresh().then(follow);
