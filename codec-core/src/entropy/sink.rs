//! Sinks for written symbols.

/// Receives the symbols that syntax writers produce: an encoder writes them, a counter sums up
/// their cost.
pub trait BoolSink {
    /// Puts one symbol; `prob` is the probability of `false` in 1/256.
    fn put_bool(&mut self, bit: bool, prob: u8);

    /// Puts the lowest `bits` bits of `value`, most significant first, with equal probabilities.
    fn put_literal(&mut self, value: u32, bits: u32) {
        for n in (0..bits).rev() {
            self.put_bool((value >> n) & 1 != 0, 128);
        }
    }

    /// Puts a flag with equal probabilities.
    fn put_flag(&mut self, bit: bool) {
        self.put_bool(bit, 128);
    }

    /// Puts a magnitude of `bits` bits, then the sign: the form of most deltas in the frame header.
    fn put_signed(&mut self, value: i32, bits: u32) {
        self.put_literal(value.unsigned_abs(), bits);
        self.put_flag(value < 0);
    }
}
