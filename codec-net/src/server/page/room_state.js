// State shared by the parts of the room's page.

export const room = {
  name: decodeURIComponent(location.pathname.split("/").at(-1)),
  call: null,
  /// Your id, and the people in the room as the server sends them.
  you: null,
  /// Your id, which is the same in later visits and on your other devices.
  person: null,
  /// Whether this device holds your call (only the device that does sends), and how many devices you have in the room.
  active: false,
  devices: 1,
  /// Whether you may mute and remove others.
  moderates: false,
  people: [],
  speaking: new Set(),
  dominant: null,
  /// Height and pause reason of received video by the `mid` of its section.
  videos: new Map(),
  /// The tile on stage: `id` and `source`, or null.
  stage: null,
  /// Your camera and screen as MediaStream, or null.
  own: { camera: null, screen: null },
  /// Origins of other nodes of a cluster.
  nodes: [],
  /// Settings of RTCPeerConnection, for tests.
  settings: {},
};

/// Resets the state at the end of a call.
export function clearRoom() {
  Object.assign(room, { call: null, you: null, active: false, devices: 1, people: [], dominant: null, stage: null });
  room.speaking.clear();
  room.videos.clear();
}

/// Sends a message unless its content equals the last of its type; returns whether it was sent.
export function sendChanged(type, content) {
  const { call } = room;
  const text = JSON.stringify(content);
  if (!call?.isOpen() || call.sent[type] === text) return false;
  call.sent[type] = text;
  call.send({ type, ...content });
  return true;
}
