//! What passes through readers and writers: coded packets, raw pictures and what is known of them.

use std::borrow::Cow;

use codec_core::codec::Codec;
use codec_core::frame::{
    Picture, PictureInfo, PixelFormat, Rational, Size, TransferCharacteristics,
};

use crate::{Error, Format, PayloadFacts, Result};

/// Something about a file that the user should know and that is no error.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// The video has an alpha channel, which is left out.
    AlphaIgnored,
    /// Tracks that were left out: sound, subtitles, further video.
    TracksIgnored {
        /// How many.
        count: usize,
    },
    /// The header has no usable frame rate or time base; this one is assumed.
    TimeBaseAssumed(Rational),
    /// An edit list or a delay that times do not follow.
    EditsIgnored,
    /// A crop rectangle in the header is left out.
    CropIgnored,
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AlphaIgnored => f.write_str("the alpha channel is left out"),
            Self::TracksIgnored { count: 1 } => f.write_str("one further track is left out"),
            Self::TracksIgnored { count } => write!(f, "{count} further tracks are left out"),
            Self::TimeBaseAssumed(base) => {
                write!(f, "the header gives no time base; {base} s is assumed")
            }
            Self::EditsIgnored => f.write_str("the edit list is left out"),
            Self::CropIgnored => f.write_str("the crop rectangle is left out"),
        }
    }
}

/// A stream of coded packets.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamInfo {
    /// Where it comes from.
    pub format: Format,
    /// How it is coded.
    pub codec: Codec,
    /// Size that the container states; the coded frames have the last word.
    pub size: Size,
    /// Seconds per tick: the unit of all times and durations of the stream.
    pub time_base: Rational,
    /// Frames per second, where stated.
    pub frame_rate: Option<Rational>,
    /// Number of packets, where stated (not to be relied on).
    pub packet_count: Option<u64>,
    /// Duration in ticks, where stated (not to be relied on).
    pub duration: Option<u64>,
    /// Colours, pixel aspect, rotation.
    pub info: PictureInfo,
    /// Set-up data of the codec (for H.264: an `avcC` record); empty for VP8.
    pub codec_private: Vec<u8>,
    /// What the user should know.
    pub warnings: Vec<Warning>,
    /// What of it encoders cannot take; see [`Self::check_supported`].
    pub(crate) refusals: Vec<Cow<'static, str>>,
}

impl StreamInfo {
    /// A stream of which nothing else is known: for writers.
    #[must_use]
    pub fn new(format: Format, codec: Codec, size: Size, time_base: Rational) -> Self {
        Self {
            format,
            codec,
            size,
            time_base,
            frame_rate: None,
            packet_count: None,
            duration: None,
            info: PictureInfo::default(),
            codec_private: Vec::new(),
            warnings: Vec::new(),
            refusals: Vec::new(),
        }
    }

    /// Nothing, if the pictures are progressive, of 8 bits, 4:2:0 and standard dynamic range as
    /// far as the container tells. Readers open other streams too, so that they can be described.
    ///
    /// # Errors
    /// [`Error::Unsupported`], which names the first thing that is not.
    pub fn check_supported(&self) -> Result<()> {
        match self.refusals.first() {
            Some(what) => Err(Error::unsupported(self.format, what.clone())),
            None => Ok(()),
        }
    }

    pub(crate) fn refuse(&mut self, what: impl Into<Cow<'static, str>>) {
        self.refusals.push(what.into());
    }

    pub(crate) fn refuse_hdr(&mut self) {
        match self.info.color.transfer {
            TransferCharacteristics::PQ => self.refuse("high dynamic range (PQ) is"),
            TransferCharacteristics::HLG => self.refuse("high dynamic range (HLG) is"),
            _ => {}
        }
    }
}

/// One coded packet, in memory that is used again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CodedPacket {
    /// The payload.
    pub data: Vec<u8>,
    /// Presentation time in ticks of the stream.
    pub pts: i64,
    /// Duration in ticks, where stated.
    pub duration: Option<u64>,
    /// Whether the container, or else the payload, marks it as decodable alone.
    pub key: bool,
    /// `false` for a frame that is decoded and not shown (VP8 altref).
    pub shown: bool,
    /// Counts the packets of the stream from 0.
    pub index: u64,
    /// Where the payload begins, in bytes from the start of the file.
    pub offset: u64,
}

impl CodedPacket {
    /// A borrowed view, for a writer.
    #[must_use]
    pub fn as_ref(&self) -> PacketRef<'_> {
        let &Self { ref data, pts, duration, key, shown, .. } = self;
        PacketRef { data, pts, duration, key, shown }
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
    /// Presentation time in ticks of [`StreamInfo::time_base`]; not before the previous one's.
    pub pts: i64,
    /// Duration in ticks, where known.
    pub duration: Option<u64>,
    /// Decodable alone.
    pub key: bool,
    /// `false` for a frame that is decoded and not shown.
    pub shown: bool,
}

/// Reads coded packets.
pub trait PacketReader: Send {
    /// The stream.
    fn stream(&self) -> &StreamInfo;

    /// Reads the next packet into `packet`, whose memory is used again; `false` at the end.
    ///
    /// # Errors
    /// [`crate::Error::Io`], [`crate::Error::Corrupt`] and [`crate::Error::Limit`]. All packets
    /// before were good. After an error over a time that goes backwards the next call goes on with
    /// the packet after it; after all others it returns `false`.
    fn read(&mut self, packet: &mut CodedPacket) -> Result<bool>;
}

/// Writes coded packets.
pub trait PacketWriter: Send {
    /// Writes a packet. Some formats keep it until the next one comes.
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
