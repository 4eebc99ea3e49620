// Watching a stream, over WebRTC or WebSocket.
import * as api from "/api.js";
import { followConnection, lost } from "/connection.js";
import { controlChannel } from "/chat.js";
import { at, chosen, notify, show } from "/dom.js";
import * as rtc from "/rtc.js";
import * as socket from "/socket.js";
import { state } from "/state.js";
import { clearGraphs } from "/statistics.js";
import { enableStarts, refresh } from "/streams.js";

const [player, canvas] = [at("player"), at("canvas")];

const watchingEvents = {
  media: (media) => {
    player.srcObject = media;
    // A second track interrupts the first play() call; only a refusal needs user action.
    player.play().catch((error) => error.name === "NotAllowedError" && notify("Click the video to start playback."));
  },
  state: (name) => show("state", name),
  channel: (channel) => controlChannel.connect(channel),
  message: (data) => controlChannel.handleMessage(data),
  unreachable: (reason) => {
    if (!socket.isSupported()) return false;
    document.querySelector("input[name=transport][value=socket]").checked = true;
    watch().then(() => state.watching && notify(`${reason}: watching over WebSocket.`));
    return true;
  },
  end: (reason, failed) => {
    const why = lost(state.watching, failed) ?? reason;
    state.watching = state.paused = null;
    controlChannel.disconnect();
    show("state", failed ? "failed" : "ended", failed ? "failed" : "ended");
    notify(failed ? `Watching failed: ${why}` : `Ended: ${why}.`, failed ? "error" : "info");
    at("watch-stop").disabled = true;
    player.srcObject = null;
    at("empty").hidden = false;
    enableStarts();
    refresh();
  },
};

/// Watches the selected stream.
export async function watch() {
  const name = at("stream").value;
  if (!name) return notify("No stream to watch yet.", "error");
  const bySocket = chosen("transport") === "socket";
  if (bySocket && !socket.isSupported()) {
    return notify("WebCodecs is not available: it requires https or a server on this machine (127.0.0.1).", "error");
  }
  await state.watching?.stop();
  state.opening.watch = true;
  enableStarts();
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
    state.transport = bySocket ? "socket" : "webrtc";
    state.before = null;
    clearGraphs();
    at("watch-stop").disabled = false;
  } catch (error) {
    show("state", "failed");
    at("empty").hidden = false;
    notify(api.explain(error), "error");
  } finally {
    state.opening.watch = false;
    enableStarts();
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
