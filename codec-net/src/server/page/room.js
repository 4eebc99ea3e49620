// A conference room: the lobby, joining, and the buttons of the call.
import * as api from "/api.js";
import { followConnection, lost } from "/connection.js";
import { at, notify, show } from "/dom.js";
import { RoomCall } from "/room_call.js";
import { canShareScreen, Devices, openScreen } from "/room_devices.js";
import { clearLobby, leaveLobby, lobbyEvents } from "/room_lobby.js";
import { messageEvents, messageState } from "/room_messages.js";
import { outboxEvents, pause, resume, setLimits } from "/room_outbox.js";
import { joinElsewhere, setNodes } from "/room_nodes.js";
import { closePanels, openPanel, reopen } from "/room_panels.js";
import { peopleEvents, showPeople, stage, viewChanged } from "/room_people.js";
import { deviceLink } from "/room_person.js";
import { clearRoom, room, sendChanged } from "/room_state.js";
import { untilDone } from "/retry.js";

const KEPT = "codec-name";

const opened = new URLSearchParams(location.hash.slice(1));

/// The track of the shared screen.
let screen = null;
const devices = new Devices((problems) => {
  if (problems) notify(problems, "error");
  tracksChanged();
});

function mediaOf(track, before) {
  if (!track) return null;
  return before?.getTracks()[0] === track ? before : new MediaStream([track]);
}

/// Sends and shows your tracks.
function tracksChanged() {
  const { call, own } = room;
  own.camera = mediaOf(devices.camera, own.camera);
  own.screen = mediaOf(screen, own.screen);
  at("preview").srcObject = call ? null : own.camera;
  at("empty").hidden = own.camera !== null;
  at("mute").ariaPressed = String(!devices.wanted.microphone);
  at("camera-off").ariaPressed = String(!devices.wanted.camera);
  at("share").ariaPressed = String(screen !== null);
  if (!call) return;
  // Only the active device of a person sends.
  const sent = (track) => (room.active ? track : null);
  call.setTrack("microphone", sent(devices.microphone));
  call.setTrack("camera", sent(devices.camera));
  call.setTrack("screen", sent(screen));
  sendChanged("muted", devices.muted());
  sendChanged("sharing", { on: screen !== null });
  showPeople();
}

/// Shows the call or the lobby.
function showCall(inCall) {
  for (const id of ["tiles", "call-buttons"]) at(id).hidden = !inCall;
  for (const id of ["lobby", "join"]) at(id).hidden = inCall;
  at("share").hidden = !canShareScreen();
  closePanels();
  at("settings").hidden = inCall;
}

/// Plays a received audio track.
function play(track) {
  const audio = new Audio();
  audio.srcObject = new MediaStream([track]);
  audio.hidden = true;
  document.body.append(audio);
  room.call.audio.push(audio);
  const start = () => audio.play().catch((error) => {
    if (error.name !== "NotAllowedError") return;
    notify("Click the page to hear the others.");
    addEventListener("click", start, { once: true });
  });
  start();
}

const events = {
  ...peopleEvents,
  ...lobbyEvents,
  ...messageEvents,
  ...outboxEvents,
  hello: (message) => {
    peopleEvents.hello(message);
    if (!leaveLobby()) return;
    // The server ignored the messages from the lobby.
    room.call.sent = {};
    events.open();
  },
  log: (message) => {
    setLimits(message);
    messageEvents.log(message);
  },
  device: ({ active, devices: count }) => {
    const isLost = room.active && !active;
    Object.assign(room, { active, devices: count });
    showDevice();
    // A camera that is not in use is free for others.
    if (isLost) {
      notify("The call has moved to another of your devices.");
      stopScreen();
      devices.close();
    }
    tracksChanged();
  },
  mute: () => {
    notify("A moderator muted you.");
    if (devices.wanted.microphone) devices.toggle("microphone");
  },
  removed: () => {
    room.call.removed = true;
  },
  draining: ({ seconds }) => notify(`The server stops in ${Math.ceil(seconds / 60)} min.`),
  stopping: () => {
    room.call.serverStops = true;
  },
  nodes: setNodes,
  audio: play,
  open: () => {
    sendChanged("name", { name: room.call.name });
    tracksChanged();
    viewChanged();
    resume();
  },
  state: (name) => {
    document.body.dataset.call = name;
    show("state", name);
  },
  end: (reason, failed) => {
    const { call } = room;
    const panel = openPanel();
    pause();
    release();
    const why = call.removed ? "a moderator removed you" : lost(call, failed) ?? reason;
    notify(call.stopping ? "You left the room." : `The call ended: ${why}.`, failed ? "error" : "info");
    // Otherwise the devices stay open, to join again.
    if (call.stopping) devices.close();
    at("join").focus();
    const isLost = call.serverStops || lost(call, failed) || (failed && call.wasLive);
    if (isLost && !call.stopping && !call.removed) rejoin(call.name, panel);
  },
};

