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

/// NAL unit types of H.264.
const SPS: u8 = 7;
const PPS: u8 = 8;

/// Builds the `AVCDecoderConfigurationRecord` that MP4 and Matroska store for H.264, with lengths of
/// four bytes (ISO/IEC 14496-15, section 5.3.3.1), from the parameter sets in `stream`. `None` without
/// a sequence and a picture parameter set.
///
/// ```
/// use codec_core::annex_b::avc_record;
///
/// let sets = [0, 0, 0, 1, 0x67, 66, 0, 30, 0xda, 0, 0, 1, 0x68, 0xce];
/// let record = [1, 66, 0, 30, 0xff, 0xe1, 0, 5, 0x67, 66, 0, 30, 0xda, 1, 0, 2, 0x68, 0xce];
/// assert_eq!(avc_record(&sets).unwrap(), record);
/// assert_eq!(avc_record(&sets[..9]), None);
/// ```
#[must_use]
pub fn avc_record(stream: &[u8]) -> Option<Vec<u8>> {
    let of_type = |kind: u8| {
        let units = Units::new(stream).filter(move |unit| unit[0] & 31 == kind);
        // The counts have five bits, the lengths sixteen.
        units.filter(|unit| unit.len() <= usize::from(u16::MAX)).take(31).collect::<Vec<_>>()
    };
    let (all_sps, all_pps) = (of_type(SPS), of_type(PPS));
    let &[_, profile, constraints, level, ref rest @ ..] = *all_sps.first()? else { return None };
    if all_pps.is_empty() {
        return None;
    }
    let mut record = vec![1, profile, constraints, level, 0xff];
    for (sets, reserved) in [(all_sps.as_slice(), 0xe0), (all_pps.as_slice(), 0)] {
        record.push(reserved | u8::try_from(sets.len()).ok()?);
        for set in sets {
            record.extend_from_slice(&u16::try_from(set.len()).ok()?.to_be_bytes());
            record.extend_from_slice(set);
        }
    }
    if matches!(profile, 100 | 110 | 122 | 144) {
        let [chroma, luma_depth, chroma_depth] = high_format(rest).unwrap_or([1, 0, 0]);
        // Reserved bits; no extensions of the sequence parameter sets.
        record.extend([0xfc | chroma, 0xf8 | luma_depth, 0xf8 | chroma_depth, 0]);
    }
    Some(record)
}

/// Returns `chroma_format_idc` and the bit depths minus eight from what follows the level in a
/// sequence parameter set of a High profile; `None` if they are out of range. ITU-T H.264, clause
/// 7.3.2.1.1.
fn high_format(data: &[u8]) -> Option<[u8; 3]> {
    let mut at = 0;
    let mut bit = || {
        let bit = data.get(at / 8)? >> (7 - at % 8) & 1;
        at += 1;
        Some(bit)
    };
    // All codes here are below 63: at most eleven bits.
    let mut code = || {
        let zeros = (0..6).take_while(|_| bit() == Some(0)).count();
        let tail = (0..zeros).try_fold(0_u8, |value, _| Some(value << 1 | bit()?))?;
        Some((1_u8 << zeros) - 1 + tail)
    };
    code()?;
    let chroma = code().filter(|&chroma| chroma < 3)?;
    let depths = [code()?, code()?];
    depths.iter().all(|&depth| depth < 8).then_some([chroma, depths[0], depths[1]])
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

    #[test]
    fn records_of_high_profiles_end_with_the_format() {
        // The codes of id 0, chroma format 1 or 2 and depths 8 and 10.
        for (codes, end) in [
            ([0b1010_1100, 1], [0xfd, 0xf8, 0xf8, 0]),
            ([0b1011_0110, 0b1100_0001], [0xfe, 0xfa, 0xfa, 0]),
        ] {
            let sets = [&[0, 0, 1, 0x67, 100, 0, 30], &codes[..], &[0, 0, 1, 0x68, 0xce]].concat();
            assert!(avc_record(&sets).unwrap().ends_with(&end));
        }
    }
}
