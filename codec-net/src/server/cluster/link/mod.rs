//! A link to another node: SRTP packets over UDP between the two, in both directions.
//!
//! All messages in one direction share one space of sequence numbers. Lost messages are requested by their numbers
//! (NACK) and retransmitted. A link has no congestion control: the network between nodes must have enough capacity.

mod keys;
mod message;

use std::collections::VecDeque;
use std::time::Duration;

use codec_rtc::recovery::{NackConfig, NackGenerator, PacketHistory, PacketOrigin, Resend};
use codec_rtc::rtp::{self, Header};
use codec_rtc::srtp::{Protect, Unprotect};

use super::node::NodeId;
pub(super) use keys::NodeKey;
pub(super) use message::{FilePart, FileRequest, MAX_PARTS, Message, PART_BYTES};
use message::{MAX_ENTRIES, write_media};

/// Interval of pings, which show that the other node is alive.
const PING_INTERVAL: Duration = Duration::from_millis(500);
/// Silence after which the other end may start again with another SSRC.
const MIN_SILENCE: Duration = Duration::from_secs(3);
/// Time for which messages are kept for retransmission.
const HISTORY: Duration = Duration::from_secs(1);
/// Maximum number of messages that are kept for retransmission.
const HISTORY_PACKETS: usize = 1 << 14;
/// Maximum number of events that wait.
const MAX_EVENTS: usize = 1 << 14;
const PAYLOAD_TYPE: u8 = 96;

/// A message from the other node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum LinkEvent {
    /// An RTP packet of a source.
    Media(Vec<u8>),
    /// The other node wants these SSRCs, or does not want them any more.
    Want(Vec<u32>, bool),
    /// The other node needs a key frame of this SSRC.
    KeyFrame(u32),
    /// It requests parts of a file.
    GetFile(FileRequest),
    /// A part of a file.
    FilePart(FilePart),
    /// It does not have the file of this transfer.
    NoFile(u32),
}

/// Counters since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkCounters {
    /// Media packets sent, without retransmissions.
    pub sent: u64,
    /// Bytes of these packets.
    pub sent_bytes: u64,
    /// Media packets received.
    pub received: u64,
    /// Messages retransmitted after a loss.
    pub resent: u64,
    /// Datagrams that could not be decrypted, or were not valid.
    pub rejected: u64,
}

/// See the [module](self).
pub(super) struct Link {
    protect: Protect,
    unprotect: Unprotect,
    ssrc: u32,
    /// Number of the next message.
    next: u64,
    history: PacketHistory,
    nacks: NackGenerator,
    /// SSRC of the other end, once known.
    source: Option<u32>,
    round_trip: Duration,
    next_ping: Duration,
    last_heard: Option<Duration>,
    output: VecDeque<Vec<u8>>,
    events: VecDeque<LinkEvent>,
    counters: LinkCounters,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("counters", &self.counters).finish_non_exhaustive()
    }
}

impl Link {
    /// A link from node `own` to node `other`, which has this public key; `None` if the key is not valid.
    /// `ssrc` is random. Two links with the same keys must have different ones.
    pub(super) fn new(
        key: &NodeKey,
        own: NodeId,
        other: NodeId,
        public: [u8; 32],
        ssrc: u32,
    ) -> Option<Self> {
        let (protect, unprotect) = key.link(own, other, public)?;
        Some(Self {
            protect,
            unprotect,
            ssrc,
            // The first number that a receiver accepts.
            next: 1,
            history: PacketHistory::new(HISTORY, HISTORY_PACKETS),
            nacks: NackGenerator::new(NackConfig::default()),
            source: None,
            round_trip: NackConfig::default().rtt,
            next_ping: Duration::ZERO,
            last_heard: None,
            output: VecDeque::new(),
            events: VecDeque::new(),
            counters: LinkCounters::default(),
        })
    }

    /// The time when the last valid message arrived.
    pub(super) fn last_heard(&self) -> Option<Duration> {
        self.last_heard
    }

    pub(super) fn counters(&self) -> LinkCounters {
        self.counters
    }

