//! The hello, which describes the streams.

use codec_audio::{AudioCodec, AudioFormat, ChannelLayout};
use codec_container::{AudioTrack, Format, Track, VideoTrack};
use codec_core::codec::Codec;
use codec_core::frame::{Rational, Size};

use super::crc::{crc32c, flipped_bit};
use super::error::{FramingError, Part};
use super::fields::Fields;

/// Magic bytes of a hello.
pub(super) const MAGIC: &[u8; 8] = b"codecnet";

/// The only version so far.
const VERSION: u16 = 1;

/// Magic, version and length of the body.
pub(super) const HEAD_BYTES: usize = 12;

/// Bytes of a checksum.
pub(super) const CRC_BYTES: usize = 4;

/// Maximum length of the body in bytes: a hello fits into one datagram.
pub const MAX_BODY_BYTES: usize = 1024;

/// Maximum number of streams.
const MAX_STREAMS: usize = 16;

/// Maximum length of a codec name in bytes.
const MAX_NAME_BYTES: usize = 32;

/// Properties of video or audio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// Video.
    Video {
        /// Frame size.
        size: Size,
        /// Frames per second, if known.
        frame_rate: Option<Rational>,
    },
    /// Audio.
    Audio {
        /// Samples per second: 48000 for Opus.
        rate: u32,
        /// 1..=8.
        channels: u8,
        /// Decoded samples to drop at the start (pre-skip).
        delay: u32,
    },
}

/// One stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamDescription {
    /// Name of the codec: `vp8`, `h264` (access units with start codes), `opus`; ASCII, at most 32 bytes.
    pub codec: String,
    /// Seconds per tick; numerator and denominator above 0.
    pub time_base: Rational,
    /// Properties of video or audio.
    pub media: Media,
    /// Codec configuration: `OpusHead`.
    pub private: Vec<u8>,
}

impl StreamDescription {
    /// Describes a track.
    #[must_use]
    pub fn of(track: &Track) -> Option<Self> {
        let (media, private) = match track {
            Track::Video(track) => {
                let media = Media::Video { size: track.size, frame_rate: track.frame_rate };
                (media, &track.codec_private)
            }
            Track::Audio(track) => {
                let channels = u8::try_from(track.audio.channels()).ok()?;
                let (rate, delay) = (track.audio.rate, track.delay);
                (Media::Audio { rate, channels, delay }, &track.codec_private)
            }
            _ => return None,
        };
        let codec = track.codec_name().to_owned();
        Some(Self { codec, time_base: track.time_base(), media, private: private.clone() })
    }

    /// Returns the track for a writer of `format`; `None` if the codec is unknown or cannot be
    /// sent.
    #[must_use]
    pub fn track(&self, format: Format) -> Option<Track> {
        match self.media {
            Media::Video { size, frame_rate } => {
                let codec = Codec::from_name(&self.codec)?;
                let mut track = VideoTrack::new(format, codec, size, self.time_base);
                track.frame_rate = frame_rate;
                track.codec_private.clone_from(&self.private);
                Some(Track::Video(track))
            }
            Media::Audio { rate, channels, delay } => {
                let known = [AudioCodec::Opus, AudioCodec::Pcmu, AudioCodec::Pcma];
                let codec = known.into_iter().find(|codec| codec.name() == self.codec)?;
                let layout = ChannelLayout::of(channels.into())?;
                let mut track = AudioTrack::new(format, codec, AudioFormat::new(rate, layout));
                track.time_base = self.time_base;
                track.delay = delay;
                track.codec_private.clone_from(&self.private);
                Some(Track::Audio(track))
            }
        }
    }

