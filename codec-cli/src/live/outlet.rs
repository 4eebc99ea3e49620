//! The way out: what the network asks of the encoder, and what it is given.

use std::time::Duration;

use codec_container::{AudioTrack, VideoTrack};
use codec_core::codec::{Bitrate, FrameRequest, Packet};
use codec_rtc::audio::Resilience;

use super::inlet::Repair;
use crate::failure::{Failure, Result};

/// What is sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Offer {
    pub(crate) video: Option<VideoTrack>,
    pub(crate) sound: Option<AudioTrack>,
}

/// A packet of sound on its way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SoundPacket<'a> {
    pub(crate) data: &'a [u8],
    /// In ticks of the track.
    pub(crate) pts: i64,
    /// When it was captured, on the sender's clock.
    pub(crate) captured: Duration,
}

/// What the network says.
#[derive(Clone, Debug)]
pub(crate) enum OutletEvent {
    /// The encoder should make so much; size and frame rate go by what the link carries steadily.
    Target { rate: Bitrate, steady: Bitrate },
    /// The sound encoder should protect its packets otherwise.
    Sound { before: Resilience, after: Resilience },
    /// Nobody listens any more, and why.
    Left(Failure),
}

/// What of the network is told to the user.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct OutletFigures {
    /// All that went out on the connection: datagrams or messages, and their bytes.
    pub(crate) packets_sent: u64,
    pub(crate) bytes_sent: u64,
    /// Of the pictures.
    pub(crate) video: StreamOut,
    /// Of the sound.
    pub(crate) sound: StreamOut,
    pub(crate) round_trip: Option<Duration>,
    /// What the link carries, as it is estimated.
    pub(crate) available: Option<Bitrate>,
    /// From capture to decoding, as the receiver says.
    pub(crate) delay: Option<Duration>,
}

/// One stream on its way out, as getStats counts it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct StreamOut {
    /// With what was sent again and with correction, and bytes of their payloads.
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
    /// Headers and padding, where they are known.
    pub(crate) header_bytes: Option<u64>,
    /// What of it was sent again, and correction, where these are told apart.
    pub(crate) repair: Option<Repair>,
    /// Requests.
    pub(crate) nacks: u64,
    pub(crate) key_requests: u64,
    /// What the receiver says.
    pub(crate) remote: Option<Remote>,
}

/// One stream as its receiver last reported.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Remote {
    /// Of the packets since the report before, 0..=1.
    pub(crate) fraction_lost: Option<f64>,
    pub(crate) lost: Option<i64>,
    pub(crate) jitter: Option<Duration>,
    pub(crate) round_trip: Option<Duration>,
}

/// Sends coded media.
pub(crate) trait Outlet {
    /// What the next picture is to be coded like.
    fn request(&mut self, now: Duration, pts: i64) -> FrameRequest;

    /// Whether the next picture should be left out, because so much waits to be sent already.
    fn is_full(&self) -> bool;

    /// Sends a frame; times are those of the track.
    fn video(&mut self, now: Duration, packet: &Packet, captured: Duration) -> Result<()>;

    /// Sends a packet of sound.
    fn sound(&mut self, now: Duration, packet: &SoundPacket<'_>) -> Result<()>;

    /// Sends the statistics of the sender, where that has a place.
    fn stats(&mut self, _json: &str) {}

    /// What has happened.
    fn poll(&mut self) -> Option<OutletEvent>;

    fn figures(&self) -> OutletFigures;

    /// Says goodbye and waits until all is sent.
    fn finish(self: Box<Self>, reason: &str) -> Result<()>;
}