    /// Sends an RTP packet of a source.
    pub(super) fn send_media(&mut self, now: Duration, packet: &[u8]) {
        let mut message = Vec::with_capacity(packet.len() + 1);
        write_media(packet, &mut message);
        if let Some(number) = self.send_bytes(&message) {
            self.history.push(now, number, &message);
            self.counters.sent += 1;
            self.counters.sent_bytes += u64::try_from(packet.len()).unwrap_or(u64::MAX);
        }
    }

    /// Requests SSRCs, or ends the requests. Requests expire, so they have to be repeated.
    pub(super) fn want(&mut self, ssrcs: &[u32], is_wanted: bool) {
        for part in ssrcs.chunks(MAX_ENTRIES) {
            let part = part.to_vec();
            self.send(&if is_wanted { Message::Want(part) } else { Message::Unwant(part) });
        }
    }

    /// Requests a key frame.
    pub(super) fn request_key_frame(&mut self, ssrc: u32) {
        self.send(&Message::KeyFrame(ssrc));
    }

    /// Sends a message that is not sent again after a loss.
    pub(super) fn send(&mut self, message: &Message) {
        let mut bytes = Vec::new();
        message.write(&mut bytes);
        self.send_bytes(&bytes);
    }

    /// Encrypts a message; returns its number.
    pub(super) fn send_bytes(&mut self, message: &[u8]) -> Option<u16> {
        #[expect(clippy::cast_possible_truncation, reason = "the number is split into two fields")]
        let (sequence, wraps) = (self.next as u16, (self.next >> 16) as u32);
        let header = Header {
            marker: false,
            payload_type: PAYLOAD_TYPE,
            sequence,
            timestamp: wraps,
            ssrc: self.ssrc,
        };
        let mut packet = Vec::with_capacity(message.len() + 32);
        rtp::write(&header, &mut packet);
        packet.extend_from_slice(message);
        self.protect.rtp(&mut packet).ok()?;
        self.next += 1;
        self.output.push_back(packet);
        Some(sequence)
    }

    /// The round-trip time.
    pub(super) fn round_trip(&self) -> Duration {
        self.round_trip
    }

    /// Handles a datagram of the other node.
    pub(super) fn handle_datagram(&mut self, now: Duration, datagram: &[u8]) {
        let Some((sequence, message)) = self.decrypt(now, datagram) else {
            self.counters.rejected += 1;
            return;
        };
        self.last_heard = Some(now);
        self.nacks.push(now, sequence, PacketOrigin::Media);
        let Some(message) = Message::parse(&message) else {
            self.counters.rejected += 1;
            return;
        };
        self.handle(now, message);
    }

    fn decrypt(&mut self, now: Duration, datagram: &[u8]) -> Option<(u16, Vec<u8>)> {
        let Header { ssrc, sequence, timestamp, .. } = rtp::parse(datagram).ok()?.header;
        let mut packet = datagram.to_vec();
        let is_new = self.source != Some(ssrc);
        if is_new {
            // The other end starts again after a long silence only; before, it is a recorded packet of an earlier start.
            let is_silent = |it: Duration| now.saturating_sub(it) >= MIN_SILENCE;
            if !self.last_heard.is_none_or(is_silent) {
                return None;
            }
            // The other end may have sent more than one round of numbers before this end knew it.
            self.unprotect.set_rollover_counter(ssrc, timestamp, sequence).ok()?;
        }
        if self.unprotect.rtp(&mut packet).is_err() {
            if is_new {
                self.unprotect.remove(ssrc);
            }
            return None;
        }
        if is_new {
            if let Some(before) = self.source.replace(ssrc) {
                self.unprotect.remove(before);
            }
            self.nacks = NackGenerator::new(NackConfig::default());
        }
        let payload = rtp::parse(&packet).ok()?.payload.to_vec();
        Some((sequence, payload))
    }

