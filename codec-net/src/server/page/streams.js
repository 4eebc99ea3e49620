// The list of streams, and links to them.
import * as api from "/api.js";
import { at, notify } from "/dom.js";
import { canSend } from "/rtc.js";
import { state } from "/state.js";

const NO_STREAMS = "No streams yet. Publish your camera, your screen or a file.";
/// The notice shows why the server rejected the request to list its streams.
let wasRejected = false;

/// Updates the list of streams.
export async function refresh() {
  try {
    const { streams, may, open, videoCodecs } = await api.streams();
    const list = at("stream");
    const before = list.value;
    list.replaceChildren(...streams.map((stream) => new Option(stream.name, stream.name)));
    const wanted = [before, shared()].find((name) => streams.some((stream) => stream.name === name));
    if (wanted !== undefined) list.value = wanted;
    state.streams = streams;
    listCodecs(videoCodecs);
    describe();
    state.may = may;
    enableStarts();
    at("token-form").hidden = open;
    document.body.dataset.ready = "yes";
    const said = at("notice").textContent;
    if (wasRejected || (said === NO_STREAMS && streams.length > 0)) notify("");
    wasRejected = false;
    // Other notices stay.
    if (at("notice").textContent === "" && streams.length === 0 && may.view && !state.watching) notify(NO_STREAMS);
    return streams;
  } catch (error) {
    const allowed = error.status !== 401;
    state.may = { view: allowed, publish: allowed };
    enableStarts();
    document.body.dataset.ready = "rejected";
    wasRejected = true;
    notify(api.explain(error), "error");
    return [];
  }
}

/// Enables the buttons that start what the token permits and what is neither open nor being opened.
export function enableStarts() {
  at("watch-start").disabled = !state.may.view || state.opening.watch || state.watching !== null;
  at("publish-start").disabled = !state.may.publish || state.opening.publish || state.publishing !== null;
}

/// Names of the video codecs.
const CODEC_NAMES = { vp8: "VP8", h264: "H.264", vp9: "VP9" };

/// Lists the video codecs that both the server and the browser support, in the server's order.
function listCodecs(names) {
  const known = names.filter((name) => canSend(name) && name in CODEC_NAMES);
  const select = at("codec");
  if (known.join() === [...select.options].map(({ value }) => value).join()) return;
  select.replaceChildren(...known.map((name) => new Option(CODEC_NAMES[name], name)));
}

/// Shows size, frame rate, codec and kind of the selected stream below the list of names.
function describe() {
  const stream = state.streams.find(({ name }) => name === at("stream").value);
  const { width, height, framesPerSecond, kind, codec } = stream ?? {};
  const size = width ? `${width}×${height}, ${framesPerSecond} frames/s` : "";
  at("stream-facts").textContent = stream ? [stream.name, size, codec, kind].filter(Boolean).join(" – ") : "";
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

/// The name in the URL that the page was opened with.
export function shared() {
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
at("refresh").addEventListener("click", refresh);
