//! NAL units with a length before each, as in MP4 and Matroska. ISO/IEC 14496-15.

/// Iterates over the NAL units of a sample. A length past the end yields the bytes that are there.
///
/// ```
/// use codec_h264::nal::LengthPrefixedUnits;
///
/// let sample = [0, 2, 0x67, 42, 0, 1, 9, 0, 9, 0x68];
/// let units: Vec<_> = LengthPrefixedUnits::new(&sample, 2).collect();
/// assert_eq!(units, [&[0x67, 42][..], &[9], &[0x68]]);
/// ```
#[derive(Clone, Debug)]
pub struct LengthPrefixedUnits<'a> {
    rest: &'a [u8],
    length_bytes: usize,
}

impl<'a> LengthPrefixedUnits<'a> {
    /// Creates an iterator; each length has `length_bytes` bytes: 1 to 4.
    #[must_use]
    pub fn new(sample: &'a [u8], length_bytes: u8) -> Self {
        Self { rest: sample, length_bytes: usize::from(length_bytes.clamp(1, 4)) }
    }
}

impl<'a> Iterator for LengthPrefixedUnits<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            let (length, rest) = self.rest.split_at_checked(self.length_bytes)?;
            let length = length.iter().fold(0, |value, byte| value << 8 | usize::from(*byte));
            let (unit, rest) = rest.split_at(length.min(rest.len()));
            self.rest = rest;
            if !unit.is_empty() {
                return Some(unit);
            }
            if rest.is_empty() {
                return None;
            }
        }
    }
}
