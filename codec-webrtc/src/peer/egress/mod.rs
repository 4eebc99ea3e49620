//! Sending RTP: headers, encryption, retransmissions and probes.
//!
//! str0m negotiates, connects, receives RTP and RTCP, and writes RTCP, but does not see sent RTP,
//! because its pacer and its bookkeeping for each packet take several times as much CPU time as the
//! encryption. This module writes the timestamp and the counts of sent packets and octets into the
//! sender reports of str0m.
//!
//! | module | |
//! |---|---|
//! | `stream` | a sent SSRC with its retransmission stream: sequence numbers, extensions, history |
//! | `feedback` | received RTCP: NACK and transport-wide feedback |
//! | `reports` | sender reports of str0m, with the counts of this module |
//! | `probe` | padding for probes of the bandwidth |

mod feedback;
mod probe;
mod reports;
mod stream;

use std::net::SocketAddr;
use std::time::Duration;

use codec_core::codec::Bitrate;
use codec_rtc::congestion::PacketKind;
use codec_rtc::extension::{Extensions, abs_send_time};
use codec_rtc::recovery::Budget;
use codec_rtc::rtp::Header;
use codec_rtc::shared_bytes::SharedBytes;

use super::send_error::SendError;
use super::{Peer, Transmit};
use crate::{SentStats, SentStream};
pub(super) use reports::PATH_MARK;
pub(super) use stream::{Stream, StreamPlan};

/// Encryption adds up to this many bytes.
const TAG_BYTES: usize = 16;
/// The retransmissions of all streams may use the bandwidth estimate divided by this.
const RESEND_SHARE: u64 = 5;
/// Minimum bitrate of retransmissions, in b/s.
const MIN_RESEND_BPS: u64 = 200_000;
/// Time for which unused bits of retransmissions accumulate.
const RESEND_TIME: Duration = Duration::from_secs(1);

/// Media to send, and the addresses of their datagrams.
#[derive(Debug)]
pub(super) struct Egress {
    streams: Vec<Stream>,
    /// Source and destination of the datagrams of str0m, except connectivity checks.
    path: Option<(SocketAddr, SocketAddr)>,
    /// Next transport-wide sequence number.
    transport: u16,
    /// Bytes of all datagrams, and of received ones that str0m does not see.
    bytes: u64,
    feedback_bytes: u64,
    /// Packets with feedback since the last report, and how many of them were lost.
    reported: (u32, u32),
    round_trip: Option<Duration>,
    /// Limit of the retransmissions of all streams.
    resends: Budget,
}

impl Default for Egress {
    fn default() -> Self {
        Self {
            streams: Vec::new(),
            path: None,
            transport: 0,
            bytes: 0,
            feedback_bytes: 0,
            reported: (0, 0),
            round_trip: None,
            resends: Budget::new(MIN_RESEND_BPS, RESEND_TIME),
        }
    }
}

/// A packet to send for the first time.
#[derive(Debug)]
pub(super) struct Packet<'a> {
    pub(super) payload_type: u8,
    /// Unwrapped sequence number.
    pub(super) number: u64,
    pub(super) timestamp: u32,
    pub(super) marker: bool,
    /// Byte before the payload: the payload type of a RED block.
    pub(super) block: Option<u8>,
    pub(super) payload: Payload<'a>,
    /// Time of the timestamp.
    pub(super) captured: Duration,
    pub(super) extensions: &'a Extensions,
    pub(super) is_nackable: bool,
}

/// The payload of a packet to send.
#[derive(Debug)]
pub(super) enum Payload<'a> {
    Own(&'a [u8]),
    /// Payload of a forwarded packet. It is kept for retransmission without a copy.
    Shared(SharedBytes),
}

impl Payload<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Own(bytes) => bytes.len(),
            Self::Shared(bytes) => bytes.len(),
        }
    }
}

impl Egress {
    /// Notes the addresses of a datagram of str0m that is not a connectivity check: the addresses of the selected pair.
    pub(super) fn set_path(&mut self, source: SocketAddr, destination: SocketAddr) {
        self.path = Some((source, destination));
    }

    /// Source and destination of sent packets.
    pub(super) fn path(&self) -> Option<(SocketAddr, SocketAddr)> {
        self.path
    }

    /// Sets the round-trip time, which bounds how often a packet is retransmitted.
    fn set_round_trip(&mut self, round_trip: Option<Duration>) {
        self.round_trip = round_trip.or(self.round_trip);
    }

    /// Sets the bandwidth estimate; retransmissions get a share of it.
    pub(super) fn set_estimate(&mut self, estimate: Bitrate) {
        self.resends.set_rate((estimate.0 / RESEND_SHARE).max(MIN_RESEND_BPS));
    }

