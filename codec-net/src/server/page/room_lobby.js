// The lobby of a room: waiting in it, and the moderators' list of waiting people.
import { at, notify, notifyBriefly } from "/dom.js";
import { room } from "/room_state.js";

/// Ids of the people who waited when the list was last shown.
let known = new Set();

function button(text, label, message) {
  const element = document.createElement("button");
  element.type = "button";
  element.textContent = text;
  element.ariaLabel = label;
  element.addEventListener("click", () => room.call?.send(message));
  return element;
}

function showWaiting({ on, people }) {
  at("lobby-on").ariaPressed = String(on);
  at("lobby-on").hidden = !room.moderates;
  at("waiting-panel").hidden = people.length === 0;
  at("waiting").replaceChildren(...people.map(({ id, name }) => {
    const item = document.createElement("li");
    const label = document.createElement("span");
    label.textContent = name;
    const admit = button("Let in", `Let ${name} in`, { type: "admit", id });
    const refuse = button("Refuse", `Refuse ${name}`, { type: "remove", id });
    item.append(label, admit, refuse);
    return item;
  }));
  const added = people.filter(({ id }) => !known.has(id));
  known = new Set(people.map(({ id }) => id));
  if (added.length > 0) notifyBriefly(`${added.map(({ name }) => name).join(", ")} would like to join.`);
}

/// Handlers of the server's messages.
export const lobbyEvents = {
  waiting: () => {
    room.waits = true;
    document.body.dataset.lobby = "waits";
    notify("Waiting for a moderator to let you in …");
  },
  lobby: showWaiting,
};

/// Clears the lobby state when the person was let in; returns whether the person waited.
export function leaveLobby() {
  const waited = room.waits === true;
  room.waits = false;
  delete document.body.dataset.lobby;
  if (waited) notify("");
  return waited;
}

/// Hides the list at the end of a call.
export function clearLobby() {
  leaveLobby();
  known = new Set();
  at("waiting-panel").hidden = at("lobby-on").hidden = true;
}

at("lobby-on").addEventListener("click", () => {
  room.call?.send({ type: "lobby", on: at("lobby-on").ariaPressed !== "true" });
});
