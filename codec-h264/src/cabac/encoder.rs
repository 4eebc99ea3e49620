//! The arithmetic encoding engine. ITU-T H.264, clause 9.3.4.

use std::hint::select_unpredictable;

use super::contexts::{Contexts, LPS_WORDS, NEXT_BY_BIN};

/// Encodes bins. Start with [`Self::begin`].
#[derive(Clone, Debug, Default)]
pub struct CabacEncoder {
    pub(super) engine: Engine,
    pub(super) output: Output,
}

/// The registers of the engine, which functions that encode many bins copy.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Engine {
    /// `codILow`: the nine low bits correspond to the range. The `ready` bits above follow from the
    /// shifts so far and were not output; the bit above these is a carry.
    low: u64,
    range: u32,
    ready: u32,
}

/// Bits below those that are ready.
const RANGE_BITS: u32 = 9;
/// Bits that are output at once.
const WORD: u32 = 32;
/// Bypass bins that are encoded at once, at most.
const MAX_BYPASS: u32 = 16;

/// Words of the code. The last one is held back, with the words after it that have only ones: a carry
/// would change them.
#[derive(Clone, Debug, Default)]
pub(super) struct Output {
    bytes: Vec<u8>,
    held: Option<u32>,
    ones: u32,
}

impl Output {
    /// Appends a word that may have a carry above its 32 bits.
    #[inline(never)]
    fn push(&mut self, word: u64) {
        let (carry, word) = ((word >> WORD) as u32, (word & 0xffff_ffff) as u32);
        if carry == 0 && word == u32::MAX {
            self.ones += 1;
            return;
        }
        self.release(carry);
        self.held = Some(word);
    }

    /// Stores the words that are held back; `carry` is added to them.
    fn release(&mut self, carry: u32) {
        if let Some(held) = self.held.take() {
            // The code is less than 1, so that no carry leaves the first word.
            self.bytes.extend_from_slice(&held.wrapping_add(carry).to_be_bytes());
        }
        for _ in 0..self.ones {
            self.bytes.extend_from_slice(&u32::MAX.wrapping_add(carry).to_be_bytes());
        }
        self.ones = 0;
    }
}

/// A position in a [`CabacEncoder`], to which it can return. The contexts are not part of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct CabacMark {
    engine: Engine,
    bytes: usize,
    held: Option<u32>,
    ones: u32,
}

impl Engine {
    const START: Self = Self { low: 0, range: 510, ready: 0 };

    /// Encodes a bin with a context.
    #[inline(always)]
    pub(super) fn bin(&mut self, output: &mut Output, context: &mut u8, bin: bool) {
        let old = *context & 127;
        let index = usize::from(old);
        // Bits 6 and 7 of the range select the byte.
        let lps = LPS_WORDS[index] >> (self.range >> 3 & 0x18) & 0xff;
        let mps_range = self.range - lps;
        let is_mps = (old & 1 == 1) == bin;
        self.low += select_unpredictable(is_mps, 0, u64::from(mps_range));
        let range = select_unpredictable(is_mps, mps_range, lps);
        *context = NEXT_BY_BIN[index + 128 * usize::from(bin)];
        self.renormalise(output, range);
    }

    #[inline(always)]
    fn renormalise(&mut self, output: &mut Output, range: u32) {
        // Ranges are 2 to 510; renormalised ones have nine bits.
        let shift = (range | 1).leading_zeros() - 23;
        self.range = range << shift;
        self.shift(output, shift);
    }

    #[inline(always)]
    fn shift(&mut self, output: &mut Output, shift: u32) {
        self.low <<= shift;
        self.ready += shift;
        if self.ready >= WORD {
            self.ready -= WORD;
            let rest = self.ready + RANGE_BITS;
            output.push(self.low >> rest);
            self.low &= (1 << rest) - 1;
        }
    }

    /// Encodes the low `count` bits of `bins` without context, from the highest one on; at most
    /// [`MAX_BYPASS`].
    #[inline(always)]
    pub(super) fn bypass(&mut self, output: &mut Output, count: u32, bins: u32) {
        debug_assert!(count <= MAX_BYPASS && bins >> count == 0, "{count} bins of {bins}");
        self.low = (self.low << count) + u64::from(self.range * bins);
        self.ready += count;
        self.shift(output, 0);
    }

