//! The identification header of Opus streams, which containers store as codec configuration. RFC
//! 7845, section 5.1.

use codec_core::error::Corrupt;

/// Opus identification header.
///
/// ```
/// use codec_audio::opus_head::OpusHead;
///
/// let head = OpusHead::plain(2, 312, 44_100);
/// let bytes = head.to_bytes();
/// assert_eq!(&bytes[..8], b"OpusHead");
/// assert_eq!(OpusHead::parse(&bytes)?, head);
/// # Ok::<(), codec_core::error::Corrupt>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpusHead {
    /// Number of output channels, 1..=255.
    pub channels: u8,
    /// Samples at 48 kHz to drop at the start of playback.
    pub pre_skip: u16,
    /// Sample rate of the original input in Hz, 0 if unknown; irrelevant for decoding.
    pub input_rate: u32,
    /// Gain in 1/256 dB that the decoder applies.
    pub gain_q8_db: i16,
    /// Channel mapping family: 0 mono or stereo, 1 Vorbis channel order, 255 undefined.
    pub family: u8,
    /// Number of streams in each packet.
    pub streams: u8,
    /// Number of coupled (stereo) streams, which come first.
    pub coupled: u8,
    /// Decoded channel of each output channel; 255 is silence.
    pub mapping: Vec<u8>,
}

impl OpusHead {
    /// Creates a header of family 0: mono or stereo.
    #[must_use]
    pub fn plain(channels: u8, pre_skip: u16, input_rate: u32) -> Self {
        let coupled = channels.saturating_sub(1).min(1);
        let mapping = (0..=coupled).collect();
        let channels = coupled + 1;
        Self {
            channels,
            pre_skip,
            input_rate,
            gain_q8_db: 0,
            family: 0,
            streams: 1,
            coupled,
            mapping,
        }
    }

    /// Creates a header of family 1 with the usual streams for one to eight channels in Vorbis order,
    /// or of family 0 for mono and stereo; `None` for other numbers. RFC 7845, section 5.1.1.2.
    ///
    /// ```
    /// use codec_audio::opus_head::OpusHead;
    ///
    /// let head = OpusHead::surround(6, 312, 48_000).unwrap();
    /// assert_eq!((head.family, head.streams, head.coupled), (1, 4, 2));
    /// assert_eq!(head.mapping, [0, 4, 1, 2, 3, 5]);
    /// assert_eq!(OpusHead::surround(9, 312, 48_000), None);
    /// ```
    #[must_use]
    pub fn surround(channels: u8, pre_skip: u16, input_rate: u32) -> Option<Self> {
        let (streams, coupled, mapping): (u8, u8, &[u8]) = match channels {
            1 | 2 => return Some(Self::plain(channels, pre_skip, input_rate)),
            3 => (2, 1, &[0, 2, 1]),
            4 => (2, 2, &[0, 1, 2, 3]),
            5 => (3, 2, &[0, 4, 1, 2, 3]),
            6 => (4, 2, &[0, 4, 1, 2, 3, 5]),
            7 => (4, 3, &[0, 4, 1, 2, 3, 5, 6]),
            8 => (5, 3, &[0, 6, 1, 2, 3, 4, 5, 7]),
            _ => return None,
        };
        let mapping = mapping.to_vec();
        let plain = Self::plain(2, pre_skip, input_rate);
        Some(Self { channels, family: 1, streams, coupled, mapping, ..plain })
    }

