//! Opus packet parsing without decoding: table-of-contents byte, frames, durations and in-band FEC.
//! RFC 6716, sections 3 and 4.2.3, appendix B.

use super::config::Bandwidth;
use codec_core::error::Corrupt;

/// Maximum number of frames in a packet: 120 ms of 2.5 ms each.
pub const MAX_FRAMES: usize = 48;

/// Maximum frame size in bytes (rule R2).
pub const MAX_FRAME_BYTES: usize = 1275;

/// Coding mode of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpusMode {
    /// Linear prediction, for speech.
    Silk,
    /// SILK below 8 kHz, CELT above.
    Hybrid,
    /// Transform coding, for music and low delay.
    Celt,
}

/// The table-of-contents byte. RFC 6716, section 3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Toc(pub u8);

impl Toc {
    /// Returns the configuration number, 0..=31.
    #[must_use]
    pub const fn config(self) -> u8 {
        self.0 >> 3
    }

    /// Returns the number of coded channels, 1 or 2.
    #[must_use]
    pub const fn channels(self) -> usize {
        1 + (self.0 >> 2 & 1) as usize
    }

    /// Returns the coding mode.
    #[must_use]
    pub const fn mode(self) -> OpusMode {
        match self.config() {
            0..=11 => OpusMode::Silk,
            12..=15 => OpusMode::Hybrid,
            _ => OpusMode::Celt,
        }
    }

    /// Returns the coded audio bandwidth.
    #[must_use]
    pub const fn bandwidth(self) -> Bandwidth {
        match self.config() {
            0..=3 | 16..=19 => Bandwidth::Narrow,
            4..=7 => Bandwidth::Medium,
            8..=11 | 20..=23 => Bandwidth::Wide,
            12 | 13 | 24..=27 => Bandwidth::SuperWide,
            _ => Bandwidth::Full,
        }
    }

    /// Returns the duration of each frame in microseconds, 2,500..=60,000.
    #[must_use]
    pub const fn frame_us(self) -> u32 {
        let step = self.config() & 3;
        match self.mode() {
            OpusMode::Silk => [10_000, 20_000, 40_000, 60_000][step as usize],
            OpusMode::Hybrid => [10_000, 20_000][(step & 1) as usize],
            OpusMode::Celt => 2_500 << step,
        }
    }
}

/// A parsed packet.
///
/// ```
/// use codec_audio::opus_packet::{OpusMode, OpusPacket};
///
/// // Configuration 31 (CELT, 20 ms), mono, two frames of equal size.
/// let packet = OpusPacket::parse(&[31 << 3 | 1, 1, 2, 3, 4])?;
/// assert_eq!(packet.toc().mode(), OpusMode::Celt);
/// assert_eq!(packet.frames(), [[1, 2], [3, 4]]);
/// assert_eq!(packet.duration_us(), 40_000);
/// # Ok::<(), codec_core::error::Corrupt>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct OpusPacket<'a> {
    toc: Toc,
    count: usize,
    frames: [&'a [u8]; MAX_FRAMES],
    padding: usize,
}

impl<'a> OpusPacket<'a> {
    /// Parses a packet by the rules R1 to R7 of RFC 6716, section 3.4.
    ///
    /// # Errors
    /// [`Corrupt::Other`] with the element that the violated rule requires, and its offset.
    pub fn parse(data: &'a [u8]) -> Result<Self, Corrupt> {
        Parser { data, at: 0, self_delimited: false }.packet()
    }

    /// Parses the self-delimited packet at the start of `data` (RFC 6716, appendix B) and returns
    /// it with its length in bytes.
    ///
    /// # Errors
    /// Returns the errors of [`Self::parse`].
    pub fn parse_self_delimited(data: &'a [u8]) -> Result<(Self, usize), Corrupt> {
        let mut parser = Parser { data, at: 0, self_delimited: true };
        let packet = parser.packet()?;
        Ok((packet, parser.at))
    }

    /// Returns the table-of-contents byte.
    #[must_use]
    pub fn toc(&self) -> Toc {
        self.toc
    }

    /// Returns the frames, 1..=48; an empty frame indicates a lost or DTX frame.
    #[must_use]
    pub fn frames(&self) -> &[&'a [u8]] {
        &self.frames[..self.count]
    }

    /// Returns the number of padding bytes, excluding the bytes that code their number.
    #[must_use]
    pub fn padding(&self) -> usize {
        self.padding
    }

    /// Appends the packet without padding, in undelimited form even if it was self-delimited: code
    /// 0 for one frame, code 3 with all lengths for several.
    pub fn write(&self, out: &mut Vec<u8>) {
        if let [frame] = self.frames() {
            out.push(self.toc.0 & !3);
            out.extend_from_slice(frame);
            return;
        }
        let count = u8::try_from(self.count).unwrap_or(0);
        out.extend([self.toc.0 | 3, 0x80 | count]);
        for frame in &self.frames()[..self.count - 1] {
            write_size(frame.len(), out);
        }
        self.frames().iter().for_each(|frame| out.extend_from_slice(frame));
    }

