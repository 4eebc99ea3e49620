// The panels of a call in a room: chat and settings.
import { at } from "/dom.js";
import { sizeOf } from "/room_attachments.js";
import { onMessages, readNow } from "/room_messages.js";
import { accepted, post } from "/room_outbox.js";
import { canRecord, recordingLimits } from "/room_recorder.js";
import { room } from "/room_state.js";

/// The button and the first field of each panel.
const PANELS = { "chat-panel": ["chat-open", "chat-text"], settings: ["settings-open", "name"] };

function setOpen(panel, isOpen) {
  const [button] = PANELS[panel];
  at(panel).hidden = !isOpen;
  at(button).ariaExpanded = String(isOpen);
  if (panel === "chat-panel" && isOpen) readNow();
}

function toggle(panel) {
  const isOpen = at(panel).hidden;
  // Two panels leave too little space for the tiles.
  closePanels();
  setOpen(panel, isOpen);
  const [button, field] = PANELS[panel];
  at(isOpen ? field : button).focus();
}

/// The open panel, or undefined.
export const openPanel = () => Object.keys(PANELS).find((panel) => !at(panel).hidden);

/// Opens a panel again, if there was one.
export function reopen(panel) {
  if (panel) setOpen(panel, true);
}

export function closePanels() {
  for (const panel of Object.keys(PANELS)) setOpen(panel, false);
}

function showUnread(count) {
  at("chat-open").textContent = count > 0 ? `Chat (${count})` : "Chat";
}

onMessages({
  accepted,
  isOpen: () => room.call !== null && !at("chat-panel").hidden,
  unread: showUnread,
  limits: (fileBytes) => {
    const hasFiles = fileBytes > 0;
    for (const id of ["record-voice", "record-video"]) at(id).hidden = !hasFiles || !canRecord();
    at("attach").hidden = !hasFiles;
    const files = `Files can have up to ${sizeOf(fileBytes)}. ${canRecord() ? recordingLimits() : ""}`;
    at("message-limits").textContent = hasFiles ? files : "This server does not accept files, voice or video messages.";
  },
});

for (const [panel, [button]] of Object.entries(PANELS)) at(button).addEventListener("click", () => toggle(panel));
addEventListener("keydown", ({ key }) => {
  const open = openPanel();
  if (key === "Escape" && room.call && open) toggle(open);
});
at("chat-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = at("chat-text").value.trim();
  if (text) post(text);
  at("chat-text").value = "";
});