    fn check(&self) -> Result<(), &'static str> {
        let name = self.codec.as_bytes();
        if name.is_empty() || name.len() > MAX_NAME_BYTES || !name.iter().all(u8::is_ascii_graphic)
        {
            return Err("invalid codec name: expected 1 to 32 visible ASCII characters");
        }
        if self.time_base.num == 0 || self.time_base.den == 0 {
            return Err("invalid time base: numerator or denominator is 0");
        }
        match self.media {
            Media::Video { size, frame_rate } => {
                let sides = 1..=16_383;
                if !sides.contains(&size.width) || !sides.contains(&size.height) {
                    return Err("invalid frame size: expected sides of 1 to 16383 pixels");
                }
                if frame_rate.is_some_and(|rate| rate.num == 0 || rate.den == 0) {
                    return Err("invalid frame rate: numerator or denominator is 0");
                }
            }
            Media::Audio { rate, channels, .. } => {
                if !(1_000..=384_000).contains(&rate) || !(1..=8).contains(&channels) {
                    return Err(
                        "invalid audio format: expected 1000 to 384000 Hz and 1 to 8 channels",
                    );
                }
            }
        }
        Ok(())
    }

    fn write(&self, out: &mut Vec<u8>) {
        let is_video = matches!(self.media, Media::Video { .. });
        out.push(if is_video { 1 } else { 2 });
        // Lengths were checked before.
        let name = self.codec.as_bytes();
        out.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
        out.extend(name);
        write_rational(Some(self.time_base), out);
        match self.media {
            Media::Video { size, frame_rate } => {
                out.extend(size.width.to_be_bytes());
                out.extend(size.height.to_be_bytes());
                write_rational(frame_rate, out);
            }
            Media::Audio { rate, channels, delay } => {
                out.extend(rate.to_be_bytes());
                out.push(channels);
                out.extend(delay.to_be_bytes());
            }
        }
        out.extend(u16::try_from(self.private.len()).unwrap_or(u16::MAX).to_be_bytes());
        out.extend(&self.private);
    }

    fn parse(fields: &mut Fields<'_>) -> Result<Self, &'static str> {
        const SHORT: &str = "truncated stream description";
        let kind = fields.u8().ok_or(SHORT)?;
        let len = fields.u8().ok_or(SHORT)?;
        let name = fields.bytes(len.into()).ok_or(SHORT)?;
        let codec = std::str::from_utf8(name).map_err(|_| "invalid codec name: expected ASCII")?;
        let time_base = parse_rational(fields).ok_or(SHORT)?;
        let media = match kind {
            1 => {
                let size = Size::new(fields.u32().ok_or(SHORT)?, fields.u32().ok_or(SHORT)?);
                let rate = parse_rational(fields).ok_or(SHORT)?;
                Media::Video { size, frame_rate: (rate.num != 0).then_some(rate) }
            }
            2 => Media::Audio {
                rate: fields.u32().ok_or(SHORT)?,
                channels: fields.u8().ok_or(SHORT)?,
                delay: fields.u32().ok_or(SHORT)?,
            },
            _ => return Err("unknown kind of stream"),
        };
        let len = fields.u16().ok_or(SHORT)?;
        let private = fields.bytes(len.into()).ok_or(SHORT)?.to_vec();
        let stream = Self { codec: codec.to_owned(), time_base, media, private };
        stream.check()?;
        Ok(stream)
    }
}

fn write_rational(rational: Option<Rational>, out: &mut Vec<u8>) {
    let (num, den) = rational.map_or((0, 0), |rational| (rational.num, rational.den));
    out.extend(num.to_be_bytes());
    out.extend(den.to_be_bytes());
}

fn parse_rational(fields: &mut Fields<'_>) -> Option<Rational> {
    let (num, den) = (fields.u32()?, fields.u32()?);
    Some(Rational { num, den })
}

/// The first message of a sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// A different number for each start of a sender.
    pub session: u64,
    /// The streams; records refer to them by index.
    pub streams: Vec<StreamDescription>,
}