    /// Returns the duration of the packet in microseconds, 2,500..=120,000.
    #[must_use]
    pub fn duration_us(&self) -> u32 {
        self.frames().iter().map(|_| self.toc.frame_us()).sum()
    }

    /// Returns the number of samples per channel of the packet at `rate`.
    #[must_use]
    pub fn samples(&self, rate: u32) -> usize {
        super::FrameDuration(self.duration_us()).samples(rate)
    }

    /// Returns the number of samples per channel of one frame at `rate`.
    #[must_use]
    pub fn frame_samples(&self, rate: u32) -> usize {
        super::FrameDuration(self.toc.frame_us()).samples(rate)
    }

    /// Returns whether the packet codes nothing because of discontinuous transmission (DTX).
    #[must_use]
    pub fn is_dtx(&self) -> bool {
        self.frames().iter().all(|frame| frame.len() <= 1)
    }

    /// Returns whether the first frame carries in-band FEC for the previous frame. The LBRR flags
    /// state this. They follow the activity flags of each channel at the start of a SILK frame (RFC
    /// 6716, section 4.2.3) and can be read as plain bits, because both values have equal
    /// probability.
    #[must_use]
    pub fn has_fec(&self) -> bool {
        let Some(&first) = self.frames[0].first() else { return false };
        if self.toc.mode() == OpusMode::Celt || self.frames[0].len() < 2 {
            return false;
        }
        // Number of SILK frames in the Opus frame: 20 ms each, or one of 10 ms.
        let activity = (self.toc.frame_us() / 20_000).max(1);
        let flag = |channel: u32| {
            let bit = (activity + 1) * (channel + 1) - 1;
            first >> (7 - bit) & 1 == 1
        };
        flag(0) || self.toc.channels() == 2 && flag(1)
    }
}

/// Writes a length of 0..=1275. RFC 6716, section 3.2.1.
#[expect(clippy::cast_possible_truncation, reason = "the remainder is below 256")]
fn write_size(size: usize, out: &mut Vec<u8>) {
    if size < 252 {
        out.push(size as u8);
    } else {
        let first = 252 + (size & 3);
        out.extend([first as u8, ((size - first) / 4) as u8]);
    }
}

/// Samples at the start of a packet, at 48 kHz, that are mixed with earlier audio after a change of the
/// mode: 5 ms. RFC 6716, section 4.5.
pub const MODE_CHANGE_SAMPLES: u32 = 240;

/// Returns a packet of 20 ms after which a decoder decodes `next` as the first packet of a stream: a
/// change of the mode resets the decoder (RFC 6716, section 4.5.2). Its own audio is to be discarded, and
/// so are the first [`MODE_CHANGE_SAMPLES`] of `next`. Both are packets of a single stream.
///
/// ```
/// use codec_audio::opus_packet::{OpusMode, OpusPacket, reset_before};
///
/// // CELT, stereo.
/// let reset = reset_before(&[0xFC, 1, 2, 3]).ok_or("empty")?;
/// let toc = OpusPacket::parse(&reset)?.toc();
/// assert_eq!((toc.mode(), toc.channels(), toc.frame_us()), (OpusMode::Silk, 2, 20_000));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn reset_before(next: &[u8]) -> Option<[u8; 3]> {
    let toc = Toc(*next.first()?);
    let stereo = toc.0 & 4;
    Some(match toc.mode() {
        // SILK, wideband: bits 0 give an inactive frame with the lowest gain. The resampler of ffmpeg's
        // decoder delays the next samples by 0.25 ms at this rate, and by more at lower ones.
        OpusMode::Celt => [9 << 3 | stereo, 0, 0],
        // CELT, full band: bits 1 give silence.
        OpusMode::Silk | OpusMode::Hybrid => [31 << 3 | stereo, 0xFF, 0xFE],
    })
}

/// Returns the duration in microseconds of the packet that begins with `head`, its first two bytes
/// or more; `None` if rule R1 or R5 is violated.
#[must_use]
pub fn duration_us(head: &[u8]) -> Option<u32> {
    let toc = Toc(*head.first()?);
    let count = match toc.0 & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(head.get(1)? & 63),
    };
    Some(toc.frame_us() * count).filter(|&us| (1..=120_000).contains(&us))
}

struct Parser<'a> {
    data: &'a [u8],
    at: usize,
    self_delimited: bool,
}

