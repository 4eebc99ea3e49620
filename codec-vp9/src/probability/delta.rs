//! Forward updates of probabilities in the compressed header.

use codec_core::entropy::{BoolDecoder, BoolSink};

/// Probability that a probability is not changed.
const UNCHANGED: u8 = 252;

/// Reads the change of a probability, if there is one.
pub(crate) fn parse_delta(reader: &mut BoolDecoder<'_>, probability: &mut u8) {
    if reader.get_bool(UNCHANGED) {
        let coarse = distance(parse_code(reader));
        *probability = moved(*probability, coarse);
    }
}

/// Reads the new value of a probability of vectors, if there is one.
pub(crate) fn parse_vector_probability(reader: &mut BoolDecoder<'_>, probability: &mut u8) {
    if reader.get_bool(UNCHANGED) {
        *probability = (reader.get_literal(7) << 1 | 1).to_le_bytes()[0];
    }
}

/// Reads a code of 0..=253 in four classes of growing length.
fn parse_code(reader: &mut BoolDecoder<'_>) -> u32 {
    if !reader.get_flag() {
        return reader.get_literal(4);
    }
    if !reader.get_flag() {
        return 16 + reader.get_literal(4);
    }
    if !reader.get_flag() {
        return 32 + reader.get_literal(5);
    }
    let value = reader.get_literal(7);
    64 + if value < 65 { value } else { 2 * value - 65 + reader.get_literal(1) }
}

/// Returns the distance that a code denotes: 20 coarse values come first, then the values between
/// them.
fn distance(code: u32) -> u32 {
    if code < 20 {
        return 7 + 13 * code;
    }
    // Each group of 12 values lies before a coarse one: 1..=6 before 7, then 8..=19 before 20.
    let fine = code - 20;
    (1 + fine + (fine + 6) / 12).min(253)
}

/// Moves a probability by a distance from it, alternately up and down while both are possible.
fn moved(probability: u8, distance: u32) -> u8 {
    let from = u32::from(probability) - 1;
    let recentred = |distance: u32, from: u32| {
        if distance > 2 * from {
            distance
        } else if distance.is_multiple_of(2) {
            from + distance / 2
        } else {
            from - distance.div_ceil(2)
        }
    };
    let to = if 2 * from <= 255 {
        1 + recentred(distance, from)
    } else {
        255 - recentred(distance, 254 - from)
    };
    to.clamp(1, 255).to_le_bytes()[0]
}

/// Writes the change of a probability to another value.
pub(crate) fn write_delta(sink: &mut impl BoolSink, from: u8, to: u8) {
    sink.put_bool(from != to, UNCHANGED);
    if from != to {
        write_code(sink, code(distance_between(from, to)));
    }
}

/// Writes the new value of a probability of vectors, which is odd if it differs.
pub(crate) fn write_vector_probability(sink: &mut impl BoolSink, from: u8, to: u8) {
    sink.put_bool(from != to, UNCHANGED);
    if from != to {
        sink.put_literal(u32::from(to >> 1), 7);
    }
}

fn write_code(sink: &mut impl BoolSink, code: u32) {
    let class = match code {
        0..16 => 0,
        16..32 => 1,
        32..64 => 2,
        _ => 3,
    };
    for n in 0..3 {
        if n <= class {
            sink.put_flag(n < class);
        }
    }
    match (class, code) {
        (0 | 1, _) => sink.put_literal(code % 16, 4),
        (2, _) => sink.put_literal(code - 32, 5),
        (_, 64..129) => sink.put_literal(code - 64, 7),
        _ => sink.put_literal(code + 1, 8),
    }
}

/// Returns the code of a distance: the inverse of [`distance`].
fn code(distance: u32) -> u32 {
    if distance % 13 == 7 && distance < 255 {
        return distance / 13;
    }
    20 + distance - 1 - (distance + 6) / 13
}

/// Returns the distance by which [`moved`] gets from one probability to another.
fn distance_between(from: u8, to: u8) -> u32 {
    let (from, to) = (u32::from(from), u32::from(to));
    let (from, to) =
        if 2 * (from - 1) <= 255 { (from - 1, to - 1) } else { (255 - from, 255 - to) };
    if to > 2 * from {
        to
    } else if to >= from {
        2 * (to - from)
    } else {
        2 * (from - to) - 1
    }
}

#[cfg(test)]
mod tests {
    use codec_core::entropy::BoolEncoder;

    use super::*;

    #[test]
    fn every_code_is_another_distance() {
        let mut seen = [0_u8; 255];
        for code in 0..254 {
            seen[distance(code) as usize] += 1;
        }
        // 253 ends the table twice, as the code after the last one would be.
        assert_eq!(seen.iter().filter(|&&count| count == 1).count(), 254, "{seen:?}");
        let first: Vec<u32> = (18..28).map(distance).collect();
        assert_eq!(first, [241, 254, 1, 2, 3, 4, 5, 6, 8, 9]);
    }

    #[test]
    fn every_probability_reaches_every_other() {
        for from in 1..=255_u8 {
            let mut seen = [false; 256];
            for distance in 1..=254 {
                seen[usize::from(moved(from, distance))] = true;
            }
            assert!(!seen[usize::from(from)] && !seen[0]);
            assert_eq!(seen.iter().filter(|&&seen| seen).count(), 254, "from {from}");
        }
    }

    #[test]
    fn written_changes_are_read() {
        for from in 1..=255_u8 {
            for to in 1..=255_u8 {
                let mut encoder = BoolEncoder::default();
                write_delta(&mut encoder, from, to);
                write_vector_probability(&mut encoder, from, to | 1);
                encoder.put_literal(0b1010, 4);
                let data = encoder.finish();
                let (mut reader, mut found, mut vector) = (BoolDecoder::new(&data), from, from);
                parse_delta(&mut reader, &mut found);
                parse_vector_probability(&mut reader, &mut vector);
                assert_eq!((found, vector, reader.get_literal(4)), (to, to | 1, 0b1010));
            }
        }
    }
}
