// The page: connects its parts, the token and the URL.
import * as api from "/api.js";
import { controlChannel } from "/chat.js";
import { at, notify } from "/dom.js";
import { publish } from "/publish.js";
import * as rtc from "/rtc.js";
import * as socket from "/socket.js";
import { state } from "/state.js";
import { graphs } from "/statistics.js";
import { refresh, shared } from "/streams.js";
import { watch } from "/watch.js";

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

at("room-form").addEventListener("submit", (event) => {
  event.preventDefault();
  location.href = `/r/${encodeURIComponent(at("room").value)}`;
});

setInterval(() => document.visibilityState === "visible" && refresh(), 5000);
addEventListener("pagehide", () => {
  state.watching?.stop();
  state.publishing?.stop();
});

/// For tests and debugging.
window.codec = { state, graphs, controlChannel, api, rtc, socket, refresh, watch, publish };

at("token").value = api.currentToken();
refresh().then(follow);