impl<'a> Parser<'a> {
    fn packet(&mut self) -> Result<OpusPacket<'a>, Corrupt> {
        let toc = Toc(self.byte("a table-of-contents byte (RFC 6716, R1)")?);
        let mut sizes = [0; MAX_FRAMES];
        let mut padding = 0;
        let count = match toc.0 & 3 {
            0 => {
                sizes[0] = self.last_size()?;
                1
            }
            1 => {
                let size = self.equal_sizes(2, 0, "two frames of equal length (RFC 6716, R3)")?;
                (sizes[0], sizes[1]) = (size, size);
                2
            }
            2 => {
                sizes[0] = self.size("the length of the first frame (RFC 6716, R4)")?;
                sizes[1] = self.remainder(sizes[0], 0, "the first of two frames (RFC 6716, R4)")?;
                2
            }
            _ => {
                let (count, padded) = self.many(toc, &mut sizes)?;
                padding = padded;
                count
            }
        };
        let mut frames = [&self.data[..0]; MAX_FRAMES];
        for (frame, &size) in frames.iter_mut().zip(&sizes[..count]) {
            *frame = self.bytes(size, "a complete frame")?;
        }
        self.bytes(padding, "the padding (RFC 6716, R7)")?;
        Ok(OpusPacket { toc, count, frames, padding })
    }

    /// Parses code 3 (any number of frames, optional padding); returns the number of frames and the
    /// padding.
    fn many(
        &mut self,
        toc: Toc,
        sizes: &mut [usize; MAX_FRAMES],
    ) -> Result<(usize, usize), Corrupt> {
        let head = self.byte("a frame count byte (RFC 6716, R6, R7)")?;
        let count = usize::from(head & 63);
        if count == 0 || toc.frame_us() * u32::from(head & 63) > 120_000 {
            return Err(
                self.expected("1 or more frames with a total of at most 120 ms (RFC 6716, R5)", 1)
            );
        }
        let padding = if head & 64 != 0 { self.padding()? } else { 0 };
        if head & 128 == 0 {
            let what = "frames of equal length that fill the packet (RFC 6716, R6)";
            sizes[..count].fill(self.equal_sizes(count, padding, what)?);
        } else {
            let mut sum = 0;
            for size in &mut sizes[..count - 1] {
                *size = self.size("the length of a frame (RFC 6716, R7)")?;
                sum += *size;
            }
            sizes[count - 1] =
                self.remainder(sum, padding, "the frames and the padding (RFC 6716, R7)")?;
        }
        Ok((count, padding))
    }

    fn padding(&mut self) -> Result<usize, Corrupt> {
        let mut padding = 0;
        loop {
            let byte = self.byte("the length of the padding (RFC 6716, R6, R7)")?;
            if byte < 255 {
                padding += usize::from(byte);
                break;
            }
            padding += 254;
        }
        if padding > self.left() {
            return Err(self.expected("all bytes of the padding (RFC 6716, R6, R7)", 0));
        }
        Ok(padding)
    }

    /// Returns the length of each of `count` frames of equal length.
    fn equal_sizes(
        &mut self,
        count: usize,
        padding: usize,
        what: &'static str,
    ) -> Result<usize, Corrupt> {
        if self.self_delimited {
            return self.size("the length of the frames");
        }
        let space = self.left() - padding;
        if !space.is_multiple_of(count) {
            return Err(self.expected(what, 0));
        }
        self.implicit(space / count)
    }

    /// Returns the length of a single frame.
    fn last_size(&mut self) -> Result<usize, Corrupt> {
        self.remainder(0, 0, "the frame")
    }

    /// Returns the length of the last frame, after `taken` bytes of others.
    fn remainder(
        &mut self,
        taken: usize,
        padding: usize,
        what: &'static str,
    ) -> Result<usize, Corrupt> {
        if self.self_delimited {
            return self.size("the length of the last frame");
        }
        match self.left().checked_sub(taken + padding) {
            Some(size) => self.implicit(size),
            None => Err(self.expected(what, 0)),
        }
    }

    fn implicit(&self, size: usize) -> Result<usize, Corrupt> {
        if size > MAX_FRAME_BYTES {
            return Err(self.expected("a frame of at most 1275 bytes (RFC 6716, R2)", 0));
        }
        Ok(size)
    }

    /// Reads a coded length. RFC 6716, section 3.2.1.
    fn size(&mut self, what: &'static str) -> Result<usize, Corrupt> {
        let first = usize::from(self.byte(what)?);
        let size = if first < 252 { first } else { first + 4 * usize::from(self.byte(what)?) };
        if size > self.left() {
            return Err(self.expected("all bytes of the frame (RFC 6716, R4, R7)", 0));
        }
        Ok(size)
    }

    fn byte(&mut self, what: &'static str) -> Result<u8, Corrupt> {
        Ok(self.bytes(1, what)?[0])
    }

    fn bytes(&mut self, count: usize, what: &'static str) -> Result<&'a [u8], Corrupt> {
        let bytes = self.data.get(self.at..).and_then(|rest| rest.get(..count));
        let bytes = bytes.ok_or_else(|| self.expected(what, 0))?;
        self.at += count;
        Ok(bytes)
    }

    fn left(&self) -> usize {
        self.data.len() - self.at
    }

    fn expected(&self, what: &'static str, bytes_ago: usize) -> Corrupt {
        Corrupt::Other { what, offset_bytes: self.at - bytes_ago }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the rule that a packet violates, as its error names it.
    fn broken(data: &[u8]) -> &'static str {
        match OpusPacket::parse(data) {
            Err(Corrupt::Other { what, .. }) => what,
            other => panic!("{data:?} gave {other:?}"),
        }
    }

    #[test]
    fn violations_of_each_rule_of_section_3_4_are_rejected() {
        assert!(broken(&[]).contains("R1"));
        assert!(broken(&[0; 1277]).contains("R2"));
        assert!(broken(&[1, 0]).contains("R3"));
        assert!(broken(&[2]).contains("R4"));
        assert!(broken(&[2, 252]).contains("R4"));
        assert!(broken(&[2, 5, 1, 2]).contains("R4"));
        assert!(broken(&[3, 0, 0]).contains("R5"));
        assert!(broken(&[3 | 1 << 3, 7, 0, 0, 0, 0, 0, 0, 0]).contains("R5"));
        assert!(broken(&[3]).contains("R6"));
        assert!(broken(&[3, 2, 0]).contains("R6"));
        assert!(broken(&[3, 64 | 1, 9, 0]).contains("R6"));
        assert!(broken(&[3, 128 | 3, 1]).contains("R7"));
        assert!(broken(&[3, 128 | 64 | 2, 2, 1, 0]).contains("R7"));
    }

    #[test]
    fn frames_are_located_by_their_lengths() {
        type Case = (&'static [u8], &'static [&'static [u8]], usize);
        let cases: [Case; 6] = [
            (&[0], &[&[]], 0),
            (&[1, 7, 8], &[&[7], &[8]], 0),
            (&[2, 1, 7, 8, 9], &[&[7], &[8, 9]], 0),
            (&[3, 3, 7, 8, 9], &[&[7], &[8], &[9]], 0),
            (&[3, 64 | 1, 2, 7, 0, 0], &[&[7]], 2),
            (&[3, 128 | 3, 0, 1, 7, 8, 9], &[&[], &[7], &[8, 9]], 0),
        ];
        for (data, frames, padding) in cases {
            let packet = OpusPacket::parse(data).unwrap();
            assert_eq!((packet.frames(), packet.padding()), (frames, padding), "{data:?}");
            assert_eq!(duration_us(data), Some(packet.duration_us()));
            let mut again = Vec::new();
            packet.write(&mut again);
            assert_eq!(OpusPacket::parse(&again).unwrap().frames(), frames);
        }
    }

    #[test]
    fn a_self_delimited_packet_contains_its_length() {
        let data = [2, 1, 2, 7, 8, 9, 99, 99];
        let (packet, length) = OpusPacket::parse_self_delimited(&data).unwrap();
        assert_eq!((packet.frames(), length), (&[&[7][..], &[8, 9]][..], 6));
        let (packet, length) = OpusPacket::parse_self_delimited(&[1, 1, 7, 8, 99]).unwrap();
        assert_eq!((packet.frames(), length), (&[&[7][..], &[8]][..], 4));
    }

    #[test]
    fn every_frame_length_round_trips() {
        for size in 0..=MAX_FRAME_BYTES {
            let mut data = vec![2];
            write_size(size, &mut data);
            data.resize(data.len() + size + 1, 0);
            let packet = OpusPacket::parse(&data).unwrap();
            assert_eq!((packet.frames()[0].len(), packet.frames()[1].len()), (size, 1));
        }
    }

    #[test]
    fn durations_and_bandwidths_are_those_of_table_2() {
        let row = |config: u8| {
            let toc = Toc(config << 3);
            (toc.mode(), toc.bandwidth(), toc.frame_us())
        };
        assert_eq!(row(0), (OpusMode::Silk, Bandwidth::Narrow, 10_000));
        assert_eq!(row(7), (OpusMode::Silk, Bandwidth::Medium, 60_000));
        assert_eq!(row(13), (OpusMode::Hybrid, Bandwidth::SuperWide, 20_000));
        assert_eq!(row(14), (OpusMode::Hybrid, Bandwidth::Full, 10_000));
        assert_eq!(row(16), (OpusMode::Celt, Bandwidth::Narrow, 2_500));
        assert_eq!(row(23), (OpusMode::Celt, Bandwidth::Wide, 20_000));
        assert_eq!(row(31), (OpusMode::Celt, Bandwidth::Full, 20_000));
    }
}