    /// Encodes an Exp-Golomb code of order `k` and a sign without contexts. Clause 9.3.2.3.
    #[inline(always)]
    pub(super) fn exp_golomb(
        &mut self,
        output: &mut Output,
        k: u32,
        value: u32,
        is_negative: bool,
    ) {
        // The code is a prefix of ones that counts the bits of `rest` without its highest one.
        let rest = value + (1 << k);
        let len = rest.ilog2().min(MAX_BYPASS - 1);
        let ones = len - k;
        self.bypass(output, ones + 1, (2 << ones) - 2);
        let suffix = rest & ((1 << len) - 1);
        self.bypass(output, len + 1, suffix << 1 | u32::from(is_negative));
    }
}

impl CabacEncoder {
    /// Starts a code after the bytes in `bytes`. [`Self::terminate`] returns them.
    pub fn begin(&mut self, bytes: Vec<u8>) {
        self.engine = Engine::START;
        self.output = Output { bytes, held: None, ones: 0 };
    }

    /// Encodes a bin with the context `index`.
    #[inline]
    pub fn bin(&mut self, contexts: &mut Contexts, index: usize, bin: bool) {
        self.engine.bin(&mut self.output, &mut contexts.0[index], bin);
    }

    /// Encodes the low `count` bits of `bins` without context, from the highest one on; at most 16.
    #[inline]
    pub fn bypass(&mut self, count: u32, bins: u32) {
        self.engine.bypass(&mut self.output, count, bins);
    }

    /// Encodes the absolute value of a number in an Exp-Golomb code of order `k`, and its sign.
    #[inline]
    pub fn exp_golomb(&mut self, k: u32, value: u32, is_negative: bool) {
        self.engine.exp_golomb(&mut self.output, k, value, is_negative);
    }

    /// Encodes the bin that neither ends the slice nor introduces PCM samples.
    #[inline]
    pub fn proceed(&mut self) {
        let range = self.engine.range - 2;
        self.engine.renormalise(&mut self.output, range);
    }

    /// Encodes the bin that ends the slice or introduces PCM samples, and returns all bytes. The
    /// last bit of the code is 1, the stop bit of a slice; zeros follow up to the byte boundary.
    #[must_use]
    pub fn terminate(&mut self) -> Vec<u8> {
        let mut engine = self.engine;
        engine.low += u64::from(engine.range - 2);
        engine.renormalise(&mut self.output, 2);
        // Two bits of the range are output; the lower one is always 1.
        let bits = engine.ready + 2;
        let code = engine.low >> (RANGE_BITS - 2) | 1;
        self.output.release(u32::from(code >> bits != 0));
        let mut bytes = std::mem::take(&mut self.output.bytes);
        let aligned = (code << (40 - bits)).to_be_bytes();
        bytes.extend_from_slice(&aligned[3..3 + bits.div_ceil(8) as usize]);
        bytes
    }

    /// Returns the number of bits of the code so far, and of the bytes before it.
    #[inline]
    #[must_use]
    pub fn bits(&self) -> usize {
        let words = usize::from(self.output.held.is_some()) + self.output.ones as usize;
        8 * self.output.bytes.len() + 32 * words + (self.engine.ready + RANGE_BITS) as usize
    }

    /// Returns the bytes that do not change with further bins, and the bytes before the code.
    #[inline]
    #[must_use]
    pub fn stored(&self) -> &[u8] {
        &self.output.bytes
    }

    /// Returns the current position.
    #[inline]
    #[must_use]
    pub fn mark(&self) -> CabacMark {
        let Output { bytes, held, ones } = &self.output;
        CabacMark { engine: self.engine, bytes: bytes.len(), held: *held, ones: *ones }
    }

    /// Removes everything after `mark`. Nothing before it may have been removed.
    pub fn rewind(&mut self, mark: CabacMark) {
        self.engine = mark.engine;
        self.output.bytes.truncate(mark.bytes);
        (self.output.held, self.output.ones) = (mark.held, mark.ones);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cabac::{CabacDecoder, exp_golomb};

    #[derive(Clone, Copy, Debug)]
    enum Symbol {
        Bin(usize, bool),
        Bypass(u32, u32),
        Golomb(u32, i32),
        Proceed,
        Pcm,
    }

    struct Random(u64);

    impl Random {
        fn below(&mut self, end: u32) -> u32 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            ((u64::from((self.0 >> 32) as u32) * u64::from(end)) >> 32) as u32
        }

        fn symbol(&mut self, skew: u32) -> Symbol {
            match self.below(64) {
                0 => Symbol::Proceed,
                1 if self.below(8) == 0 => Symbol::Pcm,
                2..=8 => {
                    let count = self.below(17);
                    // All ones are the case that carries.
                    let bins = if self.below(2) == 0 { u32::MAX } else { self.below(65536) };
                    Symbol::Bypass(count, bins & ((1 << count) - 1))
                }
                9..=12 => {
                    let (k, bits) = (self.below(4), self.below(15));
                    let value = self.below(1 << bits).cast_signed();
                    Symbol::Golomb(k, if self.below(2) == 0 { -value } else { value })
                }
                _ => Symbol::Bin(self.below(460) as usize, self.below(100) < skew),
            }
        }
    }

