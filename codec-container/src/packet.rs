//! Coded packets, and the traits of their readers and writers.

use crate::{
    AudioTrack, FileMetadata, PayloadInfo, Result, SkippedTrack, Track, VideoTrack, Warning,
};

/// One coded packet, in reusable memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CodedPacket {
    /// The payload.
    pub data: Vec<u8>,
    /// Index into [`PacketReader::tracks`].
    pub track: usize,
    /// Presentation time in ticks of the track. For audio, the time of the first decoded sample
    /// minus the codec delay: times are negative during that delay.
    pub pts: i64,
    /// Decoding time of video in ticks, if the container states it.
    pub dts: Option<i64>,
    /// Duration in ticks, if stated.
    pub duration: Option<u64>,
    /// Whether the container, or else the payload, marks it as a key frame.
    pub key: bool,
    /// `false` for a frame that is decoded but not shown (VP8 altref, frames outside of an edit).
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
    /// Whether packets are missing before this one, or another stream begins with it (chained Ogg).
    /// The decoder must then not use its earlier state.
    pub after_gap: bool,
}

impl CodedPacket {
    /// A borrowed view, for a writer.
    #[must_use]
    pub fn as_ref(&self) -> PacketRef<'_> {
        let &Self { ref data, track, pts, dts, duration, key, shown, .. } = self;
        let &Self { trim_start, trim_end, .. } = self;
        PacketRef { data, track, pts, dts, duration, key, shown, trim_start, trim_end }
    }

    /// Sets all fields except the payload to the values of a plain packet of track 0.
    pub(crate) fn reset(&mut self) {
        let data = std::mem::take(&mut self.data);
        *self = Self { data, key: true, shown: true, ..Self::default() };
    }

    pub(crate) fn set_payload_info(&mut self, info: PayloadInfo) {
        self.key = info.key;
        self.shown = info.shown;
    }
}

/// A packet to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketRef<'a> {
    /// The payload.
    pub data: &'a [u8],
    /// Index of the writer's track.
    pub track: usize,
    /// Presentation time in ticks of [`Track::time_base`]; not before the time of the previous
    /// packet of the track, unless the packets have decoding times. For audio as in [`CodedPacket::pts`].
    pub pts: i64,
    /// Decoding time in ticks, which is not before the decoding time of the previous packet of the track and not
    /// after `pts`; `None` if it is unknown, or equals `pts` in a stream without B frames. MP4
    /// stores decoding times. If a packet of a track has none, MP4 writers derive them from the
    /// presentation times.
    pub dts: Option<i64>,
    /// Duration in ticks, if known.
    pub duration: Option<u64>,
    /// Whether the packet is a key frame.
    pub key: bool,
    /// `false` for a frame that is decoded but not shown.
    pub shown: bool,
    /// Decoded samples at the start of the packet that are not part of the audio, at the track's
    /// rate: the samples of the codec delay, which WebM and Matroska also state in each block.
    pub trim_start: u32,
    /// Decoded samples at the end of the packet that are not part of the audio, at the track's
    /// rate; [`Self::duration`] does not include them.
    pub trim_end: u32,
}

impl Default for PacketRef<'_> {
    /// An empty packet of track 0 at time 0 that is a shown key frame.
    fn default() -> Self {
        Self {
            data: &[],
            track: 0,
            pts: 0,
            dts: None,
            duration: None,
            key: true,
            shown: true,
            trim_start: 0,
            trim_end: 0,
        }
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

    /// Tags and chapters of the whole file that come before the first packet.
    fn metadata(&self) -> &FileMetadata {
        const { &FileMetadata::NONE }
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
    /// packets are valid. After an error about a time that goes backwards, or about data that a
    /// transport stream has lost, the next call continues with the following packet; after all other
    /// errors it returns `false`.
    fn read(&mut self, packet: &mut CodedPacket) -> Result<bool>;

    /// Moves to the last key frame of `track` that is presented at or before `time`, in ticks of
    /// the track, by the index of the file; for audio, to a packet at or before `time`. Without
    /// such a frame it moves to the first packet. The other selected tracks continue at about the
    /// same time.
    ///
    /// `false` means that the reader cannot seek, because the input is a pipe or has no index; it
    /// has not moved. The index is not verified: the next packet may be later than `time`, or no
    /// key frame. The caller can then try an earlier time.
    ///
    /// # Errors
    /// [`crate::Error::Io`].
    fn seek(&mut self, _track: usize, _time: i64) -> Result<bool> {
        Ok(false)
    }
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
