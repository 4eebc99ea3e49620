//! What passes through readers and writers: coded packets, raw pictures and what is known of them.

use codec_core::frame::{Picture, PictureInfo, PixelFormat, Rational, Size};

use crate::{AudioTrack, Format, PayloadFacts, Result, SkippedTrack, Track, VideoTrack};

/// Something about a file that the user should know and that is no error.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// The video has an alpha channel, which is left out.
    AlphaIgnored,
    /// Tracks that the reader does not look at because there are too many.
    TracksIgnored {
        /// How many.
        count: usize,
    },
    /// Chapters, attachments or tags that are not delivered; the text names them.
    MetadataSkipped(String),
    /// A track that is not delivered; see [`PacketReader::skipped`].
    TrackSkipped(SkippedTrack),
    /// The header has no usable frame rate or time base; this one is assumed.
    TimeBaseAssumed(Rational),
    /// The header states more bytes of sound than there are.
    SizeLies {
        /// Bytes that the header states.
        stated: u64,
        /// Bytes that there are.
        there: u64,
    },
    /// An edit list or a delay that times do not follow.
    EditsIgnored,
    /// A crop rectangle in the header is left out.
    CropIgnored,
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AlphaIgnored => f.write_str("the alpha channel is left out"),
            Self::TracksIgnored { count: 1 } => f.write_str("skipped one further track"),
            Self::TracksIgnored { count } => write!(f, "skipped {count} further tracks"),
            Self::MetadataSkipped(what) => write!(f, "skipped {what}"),
            Self::TrackSkipped(track) => write!(f, "skipped {track}"),
            Self::TimeBaseAssumed(base) => {
                write!(f, "the header gives no time base; {base} s is assumed")
            }
            Self::SizeLies { stated, there } => {
                write!(f, "the header states {stated} bytes of sound, and there are {there}")
            }
            Self::EditsIgnored => f.write_str("the edit list is left out"),
            Self::CropIgnored => f.write_str("the crop rectangle is left out"),
        }
    }
}

/// One coded packet, in memory that is used again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CodedPacket {
    /// The payload.
    pub data: Vec<u8>,
    /// Which of [`PacketReader::tracks`] it belongs to.
    pub track: usize,
    /// Presentation time in ticks of the track. Of sound: that of the first sample that a decoder
    /// gives for the packet, the delay of the codec taken off; below 0 while that delay lasts.
    pub pts: i64,
    /// Duration in ticks, where stated.
    pub duration: Option<u64>,
    /// Whether the container, or else the payload, marks it as decodable alone.
    pub key: bool,
    /// `false` for a frame that is decoded and not shown (VP8 altref).
    pub shown: bool,
    /// Counts the packets of the track from 0.
    pub index: u64,
    /// Where the payload begins, in bytes from the start of the file.
    pub offset: u64,
    /// Decoded samples to throw away at the start of the packet, at the track's rate.
    pub trim_start: u32,
    /// Decoded samples to throw away at the end of the packet, at the track's rate. The duration
    /// does not count them.
    pub trim_end: u32,
    /// Packets are missing before this one, or another stream begins with it (chained Ogg): what a
    /// decoder has learnt does not fit.
    pub after_gap: bool,
}

impl CodedPacket {
    /// A borrowed view, for a writer.
    #[must_use]
    pub fn as_ref(&self) -> PacketRef<'_> {
        let &Self { ref data, track, pts, duration, key, shown, trim_end, .. } = self;
        PacketRef { data, track, pts, duration, key, shown, trim_end }
    }

    /// Everything but the payload as in a plain packet of track 0.
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
    /// Which of the writer's tracks it belongs to.
    pub track: usize,
    /// Presentation time in ticks of [`Track::time_base`]; not before that of the packet before of
    /// the same track. Of sound as in [`CodedPacket::pts`].
    pub pts: i64,
    /// Duration in ticks, where known.
    pub duration: Option<u64>,
    /// Decodable alone.
    pub key: bool,
    /// `false` for a frame that is decoded and not shown.
    pub shown: bool,
    /// Decoded samples at the end of the packet that are not part of the sound, at the track's
    /// rate; [`Self::duration`] does not count them.
    pub trim_end: u32,
}

impl Default for PacketRef<'_> {
    /// An empty packet of track 0 at time 0 that is decodable alone and shown.
    fn default() -> Self {
        Self { data: &[], track: 0, pts: 0, duration: None, key: true, shown: true, trim_end: 0 }
    }
}

/// Reads coded packets.
pub trait PacketReader: Send {
    /// The tracks of the file that are pictures or sound of a known codec; at least one.
    fn tracks(&self) -> &[Track];

    /// Delivers only packets of these tracks from the next packet on; numbers that no track has
    /// mean nothing. Without this call all tracks are delivered.
    fn select(&mut self, tracks: &[usize]);

