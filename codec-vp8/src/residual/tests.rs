//! Round trips of all coefficient levels, positions and contexts.

use super::super::header::Steps;
use super::super::tables::{CoeffProbs, DEFAULT_COEFF_PROBS, MAX_LEVEL, ZIGZAG};
use super::*;
use codec_core::entropy::{BoolDecoder, BoolEncoder, BoolSink, CostCounter};

const PLANES: [PlaneType; 4] =
    [PlaneType::LumaAfterY2, PlaneType::Y2, PlaneType::Chroma, PlaneType::Luma];

fn round_trip(plane: PlaneType, levels: &[i16; 16], eob: usize, context: usize) {
    let probs = &DEFAULT_COEFF_PROBS[plane as usize];
    let mut encoder = BoolEncoder::default();
    write_block_tokens(&mut encoder, levels, plane.first(), eob, context, probs);
    // The following data must be found at its position.
    encoder.put_literal(0x1a5, 9);
    let data = encoder.finish();
    let mut reader = BoolDecoder::new(&data);
    let spread = TokenProbs::new(&DEFAULT_COEFF_PROBS);
    let mut out = [0; 16];
    let probs = spread.plane(plane);
    let got = parse_block(&mut reader, probs, context, plane.first(), [3, 2], &mut out);
    assert_eq!(got, eob);
    for (n, &level) in levels.iter().enumerate() {
        let step = if n == 0 { 3 } else { 2 };
        let counts = n >= plane.first();
        let expected = if counts { level.wrapping_mul(step) } else { 0 };
        assert_eq!(out[usize::from(ZIGZAG[n])], expected);
    }
    assert_eq!(reader.get_literal(9), 0x1a5);
}

#[test]
fn every_level_round_trips_at_every_position() {
    for plane in PLANES {
        for magnitude in 1..=MAX_LEVEL {
            let at = plane.first() + usize::from(magnitude.unsigned_abs()) % (16 - plane.first());
            for value in [magnitude, -magnitude] {
                let mut levels = [0; 16];
                levels[at] = value;
                round_trip(plane, &levels, at + 1, usize::from(magnitude.unsigned_abs()) % 3);
            }
        }
    }
}

#[test]
fn blocks_of_all_lengths_round_trip_in_all_contexts() {
    for plane in PLANES {
        for context in 0..3 {
            for eob in plane.first()..=16 {
                for pattern in 0..40_usize {
                    let mut levels: [i16; 16] = std::array::from_fn(|n| {
                        let value = [0, 1, -1, 0, 2, -4, 9, 70][(n * 5 + pattern * (n + 3)) % 8];
                        if (plane.first()..eob).contains(&n) { value } else { 0 }
                    });
                    if eob > plane.first() && levels[eob - 1] == 0 {
                        levels[eob - 1] = 5;
                    }
                    round_trip(plane, &levels, eob, context);
                }
            }
        }
    }
}

#[test]
fn products_wrap_at_sixteen_bits() {
    let mut levels = [0; 16];
    levels[0] = MAX_LEVEL;
    let mut encoder = BoolEncoder::default();
    write_block_tokens(&mut encoder, &levels, 0, 1, 0, &DEFAULT_COEFF_PROBS[1]);
    let data = encoder.finish();
    let mut out = [0; 16];
    let probs = TokenProbs::new(&DEFAULT_COEFF_PROBS);
    let plane = probs.plane(PlaneType::Y2);
    parse_block(&mut BoolDecoder::new(&data), plane, 0, 0, [440, 440], &mut out);
    assert_eq!(out[0], MAX_LEVEL.wrapping_mul(440));
}

/// Levels of a macroblock: sixteen luma blocks, four of U, four of V, Y2.
type Levels = [[i16; 16]; 25];

fn eob(levels: &[i16; 16], first: usize) -> usize {
    levels.iter().rposition(|&level| level != 0).map_or(first, |n| (n + 1).max(first))
}

/// Y2 first, as in the bitstream.
fn order(has_y2: bool) -> impl Iterator<Item = (usize, PlaneType)> {
    let luma = if has_y2 { PlaneType::LumaAfterY2 } else { PlaneType::Luma };
    let y2 = has_y2.then_some((24, PlaneType::Y2));
    let rest = (0..24).map(move |n| (n, if n < 16 { luma } else { PlaneType::Chroma }));
    y2.into_iter().chain(rest)
}

