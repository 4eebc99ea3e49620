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
    /// Another session takes the place of one that fell silent: what it sends, and where from. Its
    /// times are not those of the session before.
    Restarts(Box<Announced>, String),
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
    /// What came and cannot be used.
    pub(crate) unused: Unused,
}

/// Packets that are of no use, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Unused {
    /// They fail the authentication of SRTP.
    pub(crate) forged: u64,
    /// Their payload types or sources are not expected, and nothing else came.
    pub(crate) unexpected: u64,
}

impl Unused {
    /// Why nothing that can be used has come.
    pub(crate) fn explain(self) -> Option<String> {
        let Self { forged, unexpected } = self;
        if forged > 0 {
            let packets = if forged == 1 { "packet" } else { "packets" };
            return Some(format!(
                "{forged} {packets} arrived and failed authentication (SRTP): the sender has another key, or \
                 sends without encryption"
            ));
        }
        (unexpected > 0).then(|| {
            format!(
                "{unexpected} RTP packets arrived with payload types or sources that are not expected: give \
                 the sender's description (--sdp)"
            )
        })
    }
}

impl InletFigures {
    /// The figures of this session and those of the next one: counts add up, states are the later.
    pub(crate) fn followed_by(self, next: Self) -> Self {
        Self {
            packets_received: self.packets_received + next.packets_received,
            bytes_received: self.bytes_received + next.bytes_received,
            video: self.video.followed_by(next.video),
            sound: self.sound.followed_by(next.sound),
            round_trip: next.round_trip.or(self.round_trip),
            freezes: self.freezes + next.freezes,
            frozen: self.frozen + next.frozen,
            jitter_buffer: next.jitter_buffer.or(self.jitter_buffer),
            // What opens is the same for all sessions, and counts on.
            sealed: next.sealed.or(self.sealed),
            unused: next.unused,
        }
    }
}

impl StreamIn {
    fn followed_by(self, next: Self) -> Self {
        Self {
            packets: self.packets + next.packets,
            bytes: self.bytes + next.bytes,
            header_bytes: sum(self.header_bytes, next.header_bytes, |one, other| one + other),
            lost: self.lost + next.lost,
            discarded: self.discarded + next.discarded,
            jitter: next.jitter.or(self.jitter),
            repair: sum(self.repair, next.repair, Repair::plus),
            fec_recovered: self.fec_recovered + next.fec_recovered,
            nacks: self.nacks + next.nacks,
            key_requests: self.key_requests + next.key_requests,
        }
    }
}

impl Repair {
    fn plus(self, other: Self) -> Self {
        Self {
            retransmitted: self.retransmitted + other.retransmitted,
            retransmitted_bytes: self.retransmitted_bytes + other.retransmitted_bytes,
            fec: self.fec + other.fec,
            fec_bytes: self.fec_bytes + other.fec_bytes,
        }
    }
}

/// The sum of two figures that may be unknown.
fn sum<T>(one: Option<T>, other: Option<T>, add: impl Fn(T, T) -> T) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(add(one, other)),
        (one, other) => one.or(other),
    }
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
