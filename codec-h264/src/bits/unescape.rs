//! Removes emulation prevention bytes, and finds the trailing bits. ITU-T H.264, clauses 7.3.1 and
//! 7.2.

/// Replaces `rbsp` with the payload of a NAL unit, without its emulation prevention bytes (the 03 of
/// every 00 00 03).
pub fn unescape(payload: &[u8], rbsp: &mut Vec<u8>) {
    rbsp.clear();
    rbsp.reserve(payload.len());
    let mut rest = payload;
    while let Some(at) = find_escape(rest) {
        rbsp.extend_from_slice(&rest[..at]);
        rest = &rest[at + 1..];
    }
    rbsp.extend_from_slice(rest);
}

/// Returns the position in the payload of a NAL unit of the byte with this position in its RBSP.
#[must_use]
pub fn escaped_position(payload: &[u8], rbsp_position: usize) -> usize {
    let (mut position, mut rest) = (0, payload);
    while let Some(at) = find_escape(rest) {
        // Bytes of the payload up to here, without the emulation prevention byte.
        let before = payload.len() - rest.len() + at;
        if position + at > rbsp_position {
            break;
        }
        position += at;
        rest = &payload[before + 1..];
    }
    payload.len() - rest.len() + (rbsp_position - position)
}

/// Returns the position of the first 03 that follows two zero bytes.
fn find_escape(data: &[u8]) -> Option<usize> {
    let mut at = 2;
    while let Some(&byte) = data.get(at) {
        match byte {
            // A byte above 3 cannot be the third of 00 00 03, nor can it be one of the zeros.
            4.. => at += 3,
            3 if data[at - 1] == 0 && data[at - 2] == 0 => return Some(at),
            _ => at += 1,
        }
    }
    None
}

/// Returns the number of bits before the stop bit: the last bit that is set. Zero bytes after it
/// are ignored. 0 if no bit is set.
#[must_use]
pub fn rbsp_bits(rbsp: &[u8]) -> usize {
    let last = rbsp.iter().rposition(|byte| *byte != 0);
    last.map_or(0, |at| at * 8 + 7 - rbsp[at].trailing_zeros() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unescaped(payload: &[u8]) -> Vec<u8> {
        let mut rbsp = vec![9];
        unescape(payload, &mut rbsp);
        rbsp
    }

    #[test]
    fn the_third_byte_of_00_00_03_is_removed() {
        assert_eq!(unescaped(&[0, 0, 3, 1, 5]), [0, 0, 1, 5]);
        assert_eq!(unescaped(&[7, 0, 0, 3, 0, 0, 3]), [7, 0, 0, 0, 0]);
        assert_eq!(unescaped(&[0, 0, 3, 0, 3, 1]), [0, 0, 0, 3, 1]);
        assert_eq!(unescaped(&[0, 0, 3, 3, 0, 3, 0, 0, 4]), [0, 0, 3, 0, 3, 0, 0, 4]);
        assert_eq!(unescaped(&[0, 3]), [0, 3]);
        assert_eq!(unescaped(&[]), []);
    }

    #[test]
    fn unescaping_equals_a_byte_by_byte_reference() {
        let mut state = 1_u32;
        for _ in 0..2000 {
            let payload: Vec<u8> = (0..40)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    [0, 0, 0, 3, 3, 1, 4, 255][(state >> 29) as usize]
                })
                .collect();
            let (mut expected, mut zeros) = (Vec::new(), 0);
            for &byte in &payload {
                if zeros >= 2 && byte == 3 {
                    zeros = 0;
                    continue;
                }
                zeros = if byte == 0 { zeros + 1 } else { 0 };
                expected.push(byte);
            }
            for (position, byte) in unescaped(&payload).into_iter().enumerate() {
                assert_eq!(payload[escaped_position(&payload, position)], byte, "{payload:?}");
            }
            assert_eq!(unescaped(&payload), expected, "{payload:?}");
        }
    }

    #[test]
    fn the_payload_ends_at_the_last_bit_that_is_set() {
        assert_eq!(rbsp_bits(&[0x80]), 0);
        assert_eq!(rbsp_bits(&[0xff, 0x10, 0, 0]), 11);
        assert_eq!(rbsp_bits(&[0, 0]), 0);
        assert_eq!(rbsp_bits(&[]), 0);
    }
}