    /// Parses a header, including the magic `OpusHead`.
    ///
    /// # Errors
    /// [`Corrupt::Other`] with the expected element.
    pub fn parse(data: &[u8]) -> Result<Self, Corrupt> {
        let expected = |what, offset_bytes| Corrupt::Other { what, offset_bytes };
        let Some(rest) = data.strip_prefix(b"OpusHead") else {
            return Err(expected("the magic `OpusHead`", 0));
        };
        let Some(&[version, channels, s0, s1, r0, r1, r2, r3, g0, g1, family]) = rest.first_chunk()
        else {
            return Err(expected("a header of 19 bytes", data.len()));
        };
        if version > 15 {
            return Err(expected("a version below 16", 8));
        }
        if channels == 0 {
            return Err(expected("1 channel or more", 9));
        }
        let mut head = Self {
            gain_q8_db: i16::from_le_bytes([g0, g1]),
            family,
            ..Self::plain(
                channels,
                u16::from_le_bytes([s0, s1]),
                u32::from_le_bytes([r0, r1, r2, r3]),
            )
        };
        if family == 0 {
            if channels > 2 {
                return Err(expected("1 or 2 channels in mapping family 0", 9));
            }
            return Ok(head);
        }
        if family == 1 && channels > 8 {
            return Err(expected("1 to 8 channels in mapping family 1", 9));
        }
        let Some((&[streams, coupled], rest)) = rest[11..].split_first_chunk() else {
            return Err(expected("a channel mapping table", data.len()));
        };
        if streams == 0 || coupled > streams || u16::from(streams) + u16::from(coupled) > 255 {
            return Err(expected("1 to 255 decoded channels, no more coupled than streams", 19));
        }
        let Some(mapping) = rest.get(..usize::from(channels)) else {
            return Err(expected("a mapping of every channel", data.len()));
        };
        if let Some(at) = mapping.iter().position(|&m| m != 255 && m >= streams + coupled) {
            return Err(expected("the number of a decoded channel", 21 + at));
        }
        head.channels = channels;
        head.streams = streams;
        head.coupled = coupled;
        head.mapping = mapping.to_vec();
        Ok(head)
    }

    /// Serialises the header.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = b"OpusHead\x01".to_vec();
        out.push(self.channels);
        out.extend(self.pre_skip.to_le_bytes());
        out.extend(self.input_rate.to_le_bytes());
        out.extend(self.gain_q8_db.to_le_bytes());
        out.push(self.family);
        if self.family != 0 {
            out.extend([self.streams, self.coupled]);
            out.extend(&self.mapping);
        }
        out
    }
}

/// Returns, for each channel in Vorbis order (mapping family 1), its position in the channel order
/// of WAVE files. RFC 7845, section 5.1.1.2.
///
/// `channels` is in 1..=8.
#[must_use]
pub fn wave_channel_order(channels: usize) -> &'static [usize] {
    match channels {
        3 => &[0, 2, 1],
        5 => &[0, 2, 1, 3, 4],
        6 => &[0, 2, 1, 4, 5, 3],
        7 => &[0, 2, 1, 5, 6, 4, 3],
        8 => &[0, 2, 1, 6, 7, 4, 5, 3],
        _ => &[0, 1, 2, 3][..channels.min(4)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_round_trips() {
        let stereo = OpusHead { gain_q8_db: -300, ..OpusHead::plain(2, 312, 44_100) };
        let surround = OpusHead {
            channels: 6,
            family: 1,
            streams: 4,
            coupled: 2,
            mapping: vec![0, 4, 1, 2, 3, 5],
            ..stereo.clone()
        };
        for head in [OpusHead::plain(1, 0, 0), stereo, surround] {
            assert_eq!(OpusHead::parse(&head.to_bytes()), Ok(head));
        }
    }

    #[test]
    fn damaged_headers_are_rejected() {
        let good = OpusHead::plain(2, 312, 48_000).to_bytes();
        let with = |at: usize, value: u8| {
            let mut bytes = good.clone();
            bytes[at] = value;
            bytes
        };
        for bad in [with(0, b'o'), with(8, 16), with(9, 0), with(9, 3), with(18, 1)] {
            assert!(OpusHead::parse(&bad).is_err(), "{bad:?}");
        }
        assert!(OpusHead::parse(&good[..18]).is_err());
        let mapped = |tail: &[u8]| [&with(18, 1), tail].concat();
        assert!(OpusHead::parse(&mapped(&[1, 1, 0, 1])).is_ok());
        for tail in [[0, 0, 0, 0], [1, 2, 0, 0], [1, 1, 0, 2], [200, 100, 0, 0]] {
            assert!(OpusHead::parse(&mapped(&tail)).is_err(), "{tail:?}");
        }
    }
}
