//! The data of readers and writers: coded packets, raw frames and their descriptions.

use codec_core::frame::{Picture, PictureInfo, PixelFormat, Rational, Size};

use crate::{AudioTrack, Format, PayloadFacts, Result, SkippedTrack, Track, VideoTrack};

/// Something about a file that the user should know but that is not an error.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// The video has an alpha channel, which is ignored.
    AlphaIgnored,
    /// Tracks that the reader ignores because there are too many.
    TracksIgnored {
        /// Number of tracks.
        count: usize,
    },
    /// Chapters, attachments or tags that are not delivered; the text names them.
    MetadataSkipped(String),
    /// A track that is not delivered; see [`PacketReader::skipped`].
    TrackSkipped(SkippedTrack),
    /// The header has no usable frame rate or time base; this one is assumed.
    TimeBaseAssumed(Rational),
    /// The header states more audio bytes than the file has.
    SizeLies {
        /// Bytes according to the header.
        stated: u64,
        /// Bytes in the file.
        there: u64,
    },
    /// An edit list or a delay that is ignored.
    EditsIgnored,
    /// A crop rectangle in the header that is ignored.
    CropIgnored,
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AlphaIgnored => f.write_str("the alpha channel is ignored"),
            Self::TracksIgnored { count: 1 } => f.write_str("skipped one further track"),
            Self::TracksIgnored { count } => write!(f, "skipped {count} further tracks"),
            Self::MetadataSkipped(what) => write!(f, "skipped {what}"),
            Self::TrackSkipped(track) => write!(f, "skipped {track}"),
            Self::TimeBaseAssumed(base) => {
                write!(f, "the header gives no time base; {base} s is assumed")
            }
            Self::SizeLies { stated, there } => {
                write!(f, "the header states {stated} bytes of audio, but the file has {there}")
            }
            Self::EditsIgnored => f.write_str("the edit list is ignored"),
            Self::CropIgnored => f.write_str("the crop rectangle is ignored"),
        }
    }
}

/// One coded packet, in reusable memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CodedPacket {
    /// The payload.
    pub data: Vec<u8>,
    /// Index into [`PacketReader::tracks`].
    pub track: usize,
    /// Presentation time in ticks of the track. For audio, the time of the first decoded sample
    /// less the codec delay, so that times are below 0 during that delay.
    pub pts: i64,
    /// Duration in ticks, if stated.
    pub duration: Option<u64>,
    /// Whether the container, or else the payload, marks it as a key frame.
    pub key: bool,
    /// `false` for a frame that is decoded but not shown (VP8 altref).
    pub shown: bool,
    /// Number of the packet within its track, from 0.
    pub index: u64,
    /// Position of the payload, in bytes from the start of the file.
    pub offset: u64,
    /// Decoded samples to discard at the start of the packet, at the track's rate.
    pub trim_start: u32,
    /// Decoded samples to discard at the end of the packet, at the track's rate. The duration does
    /// not include them.
    pub trim_end: u32,
    /// Packets are missing before this one, or another stream begins with it (chained Ogg): decoder
    /// state from before does not apply.
    pub after_gap: bool,
}

impl CodedPacket {
    /// A borrowed view, for a writer.
    #[must_use]
    pub fn as_ref(&self) -> PacketRef<'_> {
        let &Self { ref data, track, pts, duration, key, shown, trim_end, .. } = self;
        PacketRef { data, track, pts, duration, key, shown, trim_end }
    }

    /// All fields except the payload have the values of a plain packet of track 0.
    pub(crate) fn reset(&mut self) {
        let data = std::mem::take(&mut self.data);
        *self = Self { data, key: true, shown: true, ..Self::default() };
    }

    pub(crate) fn set_facts(&mut self, facts: PayloadFacts) {
        self.key = facts.key;
        self.shown = facts.shown;
    }
}

/// A packet to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketRef<'a> {
    /// The payload.
    pub data: &'a [u8],
    /// Index of the writer's track.
    pub track: usize,
    /// Presentation time in ticks of [`Track::time_base`]; not before that of the previous packet
    /// of the track. For audio as in [`CodedPacket::pts`].
    pub pts: i64,
    /// Duration in ticks, if known.
    pub duration: Option<u64>,
    /// Key frame.
    pub key: bool,
    /// `false` for a frame that is decoded but not shown.
    pub shown: bool,
    /// Decoded samples at the end of the packet that are not part of the audio, at the track's
    /// rate; [`Self::duration`] does not include them.
    pub trim_end: u32,
}

impl Default for PacketRef<'_> {
    /// An empty packet of track 0 at time 0 that is a shown key frame.
    fn default() -> Self {
        Self { data: &[], track: 0, pts: 0, duration: None, key: true, shown: true, trim_end: 0 }
    }
}

/// Reads coded packets.
pub trait PacketReader: Send {
    /// The video and audio tracks of known codecs; at least one.
    fn tracks(&self) -> &[Track];

    /// Selects the tracks whose packets are delivered from the next packet on; unknown numbers are
    /// ignored. Without this call all tracks are delivered.
    fn select(&mut self, tracks: &[usize]);

