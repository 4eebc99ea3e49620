//! The start codes of H.264 byte streams (ITU-T H.264, Annex B).

/// The start code before parameter sets and the first slice of a picture.
pub(crate) const START_CODE: [u8; 4] = [0, 0, 0, 1];

/// Whether `data` begins with a start code. A start code of three bytes is also the beginning of a
/// length of 256 to 511; then the lengths lead exactly to the end of the packet.
pub(crate) fn is_annex_b(data: &[u8]) -> bool {
    data.starts_with(&START_CODE) || data.starts_with(&[0, 0, 1]) && !has_lengths(data)
}

/// Whether `data` consists of NAL units with lengths of four bytes.
fn has_lengths(data: &[u8]) -> bool {
    let mut rest = data;
    while let Some((&length, after)) = rest.split_first_chunk::<4>() {
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        match after.get(length..) {
            Some(next) if length > 0 => rest = next,
            _ => return false,
        }
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_that_begin_like_start_codes_are_recognised() {
        let mut unit = vec![0, 0, 1, 0x41];
        unit.resize(4 + 0x141, 7);
        assert!(!is_annex_b(&unit));
        assert!(is_annex_b(&unit[..unit.len() - 1]));
        assert!(is_annex_b(&[0, 0, 0, 1, 0x41]));
    }
}
