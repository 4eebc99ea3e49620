//! A sent SSRC with its retransmission stream (RFC 4588).

use std::collections::VecDeque;
use std::time::Duration;

use codec_rtc::extension::{ExtensionKind, ExtensionMap, Extensions, Label};
use codec_rtc::packet::rtx::RtxStream;
use codec_rtc::recovery::{Budget, PacketHistory, PacketHistoryConfig, Resend};
use codec_rtc::rtcp::ReportBlock;
use codec_rtc::rtp::{self, Header};

use super::{Payload, TAG_BYTES, send_time};
use crate::{SendError, SentStats, SentStream};

/// Packets kept for retransmission, and for how long.
const HISTORY: PacketHistoryConfig = PacketHistoryConfig {
    max_age: Duration::from_secs(3),
    max_packets: 2000,
    max_bytes: 4 << 20,
    // The budget is shared by all streams.
    budget_bps: u64::MAX,
    budget_time: Duration::ZERO,
};
/// Clock rate of video.
const VIDEO_HZ: u32 = 90_000;
/// Usual size of a header with its extension.
const HEAD_BYTES: usize = 64;
/// Sender reports whose times are kept.
const MAX_REPORTS: usize = 8;
/// Size of a padding-only packet: at most 255 bytes of padding (RFC 3550, section 5.1).
const PADDING_BYTES: u8 = 224;

/// See the [module](self).
#[derive(Debug)]
pub(in crate::peer) struct Stream {
    sent: SentStream,
    mid: Option<Label>,
    ssrc: u32,
    rtx: Option<RtxStream>,
    /// Payload types of media and of their retransmissions.
    rtx_types: Vec<(u8, u8)>,
    extensions: ExtensionMap,
    /// The first number, and the next one.
    first: u64,
    next: u64,
    history: PacketHistory,
    /// Packets and bytes of payload, sent for the first time and again.
    originals: (u64, u64),
    repeated: (u64, u64),
    /// Timestamp of the last packet, and the time that it represents.
    last: Option<(u32, Duration)>,
    /// Clock rates of payload types, and the clock rate of the last packet.
    clocks: Vec<(u8, u32)>,
    clock_hz: u32,
    received: Received,
    /// Middle bits of the NTP times of the last sender reports, and when they were sent.
    reports: VecDeque<(u32, Duration)>,
}

/// What the remote endpoint reports about a stream.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Received {
    pub(super) plis: u64,
    pub(super) firs: u64,
    pub(super) nacks: u64,
    pub(super) block: Option<ReportBlock>,
    pub(super) round_trip: Option<Duration>,
}

/// Negotiated parameters of a stream.
#[derive(Debug)]
pub(in crate::peer) struct StreamPlan {
    pub(in crate::peer) sent: SentStream,
    pub(in crate::peer) ssrc: u32,
    pub(in crate::peer) rtx: Option<u32>,
    pub(in crate::peer) rtx_types: Vec<(u8, u8)>,
    pub(in crate::peer) extensions: ExtensionMap,
    /// Clock rates of payload types, in Hz.
    pub(in crate::peer) clocks: Vec<(u8, u32)>,
}

/// A packet to send again, or padding.
#[derive(Debug)]
pub(super) struct Repeated {
    pub(super) datagram: Vec<u8>,
    /// Sequence number of the original packet; `None` for padding.
    pub(super) original: Option<u16>,
}

impl Stream {
    pub(in crate::peer) fn new(plan: StreamPlan) -> Self {
        // Initial sequence numbers are random as the SSRCs, and below half of the range, so that a receiver that misses the
        // first packets does not mistake the next for a wrap (RFC 3711, section 3.3.1).
        let [first, of_rtx] = [plan.ssrc, plan.rtx.unwrap_or(0)].map(|ssrc| ssrc & 0x3fff);
        Self {
            mid: Label::new(&plan.sent.mid.to_string()),
            sent: plan.sent,
            ssrc: plan.ssrc,
            rtx: plan.rtx.map(|ssrc| {
                let sequence = u16::try_from(of_rtx).unwrap_or(0);
                RtxStream { ssrc, payload_type: 0, sequence }
            }),
            rtx_types: plan.rtx_types,
            extensions: plan.extensions,
            first: first.into(),
            next: first.into(),
            history: PacketHistory::with_config(HISTORY),
            originals: (0, 0),
            repeated: (0, 0),
            last: None,
            clock_hz: plan.clocks.first().map_or(VIDEO_HZ, |(_, hz)| *hz),
            clocks: plan.clocks,
            received: Received::default(),
            reports: VecDeque::new(),
        }
    }

