// Other nodes of a cluster: the call continues there when its node is gone.
import { useServer } from "/api.js";
import { room } from "/room_state.js";

/// A node sends a message every second.
const SILENCE_MS = 3000;
const CHECK_MS = 250;

let timer = null;

/// Keeps the origins of the other nodes, and ends the call when nothing comes from its node any more.
export function setNodes({ urls }) {
  room.nodes = urls;
  timer ??= setInterval(() => {
    const { call } = room;
    if (call && performance.now() - call.heard < SILENCE_MS) return;
    clearInterval(timer);
    timer = null;
    call?.finish("the server does not respond", true);
  }, CHECK_MS);
}

/// Joins at the other nodes, the first of them by chance; returns whether that succeeded.
export async function joinElsewhere(join) {
  const nodes = room.nodes.map((url) => [Math.random(), url]).sort(([one], [other]) => one - other);
  for (const [, url] of nodes) {
    useServer(url === location.origin ? "" : url);
    if (await join()) return true;
  }
  return false;
}
