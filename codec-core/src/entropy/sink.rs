//! Where written symbols go.

/// Takes the symbols that syntax writers produce: an encoder writes them, a counter prices them.
pub trait BoolSink {
    /// One symbol; `prob` is the probability of `false` in 256ths.
    fn put_bool(&mut self, bit: bool, prob: u8);

    /// The lowest `bits` bits of `value`, most significant first, at even odds.
    fn put_literal(&mut self, value: u32, bits: u32) {
        for n in (0..bits).rev() {
            self.put_bool((value >> n) & 1 != 0, 128);
        }
    }

    /// A flag at even odds.
    fn put_flag(&mut self, bit: bool) {
        self.put_bool(bit, 128);
    }

    /// Magnitude in `bits` bits, then the sign: the form of most deltas in the frame header.
    fn put_signed(&mut self, value: i32, bits: u32) {
        self.put_literal(value.unsigned_abs(), bits);
        self.put_flag(value < 0);
    }
}
