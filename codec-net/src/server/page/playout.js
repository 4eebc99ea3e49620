// The playout delay of a WebRTC viewer: longer for some time after audio dropouts.

/// Minimum playout delay in milliseconds: the default, and for some time after an audio dropout.
const PLAYOUT_DELAYS = { auto: [0, 500], low: [0, 0], smooth: [500, 500] };
/// How long a dropout raises the delay.
const RAISED_MS = 60000;
/// Concealed samples between two measurements that count as a dropout: 20 ms.
const DROPOUT_SAMPLES = 960;

/// Sets the playout delay of a call's receivers.
export class Playout {
  constructor(pc, choice) {
    this.pc = pc;
    [this.normal, this.raised] = PLAYOUT_DELAYS[choice] ?? PLAYOUT_DELAYS.auto;
    this.until = 0;
    this.set(this.normal);
  }

  set(ms) {
    for (const receiver of this.pc.getReceivers()) {
      if ("jitterBufferTarget" in receiver) receiver.jitterBufferTarget = ms || null;
    }
    this.ms = ms;
  }

  /// Handles the statistics of the received audio.
  handleAudioStats({ concealedSamples = 0, silentConcealedSamples = 0 }) {
    const now = performance.now();
    const concealed = concealedSamples - silentConcealedSamples;
    if (concealed - (this.concealed ?? concealed) >= DROPOUT_SAMPLES) this.until = now + RAISED_MS;
    this.concealed = concealed;
    const wanted = now < this.until ? this.raised : this.normal;
    if (wanted !== this.ms) this.set(wanted);
  }
}
