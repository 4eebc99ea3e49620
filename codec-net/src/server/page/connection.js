// The state of a WebRTC connection, for the user.
import { show } from "/dom.js";

/// Shows when a WebRTC connection is interrupted and when it recovers.
export function followConnection(call, id) {
  call.wasLive = call.pc?.connectionState === "connected";
  call.pc?.addEventListener("connectionstatechange", () => {
    if (call.ended) return;
    if (call.pc.connectionState === "connected") call.wasLive = true;
    if (call.pc.connectionState === "disconnected") show(id, "interrupted", "interrupted, waiting for recovery");
  });
}

/// The reason why a call failed that was live before; the server was reachable then.
export function lost(call, failed) {
  if (!failed || !call?.wasLive) return undefined;
  return "the connection to the server was lost";
}
