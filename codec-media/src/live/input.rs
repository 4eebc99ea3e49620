//! The interface of media inputs: received media in decoding order.

use std::time::Duration;

use codec_container::{AudioTrack, VideoTrack};
use codec_rtc::sframe::DecryptCounters;

use crate::count::counted;
use crate::failure::{Failure, Result};

/// Tracks that a sender announces; they have no container format.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct AnnouncedTracks {
    pub(crate) video: Option<VideoTrack>,
    pub(crate) audio: Option<AudioTrack>,
}

/// Capture and arrival times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Times {
    /// NTP wall time of the capture, as sent with the media.
    pub(crate) captured: Option<u64>,
    /// NTP wall time of the capture by the sender's reports, which may use another clock.
    pub(crate) reported: Option<u64>,
    /// When the frame or packet was completely received, by our clock.
    pub(crate) arrived: Option<Duration>,
}

/// A coded frame.
#[derive(Clone, Debug)]
pub(crate) struct ReceivedFrame {
    pub(crate) data: Vec<u8>,
    pub(crate) key: bool,
    pub(crate) shown: bool,
    /// Presentation time in ticks of its track. Video and audio times share one timeline.
    pub(crate) pts: i64,
    pub(crate) times: Times,
    /// Identifies the frame for the input.
    pub(crate) handle: u64,
}

/// An audio packet.
#[derive(Clone, Debug)]
pub(crate) struct ReceivedAudio {
    pub(crate) data: Vec<u8>,
    pub(crate) pts: i64,
    pub(crate) times: Times,
}

/// An input event.
#[derive(Clone, Debug)]
pub(crate) enum InputEvent {
    Listening(String),
    /// A sender has started; its tracks and address.
    Begins(Box<AnnouncedTracks>, String),
    /// A new session replaces one that fell silent; its tracks and address. Its timestamps differ
    /// from the timestamps of the previous session.
    Restarts(Box<AnnouncedTracks>, String),
    Frame(ReceivedFrame),
    Audio(ReceivedAudio),
    /// Video data is missing: the next frame may depend on it.
    Gap,
    /// The sender has ended, with its reason.
    End(String),
    /// The connection has failed.
    Failed(Failure),
    Note(String),
}

/// Network statistics for the user.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct InputStats {
    /// Everything received on the connection: datagrams or messages, and bytes.
    pub(crate) packets_received: u64,
    pub(crate) bytes_received: u64,
    /// Video.
    pub(crate) video: InboundStats,
    /// Audio.
    pub(crate) audio: InboundStats,
    pub(crate) round_trip: Option<Duration>,
    pub(crate) freezes: u64,
    pub(crate) frozen: Duration,
    pub(crate) jitter_buffer: Option<Duration>,
    /// Decryption counters, if media are encrypted.
    pub(crate) decryption: Option<DecryptCounters>,
    /// Received packets that cannot be used.
    pub(crate) unused: Unused,
}

/// Unusable packets by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Unused {
    /// Failed SRTP authentication.
    pub(crate) forged: u64,
    /// Unexpected payload types or sources, while nothing else was received.
    pub(crate) unexpected: u64,
}

impl Unused {
    /// Explains why no usable data was received.
    pub(crate) fn explain(self) -> Option<String> {
        let Self { forged, unexpected } = self;
        if forged > 0 {
            return Some(format!(
                "{} failed SRTP authentication: the sender has another key, or \
                sends unencrypted",
                counted(forged, "packet")
            ));
        }
        (unexpected > 0).then(|| {
            format!(
                "unexpected payload type or source in {}\nhelp: give the \
                sender's description with --sdp",
                counted(unexpected, "RTP packet")
            )
        })
    }
}

impl InputStats {
    /// Combines the statistics of this session and the next: counters add up, states come from
    /// the later session.
    pub(crate) fn followed_by(self, next: Self) -> Self {
        Self {
            packets_received: self.packets_received + next.packets_received,
            bytes_received: self.bytes_received + next.bytes_received,
            video: self.video.followed_by(next.video),
            audio: self.audio.followed_by(next.audio),
            round_trip: next.round_trip.or(self.round_trip),
            freezes: self.freezes + next.freezes,
            frozen: self.frozen + next.frozen,
            jitter_buffer: next.jitter_buffer.or(self.jitter_buffer),
            // The decryptor is shared by all sessions and keeps counting.
            decryption: next.decryption.or(self.decryption),
            unused: next.unused,
        }
    }
}

impl InboundStats {
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

/// The sum of two values that may be unknown.
fn sum<T>(one: Option<T>, other: Option<T>, add: impl Fn(T, T) -> T) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(add(one, other)),
        (one, other) => one.or(other),
    }
}

/// An incoming stream, with getStats counters.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct InboundStats {
    /// Packets including retransmissions and FEC, and bytes of their payloads.
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
    /// Headers and padding, if known.
    pub(crate) header_bytes: Option<u64>,
    /// Packets lost; negative after duplicates.
    pub(crate) lost: i64,
    /// Packets that arrived too late.
    pub(crate) discarded: u64,
    pub(crate) jitter: Option<Duration>,
    /// The share of retransmissions and FEC, if counted separately.
    pub(crate) repair: Option<Repair>,
    /// Packets recovered by FEC, or from redundant copies in other packets.
    pub(crate) fec_recovered: u64,
    /// Feedback requests.
    pub(crate) nacks: u64,
    pub(crate) key_requests: u64,
}

/// Packets of a repair stream, and their payload bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Repair {
    pub(crate) retransmitted: u64,
    pub(crate) retransmitted_bytes: u64,
    pub(crate) fec: u64,
    pub(crate) fec_bytes: u64,
}

/// The outcome of a frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome {
    pub(crate) decoded: bool,
    /// Decoding time.
    pub(crate) took: Duration,
    /// From capture to now, if both ends share a clock.
    pub(crate) delay: Option<Duration>,
}

/// Receives coded media.
pub(crate) trait LiveInput {
    /// Returns the next event within `timeout`.
    fn next(&mut self, timeout: Duration) -> Option<InputEvent>;

    /// Reports that a frame was decoded or written to a file.
    fn done(&mut self, now: Duration, frame: &ReceivedFrame, outcome: &Outcome);

    /// Requests a key frame.
    fn request_key_frame(&mut self);

    fn statistics(&self) -> InputStats;

    /// Ends the session with a reason.
    fn finish(self: Box<Self>, reason: &str) -> Result<()>;
}
