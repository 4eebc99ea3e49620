//! Each frame from the encoder to the screen: its size, losses, times and quality.

use std::time::Duration;

use codec_core::metrics::Psnr;

/// Quality of a frame compared with its source.
#[derive(Clone, Copy, Debug)]
pub(super) struct Score {
    pub(super) psnr: Psnr,
    pub(super) ssim: f64,
}

/// An encoded frame at the sender.
#[derive(Clone, Copy, Debug)]
pub(super) struct Coded {
    pub(super) is_key: bool,
    /// Whether the receiver requested this key frame.
    pub(super) requested: bool,
    pub(super) layer: u8,
    pub(super) qindex: u8,
    pub(super) bytes: u64,
    pub(super) packets: u64,
    /// Digest of the reconstruction.
    pub(super) digest: u64,
    /// Quality of the reconstruction.
    pub(super) score: Score,
}

/// A frame at the receiver.
#[derive(Clone, Copy, Debug)]
pub(super) struct Received {
    /// Arrival time of its last packet.
    pub(super) arrived: Duration,
    pub(super) complete: bool,
    /// Whether it is decodable according to the descriptors.
    pub(super) decodable: bool,
    /// Missing packets, including packets of lost frames before this one.
    pub(super) missing_packets: u64,
}

/// A decoded frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decoded {
    pub(super) ready: Duration,
    pub(super) concealed_mbs: u32,
    /// Whether it differs from the encoder's reconstruction.
    pub(super) damaged: bool,
    /// When it was shown; `None` if a newer frame was already available.
    pub(super) shown: Option<Duration>,
}

/// The viewer's screen when the frame is due.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    /// Number of the visible frame.
    pub(super) frame: usize,
    pub(super) score: Score,
}

/// A source frame and its way to the viewer.
#[derive(Clone, Copy, Debug)]
pub(super) struct FrameRecord {
    pub(super) pts: i64,
    pub(super) capture: Duration,
    /// Capture time plus playout delay.
    pub(super) due: Duration,
    pub(super) dropped: Option<&'static str>,
    pub(super) coded: Option<Coded>,
    /// When its last packet entered the link.
    pub(super) sent: Option<Duration>,
    pub(super) received: Option<Received>,
    pub(super) decoded: Option<Decoded>,
    pub(super) seen: Option<Seen>,
}

/// The outcome of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Shown when due, identical to the encoder's reconstruction.
    Clean,
    /// Shown after it was due, identical to the encoder's reconstruction.
    Late,
    /// Shown, but different from the encoder's reconstruction.
    Damaged,
    /// Decoded, but a newer frame was shown instead.
    Skipped,
    /// Sent, but not shown.
    Lost,
    /// Dropped by the encoder.
    Dropped,
}

impl Fate {
    pub(super) const ALL: [Self; 6] =
        [Self::Clean, Self::Late, Self::Damaged, Self::Skipped, Self::Lost, Self::Dropped];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Late => "late",
            Self::Damaged => "damaged",
            Self::Skipped => "skipped",
            Self::Lost => "lost",
            Self::Dropped => "dropped",
        }
    }
}

impl FrameRecord {
    pub(super) fn new(pts: i64, capture: Duration, due: Duration) -> Self {
        Self {
            pts,
            capture,
            due,
            dropped: None,
            coded: None,
            sent: None,
            received: None,
            decoded: None,
            seen: None,
        }
    }

    pub(super) fn shown(&self) -> Option<Duration> {
        self.decoded.and_then(|decoded| decoded.shown)
    }

    /// Delay from capture to display.
    pub(super) fn delay(&self) -> Option<Duration> {
        Some(self.shown()?.saturating_sub(self.capture))
    }

    pub(super) fn fate(&self) -> Fate {
        if self.coded.is_none() {
            return Fate::Dropped;
        }
        match self.decoded {
            None => Fate::Lost,
            Some(Decoded { shown: None, .. }) => Fate::Skipped,
            Some(Decoded { damaged: true, .. }) => Fate::Damaged,
            Some(Decoded { shown: Some(at), .. }) if at > self.due => Fate::Late,
            Some(_) => Fate::Clean,
        }
    }
}