    fn handle(&mut self, now: Duration, message: Message) {
        match message {
            Message::Media(packet) => {
                self.counters.received += 1;
                self.push(LinkEvent::Media(packet));
            }
            Message::Again(number, message) => {
                self.nacks.push(now, number, PacketOrigin::Retransmitted);
                self.handle(now, *message);
            }
            Message::Ping(time) => self.send(&Message::Pong(time)),
            Message::Pong(time) => {
                let round_trip = now.checked_sub(Duration::from_micros(time));
                if let Some(time) = round_trip.filter(|it| *it < Duration::from_secs(5)) {
                    self.round_trip = time;
                    self.nacks.set_rtt(time);
                }
            }
            Message::Want(ssrcs) => self.push(LinkEvent::Want(ssrcs, true)),
            Message::Unwant(ssrcs) => self.push(LinkEvent::Want(ssrcs, false)),
            Message::KeyFrame(ssrc) => self.push(LinkEvent::KeyFrame(ssrc)),
            Message::Missing(numbers) => self.send_again(now, &numbers),
            Message::GetFile(request) => self.push(LinkEvent::GetFile(request)),
            Message::FilePart(part) => self.push(LinkEvent::FilePart(part)),
            Message::NoFile(transfer) => self.push(LinkEvent::NoFile(transfer)),
        }
    }

    fn send_again(&mut self, now: Duration, numbers: &[u16]) {
        for number in numbers {
            let resend = self.history.request(now, *number, self.round_trip);
            let Resend::Packet(message) = resend else { continue };
            let mut bytes = vec![1];
            bytes.extend(number.to_be_bytes());
            bytes.extend_from_slice(message);
            self.send_bytes(&bytes);
            self.counters.resent += 1;
        }
    }

    fn push(&mut self, event: LinkEvent) {
        if self.events.len() < MAX_EVENTS {
            self.events.push_back(event);
        }
    }

    /// Sends the pings and requests that are due.
    pub(super) fn handle_timeout(&mut self, now: Duration) {
        if now >= self.next_ping {
            self.next_ping = now.saturating_add(PING_INTERVAL);
            let time = u64::try_from(now.as_micros()).unwrap_or(u64::MAX);
            self.send(&Message::Ping(time));
        }
        let mut missing = Vec::new();
        self.nacks.poll(now, &mut missing);
        for part in missing.chunks(MAX_ENTRIES) {
            self.send(&Message::Missing(part.to_vec()));
        }
    }

    /// When the next timeout is due.
    pub(super) fn poll_timeout(&self) -> Duration {
        self.nacks.poll_timeout().map_or(self.next_ping, |due| due.min(self.next_ping))
    }

