//! The boolean entropy coder of RFC 6386, section 7: decoder, encoder, trees, and the sinks that
//! let the same syntax code both write symbols and count their cost.
//!
//! A probability is the probability of the value `false`, in units of 1/256.
//!
//! Functions that write syntax are generic over [`BoolSink`], so that the same code either writes
//! symbols or counts their cost in bits:
//!
//! ```
//! use codec_core::entropy::{BoolDecoder, BoolEncoder, BoolSink, CostCounter};
//!
//! fn write_flags<S: BoolSink>(sink: &mut S) {
//!     sink.put_bool(true, 10); // the probability of `false` is 10/256
//!     sink.put_literal(42, 7);
//! }
//!
//! let mut cost = CostCounter::default();
//! write_flags(&mut cost);
//! assert_eq!(cost.q8() / 256, 7); // 7 literal bits, and a fraction of a bit for the flag
//!
//! let mut encoder = BoolEncoder::default();
//! write_flags(&mut encoder);
//! let bytes = encoder.finish();
//! let mut decoder = BoolDecoder::new(&bytes);
//! assert!(decoder.get_bool(10));
//! assert_eq!(decoder.get_literal(7), 42);
//! ```

mod bool_decoder;
mod bool_encoder;
mod cost;
mod sink;
mod tree;

pub use bool_decoder::BoolDecoder;
pub use bool_encoder::BoolEncoder;
pub use cost::{CostCounter, bool_cost_q8, prob_from_counts};
pub use sink::BoolSink;
pub use tree::{Tree, tree_codes};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::branch;

    /// A small reproducible random number generator.
    struct Lcg(u64);

    impl Lcg {
        fn next(&mut self) -> u32 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            u32::try_from(self.0 >> 33).unwrap()
        }
    }

    fn symbols(seed: u64, count: usize) -> Vec<(bool, u8)> {
        let mut lcg = Lcg(seed);
        (0..count)
            .map(|_| {
                let prob = u8::try_from(lcg.next() % 255 + 1).unwrap();
                let bit = lcg.next() % 256 >= u32::from(prob);
                // Some unlikely symbols, to force carries and long shifts.
                (bit ^ (lcg.next().is_multiple_of(16)), prob)
            })
            .collect()
    }

    #[test]
    fn every_bool_round_trips() {
        for seed in 0..200 {
            let symbols = symbols(seed, usize::try_from(seed).unwrap() * 17);
            let mut encoder = BoolEncoder::default();
            for &(bit, prob) in &symbols {
                encoder.put_bool(bit, prob);
            }
            let bits = encoder.bits();
            let data = encoder.finish();
            assert!(data.len() as u64 * 8 >= bits);
            let mut decoder = BoolDecoder::new(&data);
            for (n, &(bit, prob)) in symbols.iter().enumerate() {
                assert_eq!(decoder.get_bool(prob), bit, "seed {seed}, symbol {n}");
            }
            assert_eq!(decoder.overrun_bits(), 0);
        }
    }

    #[test]
    fn all_methods_of_reading_a_symbol_agree() {
        for seed in 0..100 {
            let symbols = symbols(seed, 3000);
            let mut encoder = BoolEncoder::default();
            encoder.put_bool(true, 77);
            for &(bit, prob) in &symbols {
                encoder.put_bool(bit, if prob % 2 == 0 { 128 } else { prob });
            }
            let data = encoder.finish();
            let mut reader = BoolDecoder::new(&data);
            assert!(reader.get_bool(77));
            for &(bit, prob) in &symbols {
                let got = match prob % 4 {
                    0 => reader.get_sign(1) < 0,
                    1 => reader.get_bit(prob) != 0,
                    2 => reader.get_flag(),
                    _ => branch!(reader, prob, true, false),
                };
                assert_eq!(got, bit);
            }
        }
    }

    #[test]
    fn a_carry_propagates_through_bytes_of_ones() {
        // `true` with probability 255 adds almost the whole range each time, which writes many 0xff
        // bytes.
        for falses in 0..64 {
            let mut encoder = BoolEncoder::default();
            let symbols: Vec<_> =
                (0..400).map(|n| (n % 97 != falses % 97, if n < 200 { 1 } else { 255 })).collect();
            for &(bit, prob) in &symbols {
                encoder.put_bool(bit, prob);
            }
            let data = encoder.finish();
            let mut decoder = BoolDecoder::new(&data);
            assert!(symbols.iter().all(|&(bit, prob)| decoder.get_bool(prob) == bit));
        }
    }

    #[test]
    fn reading_past_the_end_gives_zeros_and_is_recorded() {
        let mut encoder = BoolEncoder::default();
        encoder.put_literal(0x2a5, 10);
        let data = encoder.finish();
        let mut decoder = BoolDecoder::new(&data);
        assert_eq!(decoder.get_literal(10), 0x2a5);
        assert_eq!(decoder.overrun_bits(), 0);
        decoder.get_literal(25);
        assert!(decoder.overrun_bits() > 0);
        for _ in 0..1000 {
            decoder.get_bool(128);
        }
        assert!(decoder.overrun_bits() >= 1000);
    }

    #[test]
    fn an_empty_partition_reads_as_zeros() {
        let mut decoder = BoolDecoder::new(&[]);
        assert_eq!(decoder.get_literal(16), 0);
        // The byte being compared counts; the first `false` with probability 1/2 needs no shift.
        assert_eq!(decoder.overrun_bits(), 23);
    }

    #[test]
    fn the_cost_of_a_long_run_equals_its_length_in_bits() {
        let symbols = symbols(7, 20_000);
        let (mut encoder, mut counter) = (BoolEncoder::default(), CostCounter::default());
        for &(bit, prob) in &symbols {
            encoder.put_bool(bit, prob);
            counter.put_bool(bit, prob);
        }
        let written = f64::from(u32::try_from(encoder.bits()).unwrap());
        let priced = f64::from(u32::try_from(counter.q8()).unwrap()) / 256.0;
        // The coder loses a little to its 8-bit range.
        assert!((written / priced - 1.0).abs() < 0.01, "{written} written, {priced} priced");
    }

    #[test]
    fn a_bool_with_equal_probabilities_costs_one_bit_and_cost_falls_with_probability() {
        assert_eq!(bool_cost_q8(false, 128), 256);
        assert_eq!(bool_cost_q8(true, 128), 256);
        assert_eq!(bool_cost_q8(false, 64), 512);
        assert_eq!(bool_cost_q8(false, 1), 2048);
        assert!((1..255).all(|p| bool_cost_q8(false, p) > bool_cost_q8(false, p + 1)));
        assert!((1..255).all(|p| bool_cost_q8(true, p) < bool_cost_q8(true, p + 1)));
    }
}
