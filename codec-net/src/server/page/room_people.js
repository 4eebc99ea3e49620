// The people in a room: who is on stage, and the sizes of video to request.
import { at, notifyBriefly } from "/dom.js";
import { room, sendChanged } from "/room_state.js";
import { Tiles } from "/room_tiles.js";

/// Delay of the message about a changed layout.
const VIEW_MS = 200;
/// Video that is still smaller than requested after this time is reported.
const RECHECK_MS = 3500;

const moderate = (type, id) => room.call?.send({ type, id });
const tiles = new Tiles(at("tiles"), choose, viewChanged, moderate);
/// Members say their names soon after they joined.
const ANNOUNCE_MS = 500;
let announceTimer;
/// The people whose presence was announced.
let announced = [];
let viewTimer;
let recheckTimer;

export const showPeople = () => tiles.show(room);

/// Reports the layout to the server soon.
export function viewChanged() {
  viewTimer ??= setTimeout(() => {
    viewTimer = undefined;
    const stage = room.stage ? [room.stage] : [];
    if (!sendChanged("view", { stage, heights: tiles.heights(room.you), lastN: null })) return;
    clearTimeout(recheckTimer);
    recheckTimer = setTimeout(showPeople, RECHECK_MS);
  }, VIEW_MS);
}
document.addEventListener("visibilitychange", viewChanged);

/// Puts the "camera" or "screen" of a person on stage; the id null clears the stage.
export function stage(id, source = "camera") {
  room.stage = id === null ? null : { id, source };
  showPeople();
}

const isOnStage = (id, source) => room.stage?.id === id && room.stage.source === source;

function choose(id, source) {
  stage(isOnStage(id, source) ? null : id, source);
}

const listed = (some) => (some.length > 3 ? `${some.length} people` : some.map(({ name }) => name).join(", "));

/// Announces who joined and left since the last time.
function announce() {
  announceTimer = undefined;
  const before = announced;
  announced = room.people;
  if (before.length === 0 || announced.length === 0) return;
  const without = (some, others) => some.filter(({ id }) => !others.some((other) => other.id === id));
  const changes = [[without(announced, before), "joined"], [without(before, announced), "left"]];
  const notices = changes.filter(([some]) => some.length > 0);
  if (notices.length > 0) notifyBriefly(notices.map(([some, what]) => `${listed(some)} ${what}.`).join(" "));
}

/// Follows who is there, and puts a screen on stage while it is shared.
function peopleChanged(people) {
  const before = new Map(room.people.map((person) => [person.id, person]));
  const now = new Map(people.map((person) => [person.id, person]));
  const left = room.people.filter(({ id }) => !now.has(id));
  room.people = people;
  announceTimer ??= setTimeout(announce, ANNOUNCE_MS);
  for (const { id } of left) room.speaking.delete(id);
  const sharer = people.find(({ id, sharing }) => sharing && id !== room.you && !before.get(id)?.sharing);
  if (sharer) room.stage = { id: sharer.id, source: "screen" };
  const staged = now.get(room.stage?.id);
  if (!staged || (room.stage.source === "screen" && !staged.sharing)) room.stage = null;
}

/// Handlers of the server's messages about people.
const handlers = {
  hello: ({ you, person, moderates }) => {
    Object.assign(room, { you, person, moderates });
  },
  people: ({ people }) => peopleChanged(people),
  video: ({ mid, height, paused }) => room.videos.set(mid, { height, paused }),
  speaking: ({ id, on }) => room.speaking[on ? "add" : "delete"](id),
  dominant: ({ id }) => {
    room.dominant = id;
  },
};

/// The same handlers; each shows the people afterwards.
export const peopleEvents = Object.fromEntries(Object.entries(handlers).map(([type, handle]) => [type, (message) => {
  handle(message);
  showPeople();
}]));
