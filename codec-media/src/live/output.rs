//! The interface of media outputs: media to send, and what the network requires of the encoder, such as
//! a bitrate or a key frame.

use std::time::Duration;

use codec_container::{AudioTrack, VideoTrack};
use codec_core::codec::{Bitrate, FrameRequest, Packet};
use codec_core::simulcast::MAX_LAYERS;
use codec_rtc::audio::Resilience;

use super::input::Repair;
use crate::failure::{Failure, Result};

/// The tracks to send.
#[derive(Clone, Debug, Default)]
pub(crate) struct Offer {
    pub(crate) video: Option<VideoTrack>,
    pub(crate) audio: Option<AudioTrack>,
    /// Layers of simulcast in the video: 0 for one stream without layers, or 2 to 3.
    pub(crate) layers: u8,
}

/// RIDs of the layers of simulcast, the lowest first: a quarter, half and all of the height.
const RIDS: [&str; MAX_LAYERS] = ["q", "h", "f"];

/// Returns the RIDs of this number of layers, the lowest first.
pub(crate) fn rids(layers: u8) -> &'static [&'static str] {
    RIDS.get(MAX_LAYERS.saturating_sub(layers.into())..).unwrap_or_default()
}

/// An audio packet to send.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LiveAudioPacket<'a> {
    pub(crate) data: &'a [u8],
    /// Presentation time in ticks of the track.
    pub(crate) pts: i64,
    /// Capture time on the sender's clock.
    pub(crate) captured: Duration,
}

/// An output event.
#[derive(Clone, Debug)]
pub(crate) enum OutputEvent {
    /// The encoder's new target; size and frame rate should follow the stable link capacity.
    Target { rate: Bitrate, steady: Bitrate },
    /// The audio encoder should change the protection of its packets.
    Audio { before: Resilience, after: Resilience },
    /// What the user should know about the connection.
    #[cfg(feature = "whip")]
    Note(String),
    /// The receiver is gone, with the reason.
    Left(Failure),
}

/// Network statistics for the user.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct OutputStats {
    /// Everything sent on the connection: datagrams or messages, and bytes.
    pub(crate) packets_sent: u64,
    pub(crate) bytes_sent: u64,
    /// Video without layers.
    pub(crate) video: OutboundStats,
    /// Layers of simulcast.
    pub(crate) layers: [OutboundStats; MAX_LAYERS],
    /// Audio.
    pub(crate) audio: OutboundStats,
    pub(crate) round_trip: Option<Duration>,
    /// The estimated bandwidth of the link.
    pub(crate) available: Option<Bitrate>,
    /// Delay from capture to decoding, as reported by the receiver.
    pub(crate) delay: Option<Duration>,
}

/// An outgoing stream, with getStats counters.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct OutboundStats {
    /// Packets including retransmissions and FEC, and bytes of their payloads.
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
    /// Headers and padding, if known.
    pub(crate) header_bytes: Option<u64>,
    /// The share of retransmissions and FEC, if counted separately.
    pub(crate) repair: Option<Repair>,
    /// Feedback requests.
    pub(crate) nacks: u64,
    pub(crate) key_requests: u64,
    /// The receiver's last report.
    pub(crate) remote: Option<Remote>,
}

/// A stream as last reported by its receiver.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Remote {
    /// Share of packets lost since the previous report, 0..=1.
    pub(crate) fraction_lost: Option<f64>,
    pub(crate) lost: Option<i64>,
    pub(crate) jitter: Option<Duration>,
    pub(crate) round_trip: Option<Duration>,
}

/// Sends coded media.
pub(crate) trait LiveOutput {
    /// Returns how the next frame should be encoded.
    fn request(&mut self, now: Duration, pts: i64) -> FrameRequest;

    /// Whether the next frame should be dropped, because too much is queued.
    fn is_full(&self) -> bool;

    /// Sends a frame; times are in ticks of the track.
    fn video(&mut self, now: Duration, packet: &Packet, captured: Duration) -> Result<()>;

    /// Whether the receiver takes each of the offered simulcast layers, the lowest first; empty for one stream without layers.
    fn layers(&self) -> Vec<bool> {
        Vec::new()
    }

    /// Whether the next frame of a simulcast layer should be a key frame.
    fn wants_key_frame(&self, _now: Duration, _layer: usize) -> bool {
        false
    }

    /// Sends a frame of a simulcast layer; times are in ticks of the track. Only layers that [`Self::layers`] has are
    /// sent.
    fn layer(
        &mut self,
        now: Duration,
        _layer: usize,
        packet: &Packet,
        captured: Duration,
    ) -> Result<()> {
        self.video(now, packet, captured)
    }

    /// Sends an audio packet.
    fn audio(&mut self, now: Duration, packet: &LiveAudioPacket<'_>) -> Result<()>;

    /// Sends the sender's statistics, if the protocol supports it.
    fn stats(&mut self, _json: &str) {}

    /// Returns the next event.
    fn poll(&mut self) -> Option<OutputEvent>;

    fn statistics(&self) -> OutputStats;

    /// Ends the session after everything is sent.
    fn finish(self: Box<Self>, reason: &str) -> Result<()>;
}