    /// The tracks of the file that are not in [`Self::tracks`] because they cannot be read:
    /// unsupported codecs, encrypted, damaged, subtitles, data.
    fn skipped(&self) -> Vec<&SkippedTrack> {
        let warnings = self.tracks().iter().flat_map(|track| track.warnings());
        let skipped = warnings.filter_map(|warning| match warning {
            Warning::TrackSkipped(track) => Some(track),
            _ => None,
        });
        skipped.collect()
    }

    /// The first video track and its number.
    fn video(&self) -> Option<(usize, &VideoTrack)> {
        self.tracks().iter().enumerate().find_map(|(at, track)| Some((at, track.video()?)))
    }

    /// The first audio track and its number.
    fn audio(&self) -> Option<(usize, &AudioTrack)> {
        self.tracks().iter().enumerate().find_map(|(at, track)| Some((at, track.audio()?)))
    }

    /// Selects only the first video track and returns its number; `None` if there is none, which
    /// leaves the selection unchanged.
    fn select_video(&mut self) -> Option<usize> {
        let (track, _) = self.video()?;
        self.select(&[track]);
        Some(track)
    }

    /// Selects only the first audio track and returns its number; `None` if there is none, which
    /// leaves the selection unchanged.
    fn select_audio(&mut self) -> Option<usize> {
        let (track, _) = self.audio()?;
        self.select(&[track]);
        Some(track)
    }

    /// Reads the next packet into `packet`, reusing its memory; `false` at the end. Packets of
    /// several tracks are in file order.
    ///
    /// # Errors
    /// [`crate::Error::Io`], [`crate::Error::Corrupt`] and [`crate::Error::Limit`]. All previous
    /// packets are valid. After an error about a time that goes backwards the next call continues
    /// with the following packet; after all other errors it returns `false`.
    fn read(&mut self, packet: &mut CodedPacket) -> Result<bool>;
}

/// Writes coded packets.
pub trait PacketWriter: Send {
    /// Writes a packet. Some formats keep it until the next one arrives. Packets of different
    /// tracks may be written in any order.
    ///
    /// # Errors
    /// [`crate::Error::Io`], and [`crate::Error::Unsupported`] for packets that the format cannot
    /// hold, such as times that go backwards.
    fn write(&mut self, packet: PacketRef<'_>) -> Result<()>;

    /// Writes buffered packets and patches headers if the output can seek. Without this call the
    /// file lacks its last packet, sizes and index.
    ///
    /// # Errors
    /// [`crate::Error::Io`].
    fn finish(&mut self) -> Result<()>;
}

/// Position of the chroma samples between the luma samples, as in y4m.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChromaSiting {
    /// Not specified (`C420` or no tag).
    #[default]
    Unspecified,
    /// Centred (`C420jpeg`).
    Jpeg,
    /// Level with the left luma samples (`C420mpeg2`).
    Mpeg2,
    /// As in PAL DV (`C420paldv`).
    PalDv,
}

/// A stream of raw frames.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PictureStream {
    /// Format of the file.
    pub format: Format,
    /// Size of every frame.
    pub size: Size,
    /// Layout of the samples.
    pub pixels: PixelFormat,
    /// Position of the chroma samples.
    pub siting: ChromaSiting,
    /// Seconds per tick.
    pub time_base: Rational,
    /// Frames per second, if stated.
    pub frame_rate: Option<Rational>,
    /// Number of frames, if known from the file size.
    pub picture_count: Option<u64>,
    /// Colours, pixel aspect, rotation: the same for every frame.
    pub info: PictureInfo,
    /// Warnings for the user.
    pub warnings: Vec<Warning>,
}

impl PictureStream {
    /// Planar frames of `size` at `frame_rate`, with defaults for all else.
    #[must_use]
    pub fn new(format: Format, size: Size, frame_rate: Rational) -> Self {
        Self {
            format,
            size,
            pixels: PixelFormat::I420,
            siting: ChromaSiting::Unspecified,
            time_base: frame_rate.inverse(),
            frame_rate: Some(frame_rate),
            picture_count: None,
            info: PictureInfo::default(),
            warnings: Vec::new(),
        }
    }
}

/// A raw frame in the memory of its reader.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct TimedPicture<'a> {
    /// The samples, with the stream's colours, aspect and rotation.
    pub picture: Picture<'a>,
    /// Presentation time in ticks of the stream.
    pub pts: i64,
    /// Duration in ticks, if known.
    pub duration: Option<u64>,
    /// Number of the frame, from 0.
    pub index: u64,
}

/// Reads raw frames.
pub trait PictureReader: Send {
    /// Description of the stream.
    fn stream(&self) -> &PictureStream;

    /// Reads the next frame into memory that the next call reuses; `None` at the end.
    ///
    /// # Errors
    /// [`crate::Error::Io`] and [`crate::Error::Corrupt`], which names the frame. All previous
    /// frames are valid; the next call returns `None`.
    fn read(&mut self) -> Result<Option<TimedPicture<'_>>>;
}

/// Writes raw frames.
pub trait PictureWriter: Send {
    /// Writes a frame.
    ///
    /// # Errors
    /// [`crate::Error::Io`], and [`crate::Error::Unsupported`] if its size is not the stream's.
    fn write(&mut self, picture: &Picture<'_>) -> Result<()>;

    /// Writes buffered data.
    ///
    /// # Errors
    /// [`crate::Error::Io`].
    fn finish(&mut self) -> Result<()>;
}
