//! Insertion of emulation prevention bytes. ITU-T H.264, clause 7.4.1.

/// Appends the payload `rbsp` to `out` with emulation prevention bytes: 03 before each byte up to 3
/// that follows two zero bytes, and after `cabac_zero_word`s at the end.
pub fn escape(rbsp: &[u8], out: &mut Vec<u8>) {
    out.reserve(rbsp.len() + rbsp.len() / 64 + 1);
    let mut rest = rbsp;
    while let Some(at) = find_emulation(rest) {
        out.extend_from_slice(&rest[..at]);
        out.push(3);
        rest = &rest[at..];
    }
    out.extend_from_slice(rest);
    if rbsp.ends_with(&[0, 0]) {
        out.push(3);
    }
}

/// Returns the position of the first byte up to 3 that follows two zero bytes.
fn find_emulation(data: &[u8]) -> Option<usize> {
    let mut at = 2;
    while let Some(&byte) = data.get(at) {
        match byte {
            // This byte is neither the third byte of a pattern nor one of its zeros.
            4.. => at += 3,
            _ if data[at - 1] == 0 && data[at - 2] == 0 => return Some(at),
            _ => at += 1,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bits::unescape;

    fn escaped(rbsp: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        escape(rbsp, &mut out);
        out
    }

    #[test]
    fn start_codes_and_escapes_are_not_emulated() {
        assert_eq!(escaped(&[0, 0, 1]), [0, 0, 3, 1]);
        assert_eq!(escaped(&[0, 0, 3]), [0, 0, 3, 3]);
        assert_eq!(escaped(&[0, 0, 4]), [0, 0, 4]);
        assert_eq!(escaped(&[0, 0, 0, 0, 0, 9]), [0, 0, 3, 0, 0, 3, 0, 9]);
        assert_eq!(escaped(&[5, 0, 0]), [5, 0, 0, 3]);
        assert_eq!(escaped(&[]), []);
    }

    #[test]
    fn unescaping_gives_the_payload_back() {
        let mut state = 1_u32;
        for _ in 0..2000 {
            let rbsp: Vec<u8> = (0..40)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    [0, 0, 0, 0, 3, 1, 4, 255][(state >> 29) as usize]
                })
                .collect();
            // A payload ends with its stop bit.
            let rbsp = [rbsp, vec![0x80]].concat();
            let escaped = escaped(&rbsp);
            let is_code = |bytes: &[u8]| bytes[..2] == [0, 0] && bytes[2] < 3;
            assert!(!escaped.windows(3).any(is_code), "{escaped:?}");
            let mut again = Vec::new();
            unescape(&escaped, &mut again);
            assert_eq!(again, rbsp);
        }
    }
}
