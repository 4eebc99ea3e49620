//! What became of each picture.

use std::time::Duration;

use codec_core::metrics::Psnr;

/// How good a picture looks beside its source.
#[derive(Clone, Copy, Debug)]
pub(super) struct Score {
    pub(super) psnr: Psnr,
    pub(super) ssim: f64,
}

/// A coded frame on the sender's side.
#[derive(Clone, Copy, Debug)]
pub(super) struct Coded {
    pub(super) is_key: bool,
    /// The key frame was asked for.
    pub(super) requested: bool,
    pub(super) layer: u8,
    pub(super) qindex: u8,
    pub(super) bytes: u64,
    pub(super) packets: u64,
    /// Digest of the reconstruction.
    pub(super) digest: u64,
    /// Of the reconstruction.
    pub(super) score: Score,
}

/// What came of a frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Received {
    /// When its last packet came.
    pub(super) arrived: Duration,
    pub(super) complete: bool,
    /// By the descriptors.
    pub(super) decodable: bool,
    /// Packets missing, those of frames lost before it included.
    pub(super) missing_packets: u64,
}

/// A picture that came out of the decoder.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decoded {
    pub(super) ready: Duration,
    pub(super) concealed_mbs: u32,
    /// It is not what the encoder reconstructed.
    pub(super) damaged: bool,
    /// When it was shown; `None`: a newer one was there by then.
    pub(super) shown: Option<Duration>,
}

/// What the viewer sees when the picture is due.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    /// Number of the picture that is seen.
    pub(super) frame: usize,
    pub(super) score: Score,
}

/// A picture of the source, and its way.
#[derive(Clone, Copy, Debug)]
pub(super) struct FrameRecord {
    pub(super) pts: i64,
    pub(super) capture: Duration,
    /// Capture and playout.
    pub(super) due: Duration,
    pub(super) dropped: Option<&'static str>,
    pub(super) coded: Option<Coded>,
    /// When its last packet went on the link.
    pub(super) sent: Option<Duration>,
    pub(super) received: Option<Received>,
    pub(super) decoded: Option<Decoded>,
    pub(super) seen: Option<Seen>,
}

/// The one word for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Shown when due, as the encoder made it.
    Clean,
    /// Shown as the encoder made it, but after it was due.
    Late,
    /// Shown, and not what the encoder made.
    Damaged,
    /// Decoded, but a newer picture was there to be shown.
    Skipped,
    /// Sent, and nothing was shown of it.
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

    /// From capture to display.
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