fn write_macroblock<S: BoolSink>(
    sink: &mut S,
    levels: &Levels,
    has_y2: bool,
    above: &mut SideFlags,
    left: &mut SideFlags,
    counts: &mut CoeffCounts,
) {
    for (n, plane) in order(has_y2) {
        let (column, row) = BLOCK_FLAGS[n];
        let (column, row) = (usize::from(column), usize::from(row));
        let context = above.get(column) + left.get(row);
        let first = plane.first();
        let eob = eob(&levels[n], first);
        let probs = &DEFAULT_COEFF_PROBS[plane as usize];
        write_block_tokens(sink, &levels[n], first, eob, context, probs);
        count_block_tokens(counts, plane, &levels[n], eob, context);
        above.set(column, eob > first);
        left.set(row, eob > first);
    }
}

fn macroblock(seed: usize, has_y2: bool) -> Levels {
    std::array::from_fn(|n| {
        std::array::from_fn(|k| {
            let hash = (seed * 31 + n * 7 + k * 13).wrapping_mul(2_654_435_761) >> 7;
            let is_used = !(has_y2 && n < 16 && k == 0) && (has_y2 || n < 24);
            let value = [1, -1, 2, -3, 30, 0][hash % 6];
            if is_used && hash.is_multiple_of(2 + k) && !(hash >> 8).is_multiple_of(3) {
                value
            } else {
                0
            }
        })
    })
}

#[test]
fn contexts_of_whole_macroblocks_agree() {
    let steps = Steps { y: [1, 1], y2: [1, 1], uv: [1, 1] };
    let (mut above, mut left) = (SideFlags::default(), SideFlags::default());
    let (mut parsed_above, mut parsed_left) = (above, left);
    let probs = TokenProbs::new(&DEFAULT_COEFF_PROBS);
    let mut coeffs = MbCoeffs::default();
    for seed in 0..300 {
        let has_y2 = seed % 3 != 0;
        let levels = macroblock(seed, has_y2);
        let mut encoder = BoolEncoder::default();
        let mut counts = CoeffCounts::default();
        write_macroblock(&mut encoder, &levels, has_y2, &mut above, &mut left, &mut counts);
        let data = encoder.finish();
        let mut reader = BoolDecoder::new(&data);
        parse_macroblock(
            &mut reader,
            &probs,
            &steps,
            has_y2,
            &mut parsed_above,
            &mut parsed_left,
            &mut coeffs,
        );
        assert_eq!((parsed_above, parsed_left), (above, left), "seed {seed}");
        for (n, plane) in order(has_y2) {
            let (block, mask, bit) = match n {
                0..16 => (&coeffs.luma.0[n], coeffs.luma_mask, n),
                16..24 => (&coeffs.chroma.0[n - 16], coeffs.chroma_mask, n - 16),
                _ => (&coeffs.y2.0[0], codec_simd::BlockMask::default(), 0),
            };
            assert!((0..16).all(|k| block[usize::from(ZIGZAG[k])] == levels[n][k]));
            if n < 24 {
                let eob = eob(&levels[n], plane.first());
                assert_eq!(mask.any >> bit & 1 != 0, eob > plane.first());
                assert_eq!(mask.ac >> bit & 1 != 0, eob > 1);
            }
        }
        coeffs.clear();
        assert_eq!(coeffs, MbCoeffs::default());
    }
}

#[test]
fn adapted_probabilities_reduce_the_total_cost() {
    let mut counts = CoeffCounts::default();
    let price = |probs: &CoeffProbs, counts: &mut CoeffCounts| {
        let mut sink = CostCounter::default();
        for seed in 0..200 {
            let levels = macroblock(seed, false);
            for (n, plane) in order(false) {
                let eob = eob(&levels[n], 0);
                write_block_tokens(&mut sink, &levels[n], 0, eob, 1, &probs[plane as usize]);
                count_block_tokens(counts, plane, &levels[n], eob, 1);
            }
        }
        sink.q8()
    };
    let before = price(&DEFAULT_COEFF_PROBS, &mut counts);
    let adapted = adapt_coeff_probs(&counts, &DEFAULT_COEFF_PROBS);
    let after = price(&adapted, &mut CoeffCounts::default());
    assert!(after < before, "{after} after, {before} before");
    let none = CoeffCounts::default();
    assert_eq!(adapt_coeff_probs(&none, &DEFAULT_COEFF_PROBS), DEFAULT_COEFF_PROBS);
    let mut twice = counts.clone();
    twice.add(&counts);
    assert_eq!(twice.0[3][0][1][0][0], 2 * counts.0[3][0][1][0][0]);
}
