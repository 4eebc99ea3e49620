//! Access units of Opus with their control headers, as ffmpeg and GStreamer write them (the draft "Opus
//! in MPEG-TS").

/// An access unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OpusUnit<'a> {
    pub(super) data: &'a [u8],
    /// Decoded samples to discard.
    pub(super) trim_start: u32,
    pub(super) trim_end: u32,
}

impl<'a> OpusUnit<'a> {
    /// Splits the first unit off a payload; returns it and the rest.
    pub(super) fn split(data: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (&[first, flags], mut rest) = data.split_first_chunk()?;
        if first != 0x7F || flags & 0xE0 != 0xE0 {
            return None;
        }
        let mut size = 0_usize;
        loop {
            let (&byte, after) = rest.split_first()?;
            rest = after;
            size = size.checked_add(byte.into())?;
            if byte != 255 {
                break;
            }
        }
        let mut trim = |flag: u8| {
            if flags & flag == 0 {
                return Some(0);
            }
            let (&[high, low], after) = rest.split_first_chunk()?;
            rest = after;
            Some(u32::from(high & 0x1F) << 8 | u32::from(low))
        };
        let (trim_start, trim_end) = (trim(0x10)?, trim(0x08)?);
        if flags & 0x04 != 0 {
            let (&length, after) = rest.split_first()?;
            rest = after.get(usize::from(length)..)?;
        }
        let (data, rest) = rest.split_at_checked(size)?;
        Some((Self { data, trim_start, trim_end }, rest))
    }

    /// Appends the unit. Packets have at most 5760 samples, so the trims fit into thirteen bits.
    pub(super) fn put(self, out: &mut Vec<u8>) {
        let trims = [(0x10, self.trim_start), (0x08, self.trim_end)];
        let trims = trims.into_iter().filter(|(_, samples)| *samples > 0);
        let flags = trims.clone().fold(0, |flags, (flag, _)| flags | flag);
        out.extend_from_slice(&[0x7F, 0xE0 | flags]);
        let mut left = self.data.len();
        while left >= 255 {
            out.push(255);
            left -= 255;
        }
        out.push(u8::try_from(left).unwrap_or(0));
        for (_, samples) in trims {
            let samples = u16::try_from(samples.min(0x1FFF)).unwrap_or(0);
            out.extend_from_slice(&samples.to_be_bytes());
        }
        out.extend_from_slice(self.data);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_have_sizes_and_trims() {
        let mut data = vec![0x7F, 0xF0, 3, 1, 56, 9, 8, 7];
        data.extend([0x7F, 0xE0, 255, 1]);
        data.extend([5; 256]);
        let (first, rest) = OpusUnit::split(&data).unwrap();
        assert_eq!((first.data, first.trim_start, first.trim_end), (&[9, 8, 7][..], 312, 0));
        let (second, rest) = OpusUnit::split(rest).unwrap();
        assert_eq!((second.data.len(), rest.len()), (256, 0));
        assert!((0..8).all(|end| OpusUnit::split(&data[..end]).is_none()));
    }

    #[test]
    fn units_that_are_written_are_those_that_are_split() {
        for (bytes, trim_start, trim_end) in [(0, 0, 0), (3, 312, 0), (255, 0, 5760), (510, 1, 2)] {
            let data = vec![7; bytes];
            let unit = OpusUnit { data: &data, trim_start, trim_end };
            let mut out = Vec::new();
            unit.put(&mut out);
            assert_eq!(OpusUnit::split(&out), Some((unit, &[][..])));
        }
    }
}
