//! The byte stream format of NAL units. ITU-T H.264 and H.265, annex B.

/// Iterates over the NAL units between start codes (00 00 01), without the zero bytes that end a
/// unit or precede a start code. Data before the first start code is skipped.
///
/// ```
/// use codec_core::annex_b::Units;
///
/// let stream = [9, 0, 0, 0, 1, 0x67, 42, 0, 0, 0, 0, 1, 0x68, 7];
/// let units: Vec<_> = Units::new(&stream).collect();
/// assert_eq!(units, [&[0x67, 42][..], &[0x68, 7]]);
/// ```
#[derive(Clone, Debug)]
pub struct Units<'a> {
    /// Data after the last start code; empty at the end.
    rest: &'a [u8],
}

impl<'a> Units<'a> {
    /// Creates an iterator over the units of `stream`.
    #[must_use]
    pub fn new(stream: &'a [u8]) -> Self {
        let rest = find_start_code(stream).map_or(&[][..], |at| &stream[at + 3..]);
        Self { rest }
    }
}

impl<'a> Iterator for Units<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        while !self.rest.is_empty() {
            let (unit, rest) = match find_start_code(self.rest) {
                Some(at) => (&self.rest[..at], &self.rest[at + 3..]),
                None => (self.rest, &[][..]),
            };
            self.rest = rest;
            let end = unit.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            if end > 0 {
                return Some(&unit[..end]);
            }
        }
        None
    }
}

/// Returns the position of the first start code (00 00 01).
///
/// ```
/// use codec_core::annex_b::find_start_code;
///
/// assert_eq!(find_start_code(&[7, 0, 0, 0, 1, 9]), Some(2));
/// assert_eq!(find_start_code(&[7, 0, 0, 2, 1]), None);
/// ```
#[must_use]
pub fn find_start_code(data: &[u8]) -> Option<usize> {
    let mut at = 2;
    while let Some(&byte) = data.get(at) {
        match byte {
            2.. => at += 3,
            1 if data[at - 1] == 0 && data[at - 2] == 0 => return Some(at - 2),
            _ => at += 1,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(stream: &[u8]) -> Vec<&[u8]> {
        Units::new(stream).collect()
    }

    #[test]
    fn zero_bytes_around_units_are_removed() {
        assert_eq!(units(&[0, 0, 1, 5, 0, 0, 0, 0, 0, 1, 6, 0]), [&[5][..], &[6]]);
        assert_eq!(units(&[0, 0, 1, 0, 0, 1, 0, 0, 0, 1, 7]), [&[7][..]]);
        assert_eq!(units(&[0, 0, 1, 1, 0, 0, 1, 0]), [&[1][..]]);
    }

    #[test]
    fn streams_without_a_start_code_have_no_units() {
        assert!(units(&[]).is_empty());
        assert!(units(&[0, 0]).is_empty());
        assert!(units(&[0, 0, 1]).is_empty());
        assert!(units(&[0, 0, 2, 0, 1, 3, 4]).is_empty());
    }
}