impl Hello {
    /// Appends the encoded hello.
    ///
    /// # Errors
    ///
    /// If a part of the description is invalid.
    pub fn write(&self, out: &mut Vec<u8>) -> Result<(), &'static str> {
        let count = u8::try_from(self.streams.len()).unwrap_or(u8::MAX);
        if count == 0 || usize::from(count) > MAX_STREAMS {
            return Err("invalid number of streams: expected 1 to 16");
        }
        let mut body = self.session.to_be_bytes().to_vec();
        body.push(count);
        for stream in &self.streams {
            stream.check()?;
            if stream.private.len() > MAX_BODY_BYTES {
                return Err("codec configuration longer than 1024 bytes");
            }
            stream.write(&mut body);
        }
        let len = u16::try_from(body.len()).unwrap_or(u16::MAX);
        if usize::from(len) > MAX_BODY_BYTES {
            return Err("stream descriptions longer than 1024 bytes");
        }
        let begin = out.len();
        out.extend(MAGIC);
        out.extend(VERSION.to_be_bytes());
        out.extend(len.to_be_bytes());
        out.extend(body);
        let checksum = crc32c(out.get(begin..).unwrap_or_default());
        out.extend(checksum.to_be_bytes());
        Ok(())
    }

    /// Total bytes of the hello that begins with these [`HEAD_BYTES`] at byte `at` of a stream.
    pub(super) fn total_bytes(head: &[u8; HEAD_BYTES], at: u64) -> Result<usize, FramingError> {
        let [found @ .., v0, v1, l0, l1] = *head;
        if found != *MAGIC {
            return Err(FramingError::Magic { at, found });
        }
        let version = u16::from_be_bytes([v0, v1]);
        if version != VERSION {
            return Err(FramingError::Version { at: at.saturating_add(8), version });
        }
        let body = usize::from(u16::from_be_bytes([l0, l1]));
        if body > MAX_BODY_BYTES {
            let (what, bytes) = ("hello body", body as u64);
            return Err(FramingError::TooLong { at, what, bytes, limit: MAX_BODY_BYTES });
        }
        Ok(HEAD_BYTES + body + CRC_BYTES)
    }

    /// Parses a complete hello that begins at byte `at` of a stream.
    ///
    /// # Errors
    ///
    /// [`FramingError`].
    pub fn parse(bytes: &[u8], at: u64) -> Result<Self, FramingError> {
        let truncated = || FramingError::Truncated {
            at: at.saturating_add(bytes.len() as u64),
            begun_at: at,
            part: Part::Hello,
        };
        let head = bytes.first_chunk::<HEAD_BYTES>().ok_or_else(truncated)?;
        let total = Self::total_bytes(head, at)?;
        if bytes.len() > total {
            return Err(FramingError::Field { at, what: "trailing bytes after the hello" });
        }
        let (covered, checksum) = bytes.split_last_chunk::<CRC_BYTES>().ok_or_else(truncated)?;
        if bytes.len() < total {
            return Err(truncated());
        }
        let (found, expected) = (crc32c(covered), u32::from_be_bytes(*checksum));
        if found != expected {
            let (part, bytes) = (Part::Hello, covered.len());
            let flipped = flipped_bit(bytes, expected, found);
            return Err(FramingError::Checksum { at, part, bytes, found, expected, flipped });
        }
        let body = covered.get(HEAD_BYTES..).unwrap_or_default();
        Self::parse_body(body).map_err(|what| FramingError::Field { at, what })
    }

    fn parse_body(body: &[u8]) -> Result<Self, &'static str> {
        let mut fields = Fields(body);
        let session = fields.u64().ok_or("hello without a session")?;
        let count = fields.u8().ok_or("hello without streams")?;
        if !(1..=MAX_STREAMS).contains(&usize::from(count)) {
            return Err("invalid number of streams: expected 1 to 16");
        }
        let streams = (0..count).map(|_| StreamDescription::parse(&mut fields));
        let streams = streams.collect::<Result<Vec<_>, _>>()?;
        if !fields.0.is_empty() {
            return Err("trailing bytes after the last stream of the hello");
        }
        Ok(Self { session, streams })
    }
}

#[cfg(test)]
impl Hello {
    /// A hello with one video stream, for tests of the transports.
    pub(crate) fn of_test(session: u64) -> Self {
        let stream = StreamDescription {
            codec: "vp8".to_owned(),
            time_base: Rational::new(1, 1000),
            media: Media::Video { size: Size::new(64, 48), frame_rate: None },
            private: Vec::new(),
        };
        Self { session, streams: vec![stream] }
    }
}
