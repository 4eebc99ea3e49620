// Files, voice and video messages, as they are shown among the messages.
import { currentServer } from "/api.js";

const UNITS = ["bytes", "kB", "MB", "GB"];

/// A size in words.
export function sizeOf(bytes) {
  let unit = 0;
  let value = bytes;
  for (; value >= 1000 && unit < UNITS.length - 1; unit += 1) value /= 1000;
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`;
}

/// A duration as minutes and seconds.
export function clock(ms) {
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

function player(tag, url, label) {
  const media = document.createElement(tag);
  Object.assign(media, { controls: true, preload: "metadata", src: url, ariaLabel: label });
  media.setAttribute("playsinline", "");
  return media;
}

/// Why a file cannot be played, as the server reports it: the file may be at another server, which is gone.
async function whyNot(url) {
  try {
    const answer = await fetch(url, { headers: { range: "bytes=0-0" } });
    return answer.ok ? "this browser cannot play it" : (await answer.json()).error;
  } catch {
    return "no response from the server";
  }
}

/// The element of a message's attachment: a player or a link, with the digest.
export function attachmentOf({ from, attachment }, isOwn) {
  const { kind, file, name, bytes, sha256, duration } = attachment;
  const box = document.createElement("span");
  box.className = "attachment";
  box.dataset.kind = kind;
  const url = `${currentServer()}/room-files/${encodeURIComponent(file)}`;
  const whose = isOwn ? "you" : from;
  const length = duration === null ? "" : `, ${clock(duration)}`;
  if (kind === "voice") box.append(player("audio", url, `Voice message of ${whose}${length}`));
  if (kind === "video") box.append(player("video", url, `Video message of ${whose}${length}`));
  const link = document.createElement("a");
  Object.assign(link, { href: url, download: name, textContent: kind === "file" ? name : "Save" });
  link.ariaLabel = `Save ${name}`;
  const facts = document.createElement("small");
  facts.textContent = `${{ voice: "Voice message", video: "Video message" }[kind] ?? "File"}${length}, ${sizeOf(bytes)}`;
  const digest = document.createElement("small");
  digest.className = "digest";
  digest.textContent = `SHA-256 ${sha256}`;
  box.append(link, facts, digest);
  box.querySelector("audio, video")?.addEventListener("error", async () => {
    facts.textContent += `: ${await whyNot(url)}`;
  }, { once: true });
  return box;
}
