//! MP3 and ADTS: frames with their length in the header.

use codec_audio::{AudioCodec, AudioFormat, ChannelLayout};

use super::look_ahead::LookAhead;
use crate::single_track::{ReadSingleTrack, SingleTrack, single_track_reader};
use crate::{AudioTrack, CodedPacket, Error, Format, ReadOptions, Result, Source, Track};

/// Bytes that are searched for the first frame.
const MAX_SEARCH_BYTES: usize = 64 << 10;
/// Delay of an MP3 decoder in samples.
const MP3_DECODER_DELAY: u32 = 529;

/// The fields of a frame header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameHead {
    pub(crate) rate: u32,
    pub(crate) channels: usize,
    pub(crate) samples: u32,
    /// Length of the whole frame.
    pub(crate) bytes: usize,
    /// Length of the header, if it is not part of the packet.
    pub(crate) dropped: usize,
}

type Parse = fn(&[u8]) -> Option<FrameHead>;

/// Parses the header of an MP3 frame: ISO/IEC 11172-3, section 2.4.2.3, with the lower sampling
/// rates of 13818-3 and half of those rates.
pub(crate) fn parse_mp3(data: &[u8]) -> Option<FrameHead> {
    const KBPS: [[u32; 14]; 2] = [
        [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
        [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
    ];
    const RATES: [u32; 3] = [44_100, 48_000, 32_000];
    let &[sync, second, third, fourth] = data.first_chunk()?;
    let (version, layer) = (second >> 3 & 3, second >> 1 & 3);
    if sync != 0xFF || second & 0xE0 != 0xE0 || version == 1 || layer != 1 {
        return None;
    }
    let is_first = version == 3;
    let kbps = *KBPS[usize::from(!is_first)].get(usize::from(third >> 4).checked_sub(1)?)?;
    let rate = *RATES.get(usize::from(third >> 2 & 3))?;
    let rate = match version {
        3 => rate,
        2 => rate / 2,
        _ => rate / 4,
    };
    let samples = if is_first { 1152 } else { 576 };
    let bytes = samples / 8 * kbps * 1000 / rate + u32::from(third >> 1 & 1);
    let channels = if fourth >> 6 == 3 { 1 } else { 2 };
    Some(FrameHead { rate, channels, samples, bytes: usize::try_from(bytes).ok()?, dropped: 0 })
}

/// Parses the header of an ADTS frame. ISO/IEC 14496-3, section 1.A.2.2.
pub(crate) fn parse_adts(data: &[u8]) -> Option<FrameHead> {
    const RATES: [u32; 13] =
        [96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350];
    let &[sync, second, third, fourth, fifth, sixth, seventh] = data.first_chunk()?;
    if sync != 0xFF || second & 0xF6 != 0xF0 {
        return None;
    }
    let rate = *RATES.get(usize::from(third >> 2 & 15))?;
    let channels = match (third & 1) << 2 | fourth >> 6 {
        7 => 8,
        count => usize::from(count),
    };
    let bytes = usize::from(fourth & 3) << 11 | usize::from(fifth) << 3 | usize::from(sixth >> 5);
    let dropped = if second & 1 == 1 { 7 } else { 9 };
    let blocks = u32::from(seventh & 3) + 1;
    (bytes > dropped && channels > 0).then_some(FrameHead {
        rate,
        channels,
        samples: 1024 * blocks,
        bytes,
        dropped,
    })
}

/// Returns the `AudioSpecificConfig` that MP4 stores, for a frame with an ADTS header: object type,
/// rate, channels.
pub(crate) fn adts_configuration(frame: &[u8]) -> [u8; 2] {
    let &[_, _, third, fourth, ..] = frame else { return [0; 2] };
    let object = (third >> 6) + 1;
    let rate = third >> 2 & 15;
    let channels = (third & 1) << 2 | fourth >> 6;
    [object << 3 | rate >> 1, rate << 7 | channels << 3]
}

/// Whether `head` begins with an MP3 frame.
pub(crate) fn is_mp3(head: &[u8]) -> bool {
    parse_mp3(head).is_some()
}

/// Whether `head` begins with an AAC frame.
pub(crate) fn is_adts(head: &[u8]) -> bool {
    parse_adts(head).is_some()
}

/// Reads consecutive frames.
#[derive(Debug)]
struct Frames {
    input: LookAhead,
    format: Format,
    parse: Parse,
    track: SingleTrack,
    next: i64,
    delay: u32,
    /// Number of frames, and number of samples at the end that are not part of the audio, if both
    /// are known.
    padding: Option<(u64, u32)>,
    index: u64,
}

impl Frames {
    fn corrupt(
        &self,
        expected: &'static str,
        found: impl Into<std::borrow::Cow<'static, str>>,
    ) -> Error {
        let index = (self.index > 0).then_some(self.index);
        Error::corrupt(self.format, self.input.offset(), index, expected, found)
    }

    /// Finds the first frame, which must be followed by another frame or by the end of the input.
    fn find(&mut self) -> Result<FrameHead> {
        let mut passed = 0;
        loop {
            self.input.fill(16)?;
            if let Some(head) = (self.parse)(self.input.rest()) {
                let more = self.input.fill(head.bytes + 16)?;
                let next = self.input.rest().get(head.bytes..).unwrap_or_default();
                let follows = (self.parse)(next).is_some_and(|next| next.rate == head.rate);
                if follows || !more && self.input.rest().len() >= head.bytes {
                    return Ok(head);
                }
            }
            passed += 1;
            if self.input.rest().is_empty() || passed > MAX_SEARCH_BYTES {
                return Err(self.corrupt("audio frames", "other data"));
            }
            self.input.consume(1);
        }
    }

    fn read(&mut self, packet: &mut CodedPacket) -> Result<bool> {
        self.input.fill(16)?;
        let rest = self.input.rest();
        if rest.is_empty() || rest.starts_with(b"TAG") || rest.starts_with(b"APETAGEX") {
            return Ok(false);
        }
        let Some(head) = (self.parse)(rest) else {
            return Err(self.corrupt("a frame", "other data"));
        };
        if !self.input.fill(head.bytes)? {
            return Err(self.corrupt("a complete frame", "the end of the file"));
        }
        packet.reset();
        packet.data.clear();
        packet.offset = self.input.offset() + head.dropped as u64;
        packet.data.extend_from_slice(&self.input.rest()[head.dropped..head.bytes]);
        self.input.consume(head.bytes);
        packet.pts = self.next;
        packet.index = self.index;
        packet.trim_start = self.delay.min(head.samples);
        self.delay -= packet.trim_start;
        self.index += 1;
        if let Some((frames, padding)) = self.padding {
            // Padding may be longer than a frame.
            let after = frames.saturating_sub(self.index).saturating_mul(head.samples.into());
            let trim = u64::from(padding).saturating_sub(after).min(head.samples.into());
            packet.trim_end =
                u32::try_from(trim).unwrap_or(0).min(head.samples - packet.trim_start);
        }
        packet.duration = Some((head.samples - packet.trim_end).into());
        self.next = self.next.saturating_add(head.samples.into());
        Ok(true)
    }
}

/// Delay and padding of the encoder, and the number of frames, from the first frame of a file;
/// `None` if it is an audio frame.
fn parse_info(frame: &[u8], head: FrameHead) -> Option<(u32, Option<(u64, u32)>)> {
    let side = match (head.samples, head.channels) {
        (1152, 1) | (576, 2) => 17,
        (1152, _) => 32,
        _ => 9,
    };
    let tag = frame.get(4 + side..)?;
    if !tag.starts_with(b"Xing") && !tag.starts_with(b"Info") {
        return None;
    }
    let mut rest = tag.get(8..)?;
    let flags = tag[7];
    let mut frames = None;
    for (bit, bytes) in [(1, 4), (2, 4), (4, 100), (8, 4)] {
        if flags & bit != 0 {
            let (field, tail) = rest.split_at_checked(bytes)?;
            if bit == 1 {
                frames = field.first_chunk().map(|&bytes| u64::from(u32::from_be_bytes(bytes)));
            }
            rest = tail;
        }
    }
    let Some(&[a, b, c]) = rest.get(21..).and_then(|rest| rest.first_chunk()) else {
        return Some((0, None));
    };
    let (delay, padding) =
        (u32::from(a) << 4 | u32::from(b) >> 4, u32::from(b & 15) << 8 | u32::from(c));
    if delay == 0 && padding == 0 {
        return Some((0, None));
    }
    let padding = padding.saturating_sub(MP3_DECODER_DELAY);
    Some((delay + MP3_DECODER_DELAY, frames.map(|frames| (frames, padding))))
}

fn open(source: Source, format: Format, parse: Parse, codec: AudioCodec) -> Result<Frames> {
    let mut input = LookAhead::new(source);
    let metadata = input.read_id3()?;
    let audio = AudioFormat::new(1, ChannelLayout::Mono);
    let mut frames = Frames {
        input,
        format,
        parse,
        track: SingleTrack::new(Track::Audio(AudioTrack::new(format, codec, audio))),
        next: 0,
        delay: 0,
        padding: None,
        index: 0,
    };
    let head = frames.find()?;
    let layout = ChannelLayout::of(head.channels).unwrap_or_default();
    let mut track = AudioTrack::new(format, codec, AudioFormat::new(head.rate, layout));
    let first = &frames.input.rest()[..head.bytes.min(frames.input.rest().len())];
    match codec {
        AudioCodec::Mp3 => {
            if let Some((delay, padding)) = parse_info(first, head) {
                (frames.delay, frames.padding) = (delay, padding);
                frames.input.consume(head.bytes);
            }
        }
        _ => {
            track.codec_private = adts_configuration(first).to_vec();
        }
    }
    track.delay = frames.delay;
    track.warnings.extend(metadata.warnings());
    track.tags = metadata.tags;
    frames.next = -i64::from(frames.delay);
    frames.track.replace(Track::Audio(track));
    Ok(frames)
}

macro_rules! reader {
    ($(#[$doc:meta])* $name:ident, $format:expr, $parse:expr, $codec:expr) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name(Frames);

        impl $name {
            /// Opens a stream of frames and finds the first frame.
            ///
            /// # Errors
            /// [`Error::Io`]; [`Error::Corrupt`] if the first 64 KiB contain no frame.
            pub fn new(source: Source, _options: &ReadOptions) -> Result<Self> {
                open(source, $format, $parse, $codec).map(Self)
            }
        }

        impl ReadSingleTrack for $name {
            fn track(&mut self) -> &mut SingleTrack {
                &mut self.0.track
            }

            fn read_packet(&mut self, packet: &mut CodedPacket) -> Result<bool> {
                self.0.read(packet)
            }
        }

        single_track_reader!($name, 0.track);
    };
}

reader!(
    /// Reads MP3; uses the delay that its first frame states.
    Mp3Reader,
    Format::Mp3,
    parse_mp3,
    AudioCodec::Mp3
);
reader!(
    /// Reads AAC with ADTS headers, which are removed.
    AdtsReader,
    Format::Adts,
    parse_adts,
    AudioCodec::Aac
);