    /// Returns the next datagram for the other node.
    pub(super) fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.output.pop_front()
    }

    /// Returns the next event.
    pub(super) fn poll_event(&mut self) -> Option<LinkEvent> {
        self.events.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (Link, Link) {
        let node = |byte: u8| (NodeId::from_bytes([byte; 16]), NodeKey::new([byte; 32]));
        let ((ann, ann_key), (bob, bob_key)) = (node(1), node(2));
        let one = Link::new(&ann_key, ann, bob, bob_key.public(), 10).unwrap();
        let other = Link::new(&bob_key, bob, ann, ann_key.public(), 11).unwrap();
        (one, other)
    }

    fn packet(number: u16) -> Vec<u8> {
        let mut packet = Vec::new();
        rtp::write(&Header { sequence: number, ssrc: 3, ..Header::default() }, &mut packet);
        packet.extend([1, 2, 3]);
        packet
    }

    fn media(link: &mut Link) -> Vec<u16> {
        let events = std::iter::from_fn(|| link.poll_event());
        let packets = events.filter_map(|event| match event {
            LinkEvent::Media(packet) => Some(rtp::parse(&packet).unwrap().header.sequence),
            _ => None,
        });
        packets.collect()
    }

    /// Passes datagrams in both directions; `is_lost` selects the lost datagrams of `one`, by their count.
    fn exchange(
        now: Duration,
        one: &mut Link,
        other: &mut Link,
        mut is_lost: impl FnMut() -> bool,
    ) {
        while let Some(datagram) = one.poll_transmit() {
            if !is_lost() {
                other.handle_datagram(now, &datagram);
            }
        }
        while let Some(datagram) = other.poll_transmit() {
            one.handle_datagram(now, &datagram);
        }
    }

    #[test]
    fn lost_packets_are_sent_again_and_each_arrives_once() {
        let (mut one, mut other) = pair();
        let mut received = Vec::new();
        let mut count = 0_u32;
        for step in 0..2000_u16 {
            let now = Duration::from_millis(step.into());
            if step < 1800 {
                one.send_media(now, &packet(step));
            }
            one.handle_timeout(now);
            other.handle_timeout(now);
            exchange(now, &mut one, &mut other, || {
                count += 1;
                count % 10 == 3
            });
            received.extend(media(&mut other));
        }
        assert!(received.iter().zip(&received[1..]).any(|(a, b)| a > b), "some came later");
        received.sort_unstable();
        assert_eq!(received, (0..1800).collect::<Vec<_>>());
        let resent = one.counters().resent;
        assert!((180..400).contains(&resent), "{resent}");
        assert_eq!((one.counters().sent, other.counters().rejected), (1800, 0));
    }

    #[test]
    fn requests_pass_and_forged_or_repeated_datagrams_do_not() {
        let (mut one, mut other) = pair();
        one.want(&[1, 2], true);
        one.want(&[2], false);
        one.request_key_frame(1);
        let datagrams: Vec<_> = std::iter::from_fn(|| one.poll_transmit()).collect();
        for datagram in &datagrams {
            let mut forged = datagram.clone();
            *forged.last_mut().unwrap() ^= 1;
            other.handle_datagram(Duration::ZERO, &forged);
            other.handle_datagram(Duration::ZERO, datagram);
            other.handle_datagram(Duration::ZERO, datagram);
        }
        let events: Vec<_> = std::iter::from_fn(|| other.poll_event()).collect();
        let want = |ssrcs: &[u32], on| LinkEvent::Want(ssrcs.to_vec(), on);
        assert_eq!(events, [want(&[1, 2], true), want(&[2], false), LinkEvent::KeyFrame(1)]);
        assert_eq!(other.counters().rejected, 6);
        for noise in [&[][..], &[0x80], &[0x80; 40]] {
            other.handle_datagram(Duration::ZERO, noise);
        }
        assert_eq!(other.counters().rejected, 9);
        assert_eq!(other.last_heard(), Some(Duration::ZERO));
    }

    #[test]
    fn another_ssrc_is_accepted_after_a_silence_only() {
        let (mut one, mut other) = pair();
        let node = |byte: u8| (NodeId::from_bytes([byte; 16]), NodeKey::new([byte; 32]));
        let ((ann, ann_key), (bob, bob_key)) = (node(1), node(2));
        let mut started_again = Link::new(&ann_key, ann, bob, bob_key.public(), 12).unwrap();
        let mut pass = |from: &mut Link, now: u64| {
            from.send_media(Duration::from_secs(now), &packet(1));
            other.handle_datagram(Duration::from_secs(now), &from.poll_transmit().unwrap());
            media(&mut other).len()
        };
        assert_eq!(pass(&mut one, 0), 1);
        assert_eq!(pass(&mut started_again, 1), 0);
        assert_eq!(pass(&mut one, 2), 1);
        assert_eq!(pass(&mut started_again, 5), 1);
        assert_eq!(pass(&mut one, 6), 0);
    }

    #[test]
    fn an_end_that_starts_again_understands_a_link_of_many_packets() {
        let (mut one, _) = pair();
        let now = Duration::ZERO;
        for number in 0..70_000_u32 {
            one.send_media(now, &packet(u16::try_from(number % 65_536).unwrap()));
            if number < 69_999 {
                one.poll_transmit();
            }
        }
        let (_, mut again) = pair();
        again.handle_datagram(now, &one.poll_transmit().unwrap());
        assert_eq!(media(&mut again), [4463]);
    }
}
