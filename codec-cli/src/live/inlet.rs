//! The way in: what comes, in the order in which it is to be decoded.

use std::time::Duration;

use codec_container::{AudioTrack, VideoTrack};
use codec_rtc::sframe::OpenCounters;

use crate::failure::{Failure, Result};

/// Tracks that a sender announces; the format is that of no file.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Announced {
    pub(crate) video: Option<VideoTrack>,
    pub(crate) sound: Option<AudioTrack>,
}

/// When something was captured, and when it came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Times {
    /// Wall time of the capture, NTP, as it stands beside the media.
    pub(crate) captured: Option<u64>,
    /// The same by the sender's reports, which may be of another clock.
    pub(crate) reported: Option<u64>,
    /// When it was there completely, by our clock.
    pub(crate) arrived: Option<Duration>,
}

/// A coded frame.
#[derive(Clone, Debug)]
pub(crate) struct InFrame {
    pub(crate) data: Vec<u8>,
    pub(crate) key: bool,
    pub(crate) shown: bool,
    /// In ticks of its track. Times of picture and sound are on one time line.
    pub(crate) pts: i64,
    pub(crate) times: Times,
    /// What the way in knows it by.
    pub(crate) handle: u64,
}

/// A packet of sound.
#[derive(Clone, Debug)]
pub(crate) struct InSound {
    pub(crate) data: Vec<u8>,
    pub(crate) pts: i64,
    pub(crate) times: Times,
}

/// What comes.
#[derive(Clone, Debug)]
pub(crate) enum InletEvent {
    Listening(String),
    /// Somebody sends; where from.
    Begins(Box<Announced>, String),
    Frame(InFrame),
    Sound(InSound),
    /// Something of the pictures is missing: the next frame may need it.
    Gap,
    /// The sender is done, and says why.
    End(String),
    /// The connection is.
    Failed(Failure),
    Note(String),
}

/// What of the network is told to the user.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct InletFigures {
    /// All that came on the connection: datagrams or messages, and their bytes.
    pub(crate) packets_received: u64,
    pub(crate) bytes_received: u64,
    /// Of the pictures.
    pub(crate) video: StreamIn,
    /// Of the sound.
    pub(crate) sound: StreamIn,
    pub(crate) round_trip: Option<Duration>,
    pub(crate) freezes: u64,
    pub(crate) frozen: Duration,
    pub(crate) jitter_buffer: Option<Duration>,
    /// What became of sealed frames and sound, where they are to be.
    pub(crate) sealed: Option<OpenCounters>,
}

/// One stream on its way in, as getStats counts it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct StreamIn {
    /// With what was sent again and with correction, and bytes of their payloads.
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
    /// Headers and padding, where they are known.
    pub(crate) header_bytes: Option<u64>,
    /// Negative where duplicates came.
    pub(crate) lost: i64,
    /// Packets that came too late.
    pub(crate) discarded: u64,
    pub(crate) jitter: Option<Duration>,
    /// What of it was sent again, and correction, where these are told apart.
    pub(crate) repair: Option<Repair>,
    /// Packets that were made of correction, or came as copies in others.
    pub(crate) fec_recovered: u64,
    /// Requests.
    pub(crate) nacks: u64,
    pub(crate) key_requests: u64,
}

/// Packets of a stream that repair it, and their bytes of payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Repair {
    pub(crate) retransmitted: u64,
    pub(crate) retransmitted_bytes: u64,
    pub(crate) fec: u64,
    pub(crate) fec_bytes: u64,
}

/// What became of a frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome {
    pub(crate) decoded: bool,
    /// Time in the decoder.
    pub(crate) took: Duration,
    /// From capture to now, where both clocks are one.
    pub(crate) delay: Option<Duration>,
}

/// Receives coded media.
pub(crate) trait Inlet {
    /// The next thing that comes within `timeout`.
    fn next(&mut self, timeout: Duration) -> Option<InletEvent>;

    /// A frame went through the decoder, or into a file.
    fn done(&mut self, now: Duration, frame: &InFrame, outcome: &Outcome);

    /// A key frame is needed.
    fn ask_for_key(&mut self);

    fn figures(&self) -> InletFigures;

    /// Says goodbye.
    fn finish(self: Box<Self>, reason: &str) -> Result<()>;
}