    pub(in crate::peer) fn sent(&self) -> SentStream {
        self.sent
    }

    pub(in crate::peer) fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// The first sequence number, unwrapped.
    pub(in crate::peer) fn first(&self) -> u64 {
        self.first
    }

    /// Takes the next sequence number, unwrapped.
    pub(in crate::peer) fn take_number(&mut self) -> u64 {
        self.next += 1;
        self.next - 1
    }

    /// Statistics so far, once something was sent.
    pub(super) fn stats(&self) -> Option<SentStats> {
        let Received { plis, firs, nacks, block, round_trip } = self.received;
        let SentStream { mid, rid } = self.sent;
        (self.originals.0 > 0).then(|| SentStats {
            mid,
            rid,
            bytes: self.originals.1 + self.repeated.1,
            packets: self.originals.0 + self.repeated.0,
            firs,
            plis,
            nacks,
            round_trip,
            loss: block.map(|it| f32::from(it.fraction_lost) / 256.0),
            packets_lost: block.map(|it| u64::try_from(it.cumulative_lost).unwrap_or(0)),
            jitter: block.map(|it| it.jitter),
        })
    }

    /// What the remote endpoint reports.
    pub(super) fn received(&mut self) -> &mut Received {
        &mut self.received
    }

    /// Notes a sender report with this NTP time.
    pub(super) fn note_report(&mut self, now: Duration, ntp: [u8; 8]) {
        let [_, _, a, b, c, d, _, _] = ntp;
        if self.reports.len() >= MAX_REPORTS {
            self.reports.pop_front();
        }
        self.reports.push_back((u32::from_be_bytes([a, b, c, d]), now));
    }

    /// Handles a report about the stream; returns the round-trip time (RFC 3550, section 6.4.1).
    pub(super) fn take_report(&mut self, now: Duration, block: ReportBlock) -> Option<Duration> {
        self.received.block = Some(block);
        let mut reports = self.reports.iter().rev();
        let (_, sent) = reports.find(|(ntp, _)| *ntp == block.last_sender_report)?;
        let nanos = (u64::from(block.delay_since_last) * 1_000_000_000) >> 16;
        let round_trip = now.saturating_sub(*sent).checked_sub(Duration::from_nanos(nanos));
        self.received.round_trip = round_trip.or(self.received.round_trip);
        round_trip
    }

    /// Packets and bytes of payload of the SSRC so far.
    pub(super) fn originals(&self) -> (u64, u64) {
        self.originals
    }

    /// Whether packets of this payload type can be retransmitted.
    pub(in crate::peer) fn can_repeat(&self, payload_type: u8) -> bool {
        self.rtx.is_some() && self.rtx_types.iter().any(|(media, _)| *media == payload_type)
    }

    /// Whether packets have transport-wide sequence numbers.
    pub(super) fn is_numbered(&self) -> bool {
        self.extensions.id(ExtensionKind::TransportSequence).is_some()
    }

    /// Drops the packets kept for retransmission.
    pub(in crate::peer) fn forget(&mut self) {
        self.history = PacketHistory::with_config(HISTORY);
    }

    /// Sets the extensions that depend on the stream and the moment.
    pub(super) fn complete(&self, extensions: &mut Extensions, transport: u16, now: Duration) {
        extensions.mid = self.mid;
        extensions.rid = self.sent.rid;
        extensions.transport_sequence = Some(transport);
        extensions.abs_send_time = Some(send_time(now));
    }

