// Other nodes of a cluster: the call continues there when its node is gone.
import { currentServer, useServer } from "/api.js";
import { room } from "/room_state.js";

/// A node sends a message every second while there are other nodes.
const SILENCE_MS = 3000;
const CHECK_MS = 250;

let timer = null;

function stopTimer() {
  clearInterval(timer);
  timer = null;
}

/// Keeps the origins of the other nodes, and ends the call when its node sends nothing any more. Without
/// other nodes, silence means nothing.
export function setNodes({ urls }) {
  room.nodes = urls;
  if (urls.length === 0) {
    stopTimer();
    return;
  }
  timer ??= setInterval(() => {
    const { call } = room;
    if (call && performance.now() - call.heard < SILENCE_MS) return;
    stopTimer();
    call?.finish("the server does not respond", true);
  }, CHECK_MS);
}

/// Tries to join at the other nodes, in random order; returns whether that succeeded. Otherwise later attempts
/// are at the node that was lost.
export async function joinElsewhere(join) {
  // The next node sends its own list of nodes, which may be empty.
  stopTimer();
  const [known, lost] = [room.nodes, currentServer()];
  room.nodes = [];
  const nodes = known.map((url) => [Math.random(), url]).sort(([one], [other]) => one - other);
  for (const [, url] of nodes) {
    useServer(url === location.origin ? "" : url);
    if (await join()) return true;
  }
  useServer(lost);
  room.nodes = known;
  return false;
}
