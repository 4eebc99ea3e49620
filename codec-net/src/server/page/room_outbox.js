// Messages that are being sent to the server: after a lost connection, texts are sent again and file uploads resume.
import { at } from "/dom.js";
import { room } from "/room_state.js";
import { Uploads } from "/uploads.js";

/// Texts by their keys: the server adds a message once, however often it is sent.
const texts = new Map();
const uploads = new Uploads(at("uploads"), (message) => room.call?.send(message));

function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function sendText(key) {
  const { text, note, again } = texts.get(key);
  note.textContent = room.call?.isOpen() ? "sending" : "waiting for a connection";
  again.hidden = true;
  room.call?.send({ type: "chat", key, text });
}

/// Sends a text, now or when there is a connection.
export function post(text) {
  const key = newKey();
  const item = document.createElement("li");
  const [shown, note, again] = ["span", "small", "button"].map((tag) => document.createElement(tag));
  Object.assign(again, { type: "button", textContent: "Send again" });
  again.addEventListener("click", () => sendText(key));
  shown.textContent = text;
  item.append(shown, note, again);
  at("uploads").append(item);
  texts.set(key, { text, item, note, again });
  sendText(key);
}

/// Sends a file as a message. `kind`: "file", "voice" or "video"; `duration` in ms, or null.
export async function postFile(file, kind = "file", duration = null) {
  const mediaType = file.type || "application/octet-stream";
  const extra = { key: newKey(), kind, mediaType, duration };
  const { text, item } = await uploads.start(file, extra);
  if (item.dataset.outcome === "stored") return void item.remove();
  const remove = document.createElement("button");
  Object.assign(remove, { type: "button", textContent: "Remove", ariaLabel: `Remove ${file.name}: ${text}` });
  remove.addEventListener("click", () => item.remove());
  item.append(remove);
}

/// Called when the server has added a message with this key.
export function accepted(key) {
  texts.get(key)?.item.remove();
  texts.delete(key);
}

/// Called when there is a connection.
export function resume() {
  uploads.connect(room.call.controlChannel());
  for (const key of texts.keys()) sendText(key);
}

/// Called when the connection is lost.
export function pause() {
  uploads.disconnect();
  for (const { note } of texts.values()) note.textContent = "waiting for a connection";
}

/// Handlers of the server's messages.
export const outboxEvents = {
  refused: ({ key, reason }) => {
    const text = texts.get(key);
    if (!text) return;
    text.note.textContent = `not sent: ${reason}`;
    text.again.hidden = false;
  },
  fileAt: ({ id, offset }) => uploads.continueAt(id, offset),
  fileStored: ({ id, name }) => uploads.finish(id, "sent", name ?? "stored"),
  fileRejected: ({ id, reason }) => uploads.finish(id, `not sent: ${reason}`),
};

export function setLimits(limits) {
  uploads.limits = limits;
}
