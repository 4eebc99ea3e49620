//! Forward changes of probabilities in the compressed header.

use codec_core::entropy::BoolDecoder;

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

/// Returns the distance that a code stands for: 20 coarse values come first, then the values between
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

#[cfg(test)]
mod tests {
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
}
