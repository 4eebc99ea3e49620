// The panels of a call in a room: chat and settings.
import { showChatLine } from "/control_channel.js";
import { at, notifyBriefly } from "/dom.js";
import { room } from "/room_state.js";

/// The button and the first field of each panel.
const PANELS = { "chat-panel": ["chat-open", "chat-text"], settings: ["settings-open", "name"] };
let unread = 0;

function setOpen(panel, isOpen) {
  const [button] = PANELS[panel];
  at(panel).hidden = !isOpen;
  at(button).ariaExpanded = String(isOpen);
  if (panel === "chat-panel" && isOpen) showUnread(0);
}

function toggle(panel) {
  const isOpen = at(panel).hidden;
  // Two panels leave too little space for the tiles.
  closePanels();
  setOpen(panel, isOpen);
  const [button, field] = PANELS[panel];
  at(isOpen ? field : button).focus();
}

export function closePanels() {
  for (const panel of Object.keys(PANELS)) setOpen(panel, false);
}

function showUnread(count) {
  unread = count;
  at("chat-open").textContent = count > 0 ? `Chat (${count})` : "Chat";
}

/// Shows a chat message; a notice announces it while the panel is closed.
export function chatReceived({ id, from, text }) {
  const isYou = id === room.you;
  showChatLine(at("chat"), isYou ? "you" : from, text);
  if (isYou || !at("chat-panel").hidden) return;
  showUnread(unread + 1);
  notifyBriefly(`${from}: ${text}`);
}

/// Removes the messages of an earlier call: the server repeats them.
export function clearChat() {
  at("chat").replaceChildren();
  showUnread(0);
}

for (const [panel, [button]] of Object.entries(PANELS)) at(button).addEventListener("click", () => toggle(panel));
addEventListener("keydown", ({ key }) => {
  const open = Object.keys(PANELS).find((panel) => !at(panel).hidden);
  if (key === "Escape" && room.call && open) toggle(open);
});
at("chat-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = at("chat-text").value.trim();
  if (text) room.call?.send({ type: "chat", text });
  at("chat-text").value = "";
});
