//! A room: publishers with simulcast and layers, viewers with their bandwidth, and the video that is
//! forwarded from publishers to viewers.

mod allocate;
mod members;
mod packets;
mod relay;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::time::Duration;

use codec_core::codec::Bitrate;

pub use relay::LayerInfo;

use super::constraints::{StreamState, ViewerConstraints};
use super::id::{ParticipantId, StreamId};
use super::join_cache::JoinCacheConfig;
use super::output::with_header;
use super::request_merger::RequestMergerConfig;
use super::stream::Stream;
use crate::extension::Label;
use crate::rtp::Header;
use crate::shared_bytes::SharedBytes;

/// Time between two decisions of the allocator.
const DECISION_INTERVAL: Duration = Duration::from_millis(100);
/// Maximum number of packets that wait for [`Room::poll_transmit`].
const MAX_OUTPUT: usize = 1 << 16;
/// Maximum number of events that wait for [`Room::poll_event`].
const MAX_EVENTS: usize = 1 << 12;

/// Settings of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoomConfig {
    /// Join cache of each encoding.
    pub cache: JoinCacheConfig,
    /// Key-frame requests to each encoding.
    pub requests: RequestMergerConfig,
    /// A camera encoding without packets for this time is replaced by another one within 100 ms; default
    /// 400 ms.
    pub dead_after: Duration,
    /// An encoding that no viewer gets is switched off after this time; default 5 s. The first encoding
    /// of a source stays on, so that viewers can join at once.
    pub off_after: Duration,
    /// A source that falls out of the last N stays for this time; default 3 s.
    pub last_n_hold: Duration,
    /// Bandwidth estimate of a viewer before the first call of [`Room::set_estimate`]; default 1 Mb/s.
    pub initial_estimate: Bitrate,
    /// Viewers whose video is paused for lack of bandwidth get [`RoomEvent::ResetEstimate`] in this
    /// interval; default 5 s.
    pub reset_interval: Duration,
    /// Largest numbers of sources and of viewers; default 500 each.
    pub max_streams: usize,
    /// See [`Self::max_streams`].
    pub max_viewers: usize,
    /// Largest number of encodings of a source; default 4.
    pub max_encodings: usize,
}

impl Default for RoomConfig {
    fn default() -> Self {
        Self {
            cache: JoinCacheConfig::default(),
            requests: RequestMergerConfig::default(),
            dead_after: Duration::from_millis(400),
            off_after: Duration::from_secs(5),
            last_n_hold: Duration::from_secs(3),
            initial_estimate: Bitrate::kbps(1000),
            reset_interval: Duration::from_secs(5),
            max_streams: 500,
            max_viewers: 500,
            max_encodings: 4,
        }
    }
}

/// An encoding of a source: one SSRC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncodingConfig {
    /// SSRC.
    pub ssrc: u32,
    /// RID of simulcast. It identifies the encoding in [`RoomEvent::Encoding`]; sizes are measured and
    /// never derived from it.
    pub rid: Option<Label>,
    /// Height in pixels, if it is signalled. Heights in packets take precedence.
    pub height: Option<u32>,
}

/// Why a call is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RoomError {
    /// The source, viewer or SSRC exists already.
    Duplicate,
    /// There is no such source or viewer.
    Unknown,
    /// A limit of [`RoomConfig`] is reached.
    Full,
}

impl fmt::Display for RoomError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Duplicate => "invalid id: already in use",
            Self::Unknown => "invalid id: not in the room",
            Self::Full => "cannot add to the room: its limit is reached",
        })
    }
}

impl std::error::Error for RoomError {}

/// An RTP packet for a viewer. Its payload, and the header extensions of the publisher, are shared by all viewers; only
/// some numbers in them differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomTransmit {
    /// The viewer.
    pub viewer: ParticipantId,
    /// The source.
    pub stream: StreamId,
    /// The fixed header towards the viewer.
    pub header: Header,
    /// The packet, which still has the fixed header of the publisher.
    pub packet: SharedBytes,
}

impl RoomTransmit {
    /// The bytes of the packet.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        with_header(&self.packet, &self.header)
    }
}

/// A task for the caller, or a change that it reports to participants.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RoomEvent {
    /// Send a key-frame request (PLI) for this SSRC to the publisher.
    KeyFrame {
        /// The source.
        stream: StreamId,
        /// The encoding.
        ssrc: u32,
    },
    /// Ask the publisher to start or to stop an encoding.
    Encoding {
        /// The source.
        stream: StreamId,
        /// The encoding.
        ssrc: u32,
        /// Its RID.
        rid: Option<Label>,
        /// Whether a viewer needs it.
        on: bool,
    },
    /// The layer that a viewer gets changed, or the reason why it gets none.
    State {
        /// The viewer.
        viewer: ParticipantId,
        /// The source.
        stream: StreamId,
        /// The new state.
        state: StreamState,
    },
    /// All video of a viewer has been paused for lack of bandwidth for a while. Without traffic the
    /// estimate cannot rise: reset the estimator and probe up to [`Room::desired`].
    ResetEstimate {
        /// The viewer.
        viewer: ParticipantId,
    },
}