/// Returns to the lobby.
function release() {
  for (const audio of room.call.audio) audio.remove();
  screen?.stop();
  screen = null;
  clearLobby();
  clearRoom();
  showPeople();
  showCall(false);
  showDevice();
  tracksChanged();
  document.body.dataset.call = "ended";
  at("join").disabled = false;
}

/// Shows whether your call is on this device.
function showDevice() {
  const isElsewhere = room.call !== null && !room.active;
  at("device").hidden = !isElsewhere;
  at("device-text").textContent = room.devices > 1 ? "Your call is on another of your devices." : "Your call is not on any of your devices.";
}

/// Moves the call to this device. The other device sends until this one does.
async function take() {
  at("take").disabled = true;
  await devices.apply();
  room.call?.send({ type: "take" });
  at("take").disabled = false;
  at("mute").focus();
}

/// Joins again after the connection to the server was lost, unless the user joins first, and opens the panel that was open.
async function rejoin(name, panel) {
  const isBack = await joinElsewhere(() => join(name)) || await untilDone(
    () => join(name),
    () => room.call !== null,
    (seconds) => notify(`The connection to the server was lost. Joining again in ${seconds} s …`, "error"),
  );
  if (isBack) reopen(panel);
  else notify("Could not reconnect to the server.", "error");
}

/// Joins the room; returns whether that succeeded. A camera that opens later needs no negotiation: its
/// section exists.
async function join(name) {
  if (room.call) return true;
  at("join").disabled = true;
  at("name").value = name;
  document.body.dataset.call = "connecting";
  notify("Connecting …");
  try {
    room.call = new RoomCall(room.name, name, events, room.settings);
    devices.apply();
    const { call } = room;
    await call.start();
    if (call.ended) return false;
    followConnection(call, "state");
    show("state", call.wasLive ? "live" : "connecting");
    notify("");
    at("token-form").hidden = true;
    showCall(true);
    showDevice();
    at("mute").focus();
    return true;
  } catch (error) {
    if (room.call) release();
    notify(api.explain(error), "error");
    if (![401, 403].includes(error.status)) return false;
    at("token-form").hidden = false;
    at("token").focus();
    return false;
  }
}

const leave = async () => room.call?.stop();

function stopScreen() {
  screen?.stop();
  screen = null;
  tracksChanged();
}

async function toggleScreen() {
  const { call } = room;
  if (screen) return void stopScreen();
  try {
    const track = await openScreen();
    if (room.call !== call) return void track.stop();
    // The browser's own button also ends screen sharing.
    track.addEventListener("ended", () => screen === track && stopScreen());
    screen = track;
    tracksChanged();
  } catch (error) {
    // The user closed the browser's dialog.
    if (error.name === "NotAllowedError") return;
    notify(`Cannot share the screen: ${error.message}`, "error");
  }
}

const joinAsNamed = () => join(at("name").value.trim() || "Guest");

at("settings").addEventListener("submit", (event) => {
  event.preventDefault();
  joinAsNamed();
});
at("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  api.useToken(at("token").value);
  joinAsNamed();
});
at("name").addEventListener("change", () => {
  const name = at("name").value.trim();
  if (!name) return;
  localStorage.setItem(KEPT, name);
  sendChanged("name", { name });
});
for (const kind of ["camera", "microphone"]) at(kind).addEventListener("change", () => devices.choose(kind));
at("mute").addEventListener("click", () => devices.toggle("microphone"));
at("camera-off").addEventListener("click", () => devices.toggle("camera"));
at("share").addEventListener("click", toggleScreen);
at("take").addEventListener("click", take);
at("device-link").addEventListener("click", async () => {
  const link = deviceLink(at("name").value.trim());
  try {
    await navigator.clipboard.writeText(link);
    notify("Link copied. Open it on your other device only: anyone who has it can speak and read as you.");
  } catch {
    // The clipboard requires https.
    at("device-address").value = link;
    at("device-address").hidden = false;
    at("device-address").select();
    notify("Copy the link for your other device. Do not give it to anyone else.");
  }
});
at("leave").addEventListener("click", leave);
addEventListener("pagehide", leave);

/// For tests and debugging.
window.codec = {
  room: {
    get pc() {
      return room.call?.pc;
    },
    get people() {
      return room.people;
    },
    get nodes() {
      return room.nodes;
    },
    settings: room.settings,
    join, leave, stage, take,
    /// Ends the connection as a failed network does.
    cut: () => room.call?.finish("cut", true),
    state: () => ({
      call: document.body.dataset.call, you: room.you, stage: room.stage, dominant: room.dominant,
      messages: messageState(), active: room.active, devices: room.devices, speaking: [...room.speaking], videos: Object.fromEntries(room.videos), sent: room.call?.sent,
    }),
  },
};

at("room-name").textContent = room.name;
document.title = `${room.name} – codec serve`;
at("name").value = opened.get("name") ?? localStorage.getItem(KEPT) ?? "";
at("token").value = api.currentToken();
showCall(false);
devices.apply();
document.body.dataset.ready = "yes";
if (opened.has("join")) joinAsNamed();
