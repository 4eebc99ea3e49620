// Incremental SHA-256 (FIPS 180-4): WebCrypto can only hash data that is complete in memory.

/// The first 32 bits of the fractional parts of roots of the first primes.
function roots(count, power) {
  const words = [];
  for (let n = 2; words.length < count; n += 1) {
    let prime = true;
    for (let by = 2; by * by <= n; by += 1) if (n % by === 0) prime = false;
    if (prime) words.push(Math.floor((n ** power % 1) * 2 ** 32) | 0);
  }
  return words;
}

const K = Int32Array.from(roots(64, 1 / 3));
const BEGIN = roots(8, 1 / 2);

export class Sha256 {
  constructor() {
    this.state = Int32Array.from(BEGIN);
    this.block = new Uint8Array(64);
    this.filled = 0;
    this.bytes = 0;
    this.words = new Int32Array(64);
  }

  update(bytes) {
    this.bytes += bytes.length;
    let at = 0;
    while (at < bytes.length) {
      const take = Math.min(64 - this.filled, bytes.length - at);
      this.block.set(bytes.subarray(at, at + take), this.filled);
      this.filled += take;
      at += take;
      if (this.filled === 64) this.compress();
    }
    return this;
  }

  compress() {
    const { words: w, state } = this;
    const view = new DataView(this.block.buffer);
    for (let t = 0; t < 16; t += 1) w[t] = view.getInt32(4 * t);
    const turn = (x, n) => (x >>> n) | (x << (32 - n));
    for (let t = 16; t < 64; t += 1) {
      const [x, y] = [w[t - 15], w[t - 2]];
      const s0 = turn(x, 7) ^ turn(x, 18) ^ (x >>> 3);
      const s1 = turn(y, 17) ^ turn(y, 19) ^ (y >>> 10);
      w[t] = (w[t - 16] + s0 + w[t - 7] + s1) | 0;
    }
    let [a, b, c, d, e, f, g, h] = state;
    for (let t = 0; t < 64; t += 1) {
      const s1 = turn(e, 6) ^ turn(e, 11) ^ turn(e, 25);
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + K[t] + w[t]) | 0;
      const s0 = turn(a, 2) ^ turn(a, 13) ^ turn(a, 22);
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      [h, g, f, e, d, c, b, a] = [g, f, e, (d + t1) | 0, c, b, a, (t1 + t2) | 0];
    }
    [a, b, c, d, e, f, g, h].forEach((word, n) => {
      state[n] = (state[n] + word) | 0;
    });
    this.filled = 0;
  }

  /// Returns the digest in hexadecimal; no data can be added afterwards.
  hex() {
    const bits = BigInt(this.bytes) * 8n;
    this.update(Uint8Array.of(0x80));
    while (this.filled !== 56) this.update(Uint8Array.of(0));
    const length = new Uint8Array(8);
    new DataView(length.buffer).setBigUint64(0, bits);
    this.update(length);
    return [...this.state].map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
  }
}

/// Returns the digest of a file, which is read in chunks.
export async function digestOf(file, progress) {
  const hash = new Sha256();
  const part = 1 << 20;
  for (let at = 0; at < file.size; at += part) {
    hash.update(new Uint8Array(await file.slice(at, at + part).arrayBuffer()));
    progress?.(at / file.size);
  }
  return hash.hex();
}