/// Counters since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RoomCounters {
    /// Packets received.
    pub received: u64,
    /// Packets sent, counting each viewer.
    pub forwarded: u64,
    /// Packets of unknown SSRCs.
    pub unknown: u64,
    /// Packets that cannot be parsed.
    pub malformed: u64,
    /// Packets and events dropped because the caller did not poll them.
    pub overflowed: u64,
}

#[derive(Clone, Debug)]
struct Viewer {
    estimate: Bitrate,
    constraints: ViewerConstraints,
    /// Time since which all video has been paused for lack of bandwidth.
    starved_since: Option<Duration>,
}

/// Forwards the video of a room.
///
/// Call order: add sources, their encodings, viewers and subscriptions. Pass every received video packet
/// to [`Self::handle_packet`]. After each input, call [`Self::poll_transmit`] and [`Self::poll_event`]
/// until they return `None`; call [`Self::handle_timeout`] at [`Self::poll_timeout`] at the latest.
///
/// A viewer gets each source as a single stream, whose sequence numbers, timestamps, `PictureID`s,
/// TL0PICIDX and frame numbers continue across layers, pauses and replays. The caller adds transport:
/// encryption, transport-wide sequence numbers, NACK and the bandwidth estimate of each viewer.
///
/// ```
/// use std::time::Duration;
///
/// use codec_rtc::extension::ExtensionMap;
/// use codec_rtc::packet::Format;
/// use codec_rtc::room::{
///     EncodingConfig, OutputConfig, ParticipantId, Room, RoomConfig, SourceKind, StreamConfig, StreamId,
/// };
///
/// let (alice, bob, camera) = (ParticipantId(1), ParticipantId(2), StreamId(10));
/// let mut room = Room::new(RoomConfig::default());
/// let (format, extensions) = (Format::Vp8, ExtensionMap::default());
/// let config = StreamConfig { owner: alice, kind: SourceKind::Camera, format, extensions };
/// room.add_stream(camera, config)?;
/// let encoding = EncodingConfig { ssrc: 1, rid: None, height: Some(360) };
/// room.add_encoding(Duration::ZERO, camera, encoding)?;
/// room.add_viewer(bob)?;
/// let output =
///     OutputConfig { ssrc: 77, payload_type: 100, first_sequence: 1, clock_hz: 90_000 };
/// room.subscribe(bob, camera, output)?;
///
/// let mut sent = 0;
/// for frame in 0..30_u8 {
///     let now = Duration::from_millis(33 * u64::from(frame));
///     // A frame of one packet; the last bit of its payload header marks a key frame.
///     let is_delta = u8::from(frame > 0);
///     let timestamp = u32::from(frame) * 3000;
///     let mut packet = vec![0x80, 0xe0, 0, frame];
///     packet.extend(timestamp.to_be_bytes());
///     packet.extend([0, 0, 0, 1, 0x10, is_delta, 0, 0]);
///     room.handle_packet(now, &packet)?;
///     room.handle_timeout(now);
///     while let Some(packet) = room.poll_transmit() {
///         assert_eq!(packet.viewer, bob);
///         sent += 1;
///     }
/// }
/// assert_eq!(sent, 30); // the first frames came from the join cache
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Room {
    config: RoomConfig,
    streams: BTreeMap<StreamId, Stream>,
    viewers: BTreeMap<ParticipantId, Viewer>,
    /// Source and index of the encoding of each SSRC.
    ssrcs: BTreeMap<u32, (StreamId, usize)>,
    /// Places of participants in the order of their last speech: 0 is the dominant one.
    speakers: BTreeMap<ParticipantId, usize>,
    /// Subscriptions that may have packets to send later: replays, and switches at the end of a frame.
    waiting: BTreeSet<(StreamId, ParticipantId)>,
    output: VecDeque<RoomTransmit>,
    events: VecDeque<RoomEvent>,
    next_decision: Duration,
    counters: RoomCounters,
}

impl Room {
    /// Creates an empty room.
    #[must_use]
    pub fn new(config: RoomConfig) -> Self {
        Self {
            config,
            streams: BTreeMap::new(),
            viewers: BTreeMap::new(),
            ssrcs: BTreeMap::new(),
            speakers: BTreeMap::new(),
            waiting: BTreeSet::new(),
            output: VecDeque::new(),
            events: VecDeque::new(),
            next_decision: Duration::ZERO,
            counters: RoomCounters::default(),
        }
    }

    /// Returns the next packet to send.
    pub fn poll_transmit(&mut self) -> Option<RoomTransmit> {
        self.output.pop_front()
    }

    /// Returns the next event.
    pub fn poll_event(&mut self) -> Option<RoomEvent> {
        self.events.pop_front()
    }

    /// Counters since the start.
    #[must_use]
    pub fn counters(&self) -> RoomCounters {
        self.counters
    }

    fn push_event(&mut self, event: RoomEvent) {
        if self.events.len() < MAX_EVENTS {
            self.events.push_back(event);
        } else {
            self.counters.overflowed += 1;
        }
    }
}