    /// Round-trip time of the last report.
    pub(super) fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    /// Statistics of the streams on which something was sent.
    pub(super) fn stats(&self) -> Vec<SentStats> {
        self.streams.iter().filter_map(Stream::stats).collect()
    }

    /// Bytes of all sent datagrams of RTP.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Bytes of received datagrams that str0m does not see.
    pub(super) fn feedback_bytes(&self) -> u64 {
        self.feedback_bytes
    }

    /// Share of packets lost since the last call, 0..=1; `None` without feedback.
    pub(super) fn take_loss(&mut self) -> Option<f32> {
        let (packets, lost) = std::mem::take(&mut self.reported);
        #[expect(clippy::cast_precision_loss, reason = "a ratio")]
        (packets > 0).then(|| lost as f32 / packets as f32)
    }

    /// The place of the stream of a media section or of a layer.
    pub(super) fn place(&self, sent: SentStream) -> Option<usize> {
        self.streams.iter().position(|stream| stream.sent() == sent)
    }

    /// The stream at a place.
    pub(super) fn stream(&mut self, place: usize) -> Option<&mut Stream> {
        self.streams.get_mut(place)
    }

    /// The stream with an SSRC.
    fn by_ssrc(&mut self, ssrc: u32) -> Option<&mut Stream> {
        self.streams.iter_mut().find(|stream| stream.ssrc() == ssrc)
    }

    /// The SSRC of a stream, or 0 without streams.
    pub(super) fn any_ssrc(&self) -> u32 {
        self.streams.first().map_or(0, Stream::ssrc)
    }

    /// Adds a stream; returns its place.
    pub(super) fn add(&mut self, stream: Stream) -> usize {
        self.streams.push(stream);
        self.streams.len() - 1
    }

    /// Uses the next transport-wide sequence number, unless packets of the stream have none.
    fn take_transport(&mut self, is_numbered: bool) -> Option<u16> {
        let number = self.transport;
        self.transport = number.wrapping_add(u16::from(is_numbered));
        is_numbered.then_some(number)
    }
}

impl Peer {
    /// Sends a packet on the stream at a place.
    ///
    /// # Errors
    /// [`SendError::NotSending`] if there is no such stream, or [`SendError::Packet`] if an extension is invalid.
    pub(super) fn emit(&mut self, place: usize, packet: Packet<'_>) -> Result<(), SendError> {
        let now = self.now;
        let transport = self.egress.transport;
        let stream = self.egress.stream(place).ok_or(SendError::NotSending)?;
        let mut datagram = self.buffers.take();
        #[expect(clippy::cast_possible_truncation, reason = "the number wraps")]
        let header = Header {
            marker: packet.marker,
            payload_type: packet.payload_type,
            sequence: packet.number as u16,
            timestamp: packet.timestamp,
            ssrc: stream.ssrc(),
        };
        let mut extensions = packet.extensions.clone();
        stream.complete(&mut extensions, transport, now);
        let block = packet.block.as_slice();
        let bytes = packet.payload.len() + block.len();
        stream.write(&header, &extensions, block, &packet.payload, &mut datagram)?;
        stream.count(&header, bytes, packet.captured);
        if packet.is_nackable {
            stream.keep(now, header.sequence, &datagram, packet.payload);
        }
        let (sent, is_numbered) = (stream.sent(), stream.is_numbered());
        let is_repair = self.is_repair(&header, block);
        if let Some(transport) = self.egress.take_transport(is_numbered) {
            let kind = if is_repair { PacketKind::Fec } else { PacketKind::Media };
            self.note_wire(transport, datagram.len(), kind);
            if !is_repair {
                self.note_sent(transport, sent, header.sequence);
            }
        }
        let frame = if is_repair { None } else { self.note_media(sent, &header, &datagram) };
        self.dispatch(datagram);
        if let Some(repairs) = frame {
            self.send_repairs(sent, repairs, header.timestamp);
        }
        Ok(())
    }

    /// Encrypts and queues an RTP packet. Drops it without keys or a path.
    fn dispatch(&mut self, mut datagram: Vec<u8>) {
        let Some((source, destination)) = self.egress.path else { return };
        if self.keys.encrypt_rtp(&mut datagram) {
            self.egress.bytes += datagram.len() as u64;
            self.silence.note_sent(self.now);
            self.enqueue(Transmit { source, destination, payload: datagram });
        }
    }
}

/// Converts a time to NTP format for send times; only their differences matter.
fn send_time(now: Duration) -> u32 {
    let fraction = (u64::from(now.subsec_nanos()) << 32) / 1_000_000_000;
    abs_send_time((now.as_secs() & 0xffff_ffff) << 32 | fraction)
}
