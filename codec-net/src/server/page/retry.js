// Waits before another attempt: of a request that the server could not serve, and of a call.

const pause = (seconds) => new Promise((done) => setTimeout(done, 1000 * seconds));

/// Maximum number of attempts of a request that the server answers with 503, such as during too many handshakes.
const MAX_ATTEMPTS = 5;
const MAX_PAUSE_S = 10;
/// Pauses before attempts to join again: a server that restarts is back within two minutes.
const REJOIN_S = [1, 2, 4, 8, 15, 15, 30, 30, 30];

/// Calls `request` again, after the pause that the server asks for, if the server could not serve it.
export async function withRetries(request) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await request();
    } catch (error) {
      if (error.status !== 503 || !(error.retryAfter >= 0) || attempt === MAX_ATTEMPTS) throw error;
      // Callers must not all retry at the same time.
      await pause(Math.min(MAX_PAUSE_S, Math.max(1, error.retryAfter)) * (1 + Math.random() / 2));
    }
  }
}

/// Calls `attempt` with growing pauses until it returns true; `isOver` ends it early, and `waits` gets each pause.
export async function untilDone(attempt, isOver, waits) {
  for (const seconds of REJOIN_S) {
    waits(seconds);
    await pause(seconds);
    if (isOver() || await attempt()) return true;
  }
  return false;
}
