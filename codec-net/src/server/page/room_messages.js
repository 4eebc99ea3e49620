// The messages of a room, in the order of their numbers and including missed ones, and read marks.
import { at, notifyBriefly } from "/dom.js";
import { attachmentOf } from "/room_attachments.js";
import { room } from "/room_state.js";

/// Maximum number of messages on the page.
const MAX_SHOWN = 500;
/// A read mark is sent this long after the message was seen.
const READ_MS = 300;
/// A request for earlier messages is repeated after this time.
const HISTORY_MS = 2000;

/// Numbers: the first and the last message of the server, the end of those that were received without a
/// gap, and the end of those that were read.
const log = { first: 1, last: 0, received: 0, read: 0, skips: false };
/// Numbers of the unread messages of others.
const unread = new Set();
/// Handlers of other parts of the page.
const on = { accepted: () => {}, unread: () => {}, isOpen: () => false };
let readTimer;
let asked = 0;
let askTimer;

export function onMessages(handlers) {
  Object.assign(on, handlers);
}

function element(tag, text, parent) {
  const it = document.createElement(tag);
  it.textContent = text;
  parent.append(it);
  return it;
}

const timeOf = (time) => new Date(time).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });

function show(message, isOwn) {
  const list = at("chat");
  const item = document.createElement("li");
  item.dataset.number = message.number;
  element("b", isOwn ? "you" : message.from, item);
  element("span", message.text, item);
  if (message.attachment) item.append(attachmentOf(message, isOwn));
  const time = element("time", timeOf(message.time), item);
  time.dateTime = new Date(message.time).toISOString();
  const isAtEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  // Messages that were missed may come after newer ones.
  const next = [...list.children].find((other) => !(Number(other.dataset.number) < message.number));
  list.insertBefore(item, next ?? null);
  while (list.children.length > MAX_SHOWN) list.firstChild.remove();
  if (isAtEnd || isOwn) list.scrollTop = list.scrollHeight;
}

/// Requests messages that are missing before the newest one.
function fillGap() {
  at("chat").ariaBusy = String(log.received < log.last);
  clearTimeout(askTimer);
  if (log.received >= log.last || !room.call) return;
  askTimer = setTimeout(() => {
    asked = 0;
    fillGap();
  }, HISTORY_MS);
  if (asked === log.received + 1) return;
  asked = log.received + 1;
  room.call.send({ type: "history", after: log.received });
}

function countUnread() {
  for (const number of unread) if (number <= log.read) unread.delete(number);
  on.unread(unread.size);
}

/// Marks the newest message as read if the chat is visible.
export function readNow() {
  clearTimeout(readTimer);
  if (!on.isOpen() || document.visibilityState !== "visible") return;
  readTimer = setTimeout(() => {
    if (!room.call || log.received <= log.read || !on.isOpen()) return;
    log.read = log.received;
    room.call.send({ type: "read", number: log.read });
    countUnread();
  }, READ_MS);
}
document.addEventListener("visibilitychange", readNow);

/// Handlers of the server's messages.
export const messageEvents = {
  log: ({ first, last, read, fileBytes }) => {
    // The server has no messages of earlier visits any more.
    if (last < log.received) clearMessages();
    // A person who is new in the room has missed nothing.
    const isNew = read === null && log.received === 0;
    // The server sends the newest messages without a request, and earlier ones are not needed.
    log.skips = log.received === 0;
    Object.assign(log, { first, last, read: isNew ? last : read ?? log.read });
    log.received = Math.max(log.received, first - 1);
    on.limits?.(fileBytes);
    const missed = last - log.read;
    if (missed > 0) notifyBriefly(missed === 1 ? "1 message while you were away." : `${missed} messages while you were away.`);
    fillSoon();
  },
  chat: (message) => {
    const { number, person, key } = message;
    const isOwn = person === room.person;
    if (isOwn && key) on.accepted(key);
    if (log.skips) {
      log.received = Math.max(log.received, number - 1);
      log.skips = false;
    }
    if (at("chat").querySelector(`[data-number="${number}"]`)) return;
    const isMissed = number <= log.last;
    log.last = Math.max(log.last, number);
    show(message, isOwn);
    if (number === log.received + 1) log.received = number;
    if (!isOwn && number > log.read) {
      unread.add(number);
      if (!on.isOpen() && !isMissed) notifyBriefly(`${message.from}: ${message.text || describe(message.attachment)}`);
    }
    countUnread();
    fillGap();
    readNow();
  },
  read: ({ number }) => {
    log.read = Math.max(log.read, number);
    countUnread();
  },
};

const describe = (attachment) => ({ voice: "voice message", video: "video message" })[attachment?.kind] ?? attachment?.name ?? "";

let soon;
/// The messages that the server sends by itself arrive first.
function fillSoon() {
  clearTimeout(soon);
  soon = setTimeout(fillGap, HISTORY_MS / 4);
}

/// Removes all messages.
export function clearMessages() {
  at("chat").replaceChildren();
  Object.assign(log, { first: 1, last: 0, received: 0, read: 0, skips: false });
  unread.clear();
  countUnread();
}

/// For tests and debugging.
export const messageState = () => ({ ...log, unread: unread.size });