    /// The tracks of the file that are not in [`Self::tracks`] because they cannot be read: of
    /// other codecs, encrypted, damaged, subtitles, data.
    fn skipped(&self) -> Vec<&SkippedTrack> {
        let warnings = self.tracks().iter().flat_map(|track| track.warnings());
        let skipped = warnings.filter_map(|warning| match warning {
            Warning::TrackSkipped(track) => Some(track),
            _ => None,
        });
        skipped.collect()
    }

    /// The first track of pictures and its number.
    fn video(&self) -> Option<(usize, &VideoTrack)> {
        self.tracks().iter().enumerate().find_map(|(at, track)| Some((at, track.video()?)))
    }

    /// The first track of sound and its number.
    fn audio(&self) -> Option<(usize, &AudioTrack)> {
        self.tracks().iter().enumerate().find_map(|(at, track)| Some((at, track.audio()?)))
    }

    /// Delivers only the first track of pictures and returns its number; `None` if there is none
    /// (then the selection is as before).
    fn select_video(&mut self) -> Option<usize> {
        let (track, _) = self.video()?;
        self.select(&[track]);
        Some(track)
    }

    /// Delivers only the first track of sound and returns its number; `None` if there is none
    /// (then the selection is as before).
    fn select_audio(&mut self) -> Option<usize> {
        let (track, _) = self.audio()?;
        self.select(&[track]);
        Some(track)
    }

    /// Reads the next packet into `packet`, whose memory is used again; `false` at the end.
    /// Packets of several tracks come in the order of the file.
    ///
    /// # Errors
    /// [`crate::Error::Io`], [`crate::Error::Corrupt`] and [`crate::Error::Limit`]. All packets
    /// before were good. After an error over a time that goes backwards the next call goes on with
    /// the packet after it; after all others it returns `false`.
    fn read(&mut self, packet: &mut CodedPacket) -> Result<bool>;
}

/// Writes coded packets.
pub trait PacketWriter: Send {
    /// Writes a packet. Some formats keep it until the next one comes. The tracks' packets may come
    /// in any order between tracks.
    ///
    /// # Errors
    /// [`crate::Error::Io`], and [`crate::Error::Unsupported`] for what the format cannot hold,
    /// such as times that go backwards.
    fn write(&mut self, packet: PacketRef<'_>) -> Result<()>;

    /// Writes what is left and patches headers where the output can seek. Without this call the
    /// file misses its last packet, sizes and index.
    ///
    /// # Errors
    /// [`crate::Error::Io`].
    fn finish(&mut self) -> Result<()>;
}

/// Where the chroma samples lie between the luma samples, as y4m tells it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChromaSiting {
    /// Not said (`C420` or no tag).
    #[default]
    Unspecified,
    /// Centred (`C420jpeg`).
    Jpeg,
    /// Level with the left luma samples (`C420mpeg2`).
    Mpeg2,
    /// As in PAL DV (`C420paldv`).
    PalDv,
}

/// A stream of raw pictures.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PictureStream {
    /// Where it comes from.
    pub format: Format,
    /// Size of every picture.
    pub size: Size,
    /// How the samples lie.
    pub pixels: PixelFormat,
    /// Where the chroma samples lie.
    pub siting: ChromaSiting,
    /// Seconds per tick.
    pub time_base: Rational,
    /// Frames per second, where stated.
    pub frame_rate: Option<Rational>,
    /// Number of pictures, where known from the size of the file.
    pub picture_count: Option<u64>,
    /// Colours, pixel aspect, rotation: the same for every picture.
    pub info: PictureInfo,
    /// What the user should know.
    pub warnings: Vec<Warning>,
}

impl PictureStream {
    /// Planar pictures of `size` at `frame_rate`, of which nothing else is known.
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

/// A raw picture in the memory of its reader.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct TimedPicture<'a> {
    /// The samples, with the stream's colours, aspect and rotation.
    pub picture: Picture<'a>,
    /// Presentation time in ticks of the stream.
    pub pts: i64,
    /// Duration in ticks, where known.
    pub duration: Option<u64>,
    /// Counts the pictures from 0.
    pub index: u64,
}

/// Reads raw pictures.
pub trait PictureReader: Send {
    /// The stream.
    fn stream(&self) -> &PictureStream;

    /// Reads the next picture into memory that the next call uses again; `None` at the end.
    ///
    /// # Errors
    /// [`crate::Error::Io`] and [`crate::Error::Corrupt`], which names the frame. All pictures
    /// before were good; the next call returns `None`.
    fn read(&mut self) -> Result<Option<TimedPicture<'_>>>;
}

/// Writes raw pictures.
pub trait PictureWriter: Send {
    /// Writes a picture.
    ///
    /// # Errors
    /// [`crate::Error::Io`], and [`crate::Error::Unsupported`] if its size is not the stream's.
    fn write(&mut self, picture: &Picture<'_>) -> Result<()>;

    /// Writes what is left.
    ///
    /// # Errors
    /// [`crate::Error::Io`].
    fn finish(&mut self) -> Result<()>;
}