    fn encode(symbols: &[Symbol], contexts: &mut Contexts, encoder: &mut CabacEncoder) {
        for &symbol in symbols {
            match symbol {
                Symbol::Bin(context, bin) => encoder.bin(contexts, context, bin),
                Symbol::Bypass(count, bins) => encoder.bypass(count, bins),
                Symbol::Golomb(k, value) => {
                    encoder.exp_golomb(k, value.unsigned_abs(), value < 0);
                }
                Symbol::Proceed => encoder.proceed(),
                Symbol::Pcm => {
                    let mut bytes = encoder.terminate();
                    bytes.extend_from_slice(&[1, 2, 3]);
                    encoder.begin(bytes);
                }
            }
        }
    }

    fn check(symbols: &[Symbol], bytes: &[u8], qp: u8) {
        let mut contexts = Contexts::new(Some(0), qp);
        let mut decoder = CabacDecoder::new(bytes, 2);
        for &symbol in symbols {
            match symbol {
                Symbol::Bin(context, bin) => {
                    assert_eq!(decoder.bin(&mut contexts, context), bin);
                }
                Symbol::Bypass(count, bins) => {
                    let found = (0..count).fold(0, |n, _| n << 1 | u32::from(decoder.bypass()));
                    assert_eq!(found, bins);
                }
                Symbol::Golomb(k, value) => {
                    let magnitude = exp_golomb(&mut decoder, k);
                    let is_negative = decoder.bypass();
                    assert_eq!((magnitude, is_negative), (value.abs(), value < 0));
                }
                Symbol::Proceed => assert!(!decoder.terminate()),
                Symbol::Pcm => {
                    assert!(decoder.terminate());
                    assert_eq!(decoder.raw_bytes(3), Some(&[1, 2, 3][..]));
                }
            }
        }
        assert!(decoder.terminate());
        let end = decoder.position_bits();
        assert_eq!(bytes[(end - 1) / 8] >> (7 - (end - 1) % 8) & 1, 1, "stop bit");
        assert_eq!((crate::bits::rbsp_bits(bytes) + 1, bytes.len()), (end, end.div_ceil(8)));
    }

    #[test]
    fn the_decoder_reads_every_bin_that_is_encoded() {
        let mut random = Random(1);
        for round in 0..600_u32 {
            let skew = [50, 90, 99, 100][(round % 4) as usize];
            let count = random.below(if round < 300 { 40 } else { 3000 });
            let symbols: Vec<_> = (0..count).map(|_| random.symbol(skew)).collect();
            let qp = (round % 52).to_le_bytes()[0];
            let mut encoder = CabacEncoder::default();
            encoder.begin(vec![0xff; 2]);
            encode(&symbols, &mut Contexts::new(Some(0), qp), &mut encoder);
            let bits = encoder.bits();
            let bytes = encoder.terminate();
            assert!((bits..bits + 8).contains(&(8 * bytes.len())) || 8 * bytes.len() < bits);
            check(&symbols, &bytes, qp);
        }
    }

    #[test]
    fn an_encoder_returns_to_a_mark() {
        let mut random = Random(2);
        for _ in 0..300 {
            let symbols: Vec<_> = (0..400).map(|_| random.symbol(80)).collect();
            let kept = random.below(400) as usize;
            let mut encoder = CabacEncoder::default();
            encoder.begin(vec![0; 2]);
            let mut contexts = Contexts::new(Some(0), 30);
            encode(&symbols[..kept], &mut contexts, &mut encoder);
            let (mark, saved) = (encoder.mark(), contexts.clone());
            encode(&symbols[kept..], &mut contexts, &mut encoder);
            encoder.rewind(mark);
            let more: Vec<_> = (0..50).map(|_| random.symbol(80)).collect();
            encode(&more, &mut saved.clone(), &mut encoder);
            let all = [&symbols[..kept], &more].concat();
            check(&all, &encoder.terminate(), 30);
        }
    }
}