    /// Writes a packet to an empty buffer: the payload after a block of up to one byte.
    pub(super) fn write(
        &self,
        header: &Header,
        extensions: &Extensions,
        block: &[u8],
        payload: &Payload<'_>,
        datagram: &mut Vec<u8>,
    ) -> Result<(), SendError> {
        datagram.reserve(HEAD_BYTES + payload.len() + TAG_BYTES);
        let written = extensions.write_header(header, &self.extensions, datagram);
        written.map_err(SendError::Packet)?;
        datagram.extend_from_slice(block);
        match payload {
            Payload::Own(bytes) => datagram.extend_from_slice(bytes),
            Payload::Shared(bytes) => bytes.append_to(datagram),
        }
        Ok(())
    }

    /// Counts a packet sent for the first time.
    pub(super) fn count(&mut self, header: &Header, bytes: usize, captured: Duration) {
        self.originals = (self.originals.0 + 1, self.originals.1 + bytes as u64);
        // Late packets of a forwarded stream have old timestamps.
        let is_newer = |last: u32| header.timestamp.wrapping_sub(last).cast_signed() >= 0;
        if self.last.is_none_or(|(last, _)| is_newer(last)) {
            self.last = Some((header.timestamp, captured));
            let clock = self.clocks.iter().find(|(known, _)| *known == header.payload_type);
            self.clock_hz = clock.map_or(self.clock_hz, |(_, hz)| *hz);
        }
    }

    /// Keeps a packet with this payload for retransmission.
    pub(super) fn keep(
        &mut self,
        now: Duration,
        sequence: u16,
        packet: &[u8],
        payload: Payload<'_>,
    ) {
        match payload {
            Payload::Own(_) => self.history.push(now, sequence, packet),
            Payload::Shared(bytes) => {
                let head = packet.len().checked_sub(bytes.len()).and_then(|len| packet.get(..len));
                self.history.push_shared(now, sequence, head.unwrap_or_default(), bytes);
            }
        }
    }

    /// Timestamp at `now`; `None` before the first packet.
    pub(super) fn timestamp(&self, now: Duration) -> Option<u32> {
        let (timestamp, captured) = self.last?;
        let since = now.saturating_sub(captured).as_nanos() * u128::from(self.clock_hz);
        #[expect(clippy::cast_possible_truncation, reason = "timestamps wrap")]
        let ticks = (since / 1_000_000_000) as u32;
        Some(timestamp.wrapping_add(ticks))
    }

    /// Returns a requested packet for sending again.
    pub(super) fn repeat(
        &mut self,
        now: Duration,
        sequence: u16,
        round_trip: Duration,
        budget: &mut Budget,
        transport: u16,
    ) -> Option<Repeated> {
        let answer = self.history.request_within(now, sequence, round_trip, budget);
        let Resend::Packet(packet) = answer else { return None };
        let packet = packet.to_vec();
        self.wrap(now, &packet, transport)
    }

    /// Returns a packet for a probe: the largest recent one again, or padding.
    pub(super) fn padding(&mut self, now: Duration, transport: u16) -> Option<Repeated> {
        if !self.is_numbered() {
            return None;
        }
        if let Some(packet) = self.history.largest_recent().map(<[u8]>::to_vec) {
            return self.wrap(now, &packet, transport);
        }
        let (_, payload_type) = *self.rtx_types.first()?;
        let timestamp = self.timestamp(now)?;
        let rtx = self.rtx.as_mut()?;
        rtx.payload_type = payload_type;
        let mut padding = Vec::new();
        rtx.probe(timestamp, PADDING_BYTES, &mut padding);
        let datagram = self.extend(now, &padding, Extensions::default(), transport)?;
        Some(Repeated { datagram, original: None })
    }

    /// The retransmission of a packet.
    fn wrap(&mut self, now: Duration, packet: &[u8], transport: u16) -> Option<Repeated> {
        let parsed = rtp::parse(packet).ok()?;
        let Header { payload_type, sequence, .. } = parsed.header;
        let rtx = self.rtx.as_mut()?;
        rtx.payload_type = self.rtx_types.iter().find(|(media, _)| *media == payload_type)?.1;
        let mut wrapped = Vec::with_capacity(packet.len() + 2);
        rtx.wrap(packet, &mut wrapped).ok()?;
        let extensions = Extensions::from_packet(&parsed, &self.extensions).ok()?;
        let datagram = self.extend(now, &wrapped, extensions, transport)?;
        self.repeated.0 += 1;
        self.repeated.1 += parsed.payload.len() as u64;
        Some(Repeated { datagram, original: Some(sequence) })
    }

