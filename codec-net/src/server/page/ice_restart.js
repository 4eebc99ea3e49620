// ICE restarts: a call that lost its path to the server gets another one, in the same session.
import { restartIce } from "/api.js";

/// A path that is disconnected for this long is replaced; it may also recover by itself.
const DISCONNECTED_MS = 2500;
/// Time of an attempt to connect, and pause after one that could not reach the server.
const ATTEMPT_MS = 5000;
const PAUSE_MS = 1000;
/// The call ends if it has no path for this long. The server's timeout is 30 s.
const GIVE_UP_MS = 20000;
/// The server rejects the session itself: another attempt cannot succeed.
const FINAL = [400, 401, 403, 404, 412, 422];

/// The answer of a call with the credentials and candidates of an SDP fragment.
export function withTransport(answer, fragment) {
  const found = (name) => fragment.match(new RegExp(`^a=${name}:(\\S+)`, "m"))?.[1];
  const [ufrag, password] = [found("ice-ufrag"), found("ice-pwd")];
  if (!ufrag || !password) throw new Error("The server's answer to the ICE restart has no credentials.");
  const candidates = fragment.match(/^a=(candidate:.*|end-of-candidates)$/gm) ?? [];
  return answer
    .replace(/^a=(candidate:.*|end-of-candidates)\r\n/gm, "")
    .replace(/^a=ice-ufrag:.*$/gm, `a=ice-ufrag:${ufrag}`)
    .replace(/^a=ice-pwd:.*$/gm, `a=ice-pwd:${password}`)
    .replace(/^a=mid:.*\r\n/m, (line) => line + candidates.map((candidate) => `${candidate}\r\n`).join(""));
}

/// Restarts ICE when the path of a call is lost, or when the browser is online again.
export class IceRestarts {
  /// `giveUp` ends the call.
  constructor(call, giveUp) {
    this.call = call;
    this.giveUp = giveUp;
    this.lostAt = null;
    /// Number of completed restarts, and whether one waits for the new path.
    this.count = 0;
    this.isConnecting = false;
    this.isBusy = false;
    this.listeners = new AbortController();
    const { signal } = this.listeners;
    call.pc.addEventListener("iceconnectionstatechange", () => this.stateChanged(), { signal });
    addEventListener("online", () => this.networkChanged(), { signal });
  }

  stop() {
    clearTimeout(this.timer);
    this.listeners.abort();
  }

  hasPath() {
    return ["connected", "completed"].includes(this.call.pc.iceConnectionState);
  }

  recovered() {
    clearTimeout(this.timer);
    this.lostAt = null;
    this.isConnecting = false;
  }

  stateChanged() {
    const state = this.call.pc.iceConnectionState;
    if (this.hasPath()) this.recovered();
    if (!this.call.wasLive || this.isBusy || this.isConnecting) return;
    if (state === "disconnected") this.schedule(DISCONNECTED_MS);
    if (state === "failed") this.restart();
  }

  /// Whether a call that the browser reports as failed may get another path.
  recovers() {
    return this.call.wasLive && !this.hasPath() && !this.isOver();
  }

  networkChanged() {
    if (this.call.wasLive && !this.isConnecting) this.restart();
  }

  isOver() {
    return this.lostAt !== null && performance.now() - this.lostAt > GIVE_UP_MS;
  }

  schedule(ms) {
    this.lostAt ??= performance.now();
    clearTimeout(this.timer);
    // The previous path may still work; then the new path does not change the state.
    this.timer = setTimeout(() => (this.hasPath() ? this.recovered() : this.restart()), ms);
  }

  /// Replaces the path; tries again until the call has one or ends.
  async restart() {
    const { call } = this;
    if (call.ended || this.isBusy) return;
    if (this.isOver()) return void this.giveUp();
    this.isBusy = true;
    this.schedule(ATTEMPT_MS);
    try {
      await this.renegotiate();
    } catch (error) {
      if (call.ended) return;
      if (call.pc.signalingState === "have-local-offer") {
        await call.pc.setLocalDescription({ type: "rollback" }).catch(() => {});
      }
      this.isConnecting = false;
      if (FINAL.includes(error.status)) return void this.giveUp();
      this.schedule(PAUSE_MS);
    } finally {
      this.isBusy = false;
    }
  }

  async renegotiate() {
    const { call } = this;
    const { pc } = call;
    call.candidates.length = 0;
    this.isConnecting = true;
    pc.restartIce();
    await pc.setLocalDescription();
    const { fragment, tag } = await restartIce(call.session, call.credentials());
    if (call.ended) return;
    await pc.setRemoteDescription({ type: "answer", sdp: withTransport(call.answer, fragment) });
    call.tag = tag;
    this.count += 1;
    call.scheduleCandidates(fragment);
  }
}
