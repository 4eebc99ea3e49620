//! The way in: what comes, in the order in which it is to be decoded.

use std::time::Duration;

use codec_container::{AudioTrack, VideoTrack};

use crate::failure::{Failure, Result};

/// Tracks that a sender announces; the format is that of no file.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Announced {
    pub(crate) video: Option<VideoTrack>,
    pub(crate) sound: Option<AudioTrack>,
}

/// A coded frame.
#[derive(Clone, Debug)]
pub(crate) struct InFrame {
    pub(crate) data: Vec<u8>,
    pub(crate) key: bool,
    pub(crate) shown: bool,
    /// In ticks of its track. Times of picture and sound are on one time line.
    pub(crate) pts: i64,
    /// Wall time of the capture, NTP.
    pub(crate) captured: Option<u64>,
    /// What the way in knows it by.
    pub(crate) handle: u64,
}

/// A packet of sound.
#[derive(Clone, Debug)]
pub(crate) struct InSound {
    pub(crate) data: Vec<u8>,
    pub(crate) pts: i64,
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
    pub(crate) packets_received: u64,
    pub(crate) bytes_received: u64,
    pub(crate) packets_lost: u64,
    pub(crate) packets_discarded: u64,
    pub(crate) retransmitted: u64,
    pub(crate) fec_recovered: u64,
    pub(crate) nacks: u64,
    pub(crate) key_requests: u64,
    pub(crate) round_trip: Option<Duration>,
    pub(crate) freezes: u64,
    pub(crate) frozen: Duration,
    pub(crate) jitter_buffer: Option<Duration>,
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