    /// Writes a packet of the retransmission stream with the extensions of this moment.
    fn extend(
        &self,
        now: Duration,
        packet: &[u8],
        mut extensions: Extensions,
        transport: u16,
    ) -> Option<Vec<u8>> {
        self.complete(&mut extensions, transport, now);
        // The stream is named as repaired, not as sent (RFC 8852, section 3.2).
        extensions.repaired_rid = extensions.rid.take();
        let mut datagram = Vec::with_capacity(packet.len() + 64 + TAG_BYTES);
        extensions.replace_in(packet, &self.extensions, &mut datagram).ok()?;
        Some(datagram)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Mid;

    fn stream(rtx: Option<u32>) -> Stream {
        let ids = [(1, ExtensionKind::TransportSequence), (4, ExtensionKind::Mid)];
        Stream::new(StreamPlan {
            sent: Mid::new("0").into(),
            ssrc: 7,
            rtx,
            rtx_types: vec![(96, 97)],
            extensions: ids.into_iter().collect(),
            clocks: vec![(96, 90_000), (111, 48_000), (0, 8000)],
        })
    }

    fn header(payload_type: u8, timestamp: u32) -> Header {
        Header { payload_type, timestamp, ssrc: 7, ..Header::default() }
    }

    #[test]
    fn timestamps_advance_by_the_clock_of_the_payload_type() {
        let (mut stream, s) = (stream(None), Duration::from_secs);
        assert_eq!(stream.timestamp(s(1)), None);
        for (payload_type, hz) in [(96, 90_000), (111, 48_000), (0, 8000)] {
            stream.count(&header(payload_type, u32::MAX), 1, s(1));
            assert_eq!(stream.timestamp(s(2)), Some(hz - 1), "{payload_type}");
        }
        // A late packet of a forwarded stream.
        stream.count(&header(0, u32::MAX - 800), 1, s(2));
        assert_eq!(stream.timestamp(s(2)), Some(7999));
    }

    #[test]
    fn padding_is_the_largest_recent_packet_or_empty() {
        let (mut video, now) = (stream(Some(8)), Duration::from_secs(1));
        assert!(video.padding(now, 5).is_none(), "nothing was sent yet");
        video.count(&header(96, 0), 1, now);
        let padding = video.padding(now, 5).unwrap();
        assert_eq!(padding.original, None);
        let parsed = rtp::parse(&padding.datagram).unwrap();
        assert_eq!((parsed.header.ssrc, parsed.header.payload_type), (8, 97));
        assert!(parsed.payload.is_empty() && padding.datagram.len() > usize::from(PADDING_BYTES));
        for (sequence, bytes) in [(1, 900), (2, 1100), (3, 20)] {
            let header = Header { sequence, ..header(96, 0) };
            let (extensions, bytes) = (Extensions::default(), vec![9; bytes]);
            // A forwarded packet is the same.
            let (own, shared) = (Payload::Own(&bytes), Payload::Shared(bytes.clone().into()));
            let [packet, other] = [&own, &shared].map(|payload| {
                let mut packet = Vec::new();
                video.write(&header, &extensions, &[], payload, &mut packet).unwrap();
                packet
            });
            assert_eq!(packet, other);
            video.keep(now, sequence, &packet, if sequence == 2 { shared } else { own });
        }
        let padding = video.padding(now, 5).unwrap();
        assert_eq!(padding.original, Some(2));
        let parsed = rtp::parse(&padding.datagram).unwrap();
        assert_eq!((parsed.payload[..2].to_vec(), parsed.payload.len()), (vec![0, 2], 1102));
        let extensions = Extensions::from_packet(&parsed, &video.extensions).unwrap();
        assert_eq!(extensions.transport_sequence, Some(5));
        assert!(stream(None).padding(now, 5).is_none(), "without retransmissions");
    }
}
