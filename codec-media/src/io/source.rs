//! The interface of video inputs.

use codec_core::frame::{Picture, PictureInfo, Rational, SampleFormat, Size};

use crate::count::counted;
use crate::failure::Result;

/// Properties known before the first frame.
#[derive(Clone, Debug)]
pub struct StreamInfo {
    /// Size of the first frame.
    pub size: Size,
    /// Seconds per tick.
    pub time_base: Rational,
    /// Frames per second: stated, or estimated from the first timestamps.
    pub frame_rate: Rational,
    /// Number of frames, if stated or implied by the file size; used for progress.
    pub count: Option<u64>,
    /// Depth and sampling of the first frame.
    pub samples: SampleFormat,
    /// Colour description, aspect ratio and field order of the first frame.
    pub info: PictureInfo,
    /// `y4m`, `vp8 in webm`.
    pub kind: String,
    /// The title of the track, if stated.
    pub title: Option<String>,
}

/// A frame with its time.
#[derive(Clone, Copy, Debug)]
pub struct SourceFrame<'a> {
    /// The frame.
    pub picture: Picture<'a>,
    /// Presentation time in ticks.
    pub pts: i64,
    /// Duration in ticks.
    pub duration: Option<u64>,
}

/// The extent of damage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Damage {
    /// Packets that decoded to no frame.
    pub lost_packets: u64,
    /// Frames that were partly concealed.
    pub concealed_frames: u64,
    /// Frames with a reference that was not received and is replaced by another frame.
    pub replaced_references: u64,
    pub(crate) concealed_mbs: u64,
    pub(crate) total_mbs: u64,
}

impl Damage {
    /// Adds the damage of another input.
    pub(crate) fn add(&mut self, other: Self) {
        self.lost_packets += other.lost_packets;
        self.concealed_frames += other.concealed_frames;
        self.replaced_references += other.replaced_references;
        self.concealed_mbs += other.concealed_mbs;
        self.total_mbs += other.total_mbs;
    }

    /// Describes the damage, for messages.
    pub fn text(self) -> String {
        let mut parts = Vec::new();
        if self.lost_packets > 0 {
            let packets = counted(self.lost_packets, "packet");
            parts.push(format!("{packets} could not be decoded"));
        }
        if self.concealed_frames > 0 {
            let (frames, share) = (counted(self.concealed_frames, "frame"), self.concealed_pct());
            parts.push(format!("{frames} partly concealed: {share:.2} % of all macroblocks"));
        }
        if self.replaced_references > 0 {
            let frames = counted(self.replaced_references, "frame");
            parts.push(format!("{frames} predicted from substitutes for lost references"));
        }
        parts.join("; ")
    }

    /// Whether anything was damaged.
    pub fn is_some(self) -> bool {
        self.lost_packets + self.concealed_frames + self.replaced_references > 0
    }

    /// Share of concealed macroblocks, in percent.
    #[expect(clippy::cast_precision_loss, reason = "a report")]
    pub fn concealed_pct(self) -> f64 {
        100.0 * self.concealed_mbs as f64 / self.total_mbs.max(1) as f64
    }
}

/// The frames that a conversion of the frame rate dropped and repeated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are sufficient")]
pub struct RateChanges {
    pub dropped: u64,
    pub repeated: u64,
}

impl RateChanges {
    /// A part of a message.
    #[must_use]
    pub fn text(self) -> String {
        format!("{} dropped and {} repeated by --fps", self.dropped, self.repeated)
    }
}

/// Returns frames one after another.
pub trait FrameSource {
    /// Description of the stream.
    fn stream_info(&self) -> &StreamInfo;

    /// Waits at most `most` for a frame and returns whether one is available. Only capture devices
    /// wait; other sources always have one.
    ///
    /// # Errors
    /// If the input is damaged or cannot be read.
    #[cfg(feature = "net")]
    fn wait(&mut self, _most: std::time::Duration) -> Result<bool> {
        Ok(true)
    }

    /// The next frame, in memory that the next call reuses.
    ///
    /// # Errors
    /// If the input is damaged or cannot be read.
    fn next(&mut self) -> Result<Option<SourceFrame<'_>>>;

    /// The damage so far.
    fn damage(&self) -> Damage {
        Damage::default()
    }

    /// Coded bytes read so far; 0 for raw video.
    fn coded_bytes(&self) -> u64 {
        0
    }

    /// For a part of an input: the time of its first frame in the input, in nanoseconds.
    fn start_ns(&self) -> Option<i64> {
        None
    }

    /// The changes so far if the frame rate is converted.
    fn rate_changes(&self) -> Option<RateChanges> {
        None
    }
}
