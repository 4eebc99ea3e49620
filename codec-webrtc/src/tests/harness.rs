//! Test harness: a session of two peers over an emulated link in each direction, in virtual time.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use codec_core::codec::Bitrate;

use super::*;
use codec_rtc::extension::Label;
use codec_rtc::link::{Link, LinkConfig, Loss, RateTrace};

/// Both endpoints and the network between them.
pub(super) struct Call {
    pub(super) now: Duration,
    pub(super) ends: [End; 2],
    /// Links towards the endpoint with the same index.
    pub(super) links: [Link<Transmit>; 2],
    /// Datagrams injected by an attacker, with the index of the receiving endpoint.
    pub(super) forged: Vec<(Duration, usize, SocketAddr, Vec<u8>)>,
    /// Immediate response of an on-path attacker to a datagram.
    pub(super) answers: fn(&[u8]) -> Option<Vec<u8>>,
    /// Number of such responses.
    pub(super) answered: usize,
    /// The first answer.
    pub(super) answer: String,
    /// Addresses from and to which nothing arrives.
    pub(super) dead: Vec<SocketAddr>,
    /// Whether datagrams of DTLS handshakes are lost.
    pub(super) is_without_dtls: bool,
    /// Number of datagrams of DTLS handshakes.
    pub(super) dtls_handshakes: usize,
}

pub(super) struct End {
    pub(super) peer: Peer,
    pub(super) events: Vec<(Duration, Event)>,
}

pub(super) fn link(loss: Loss, delay_ms: u64) -> LinkConfig {
    let rate = RateTrace::constant(Bitrate::kbps(20_000)).unwrap();
    let delay = Duration::from_millis(delay_ms);
    LinkConfig { loss, delay, ..LinkConfig::new(rate) }
}

pub(super) const NO_LOSS: Loss = Loss::None;

/// Setup of a session.
pub(super) struct Setup {
    pub(super) link: LinkConfig,
    pub(super) seed: u64,
    pub(super) offerer: fn(&mut PeerConfig),
    pub(super) answerer: fn(&mut PeerConfig),
    pub(super) direction: Direction,
    /// Simulcast layers that the offerer sends.
    pub(super) layers: &'static [&'static str],
    /// Whether the first offer has no video.
    pub(super) is_audio_only: bool,
}

impl Default for Setup {
    fn default() -> Self {
        let nothing: fn(&mut PeerConfig) = |_| {};
        let (offerer, answerer) = (nothing, nothing);
        let link = link(NO_LOSS, 25);
        let direction = Direction::SendReceive;
        Self { link, seed: 1, offerer, answerer, direction, layers: &[], is_audio_only: false }
    }
}

impl Setup {
    pub(super) fn call(self) -> Call {
        let base = Instant::now();
        let now = Duration::from_secs(10);
        let (mut offerer, mut answerer) = (config(base, 1, OFFERER), config(base, 2, ANSWERER));
        (self.offerer)(&mut offerer);
        (self.answerer)(&mut answerer);
        let channels = [ChannelSettings::reliable("stats")];
        let mut plans = plans(self.direction);
        plans[1].layers = self.layers.iter().filter_map(|rid| Label::new(rid)).collect();
        let plans = if self.is_audio_only { &plans[..1] } else { &plans };
        let (mut first, offer, pending, _) = Peer::offer(&offerer, plans, &channels, now).unwrap();
        let (second, answer) = Peer::answer(&offer, &answerer, now).unwrap();
        first.accept_answer(pending, &answer, now).unwrap();
        let end = |peer| End { peer, events: Vec::new() };
        let links = [0, 1].map(|to| Link::new(self.link.clone(), self.seed * 2 + to).unwrap());
        let ends = [end(first), end(second)];
        let (forged, dead) = (Vec::new(), Vec::new());
        let (answers, answered): (fn(&[u8]) -> _, _) = (|_| None, 0);
        Call {
            now,
            ends,
            links,
            forged,
            answers,
            answered,
            answer,
            dead,
            is_without_dtls: false,
            dtls_handshakes: 0,
        }
    }
}

impl Call {
    /// Runs until `until`, or until `done` returns true.
    pub(super) fn run(&mut self, until: Duration, done: impl Fn(&Self) -> bool) {
        loop {
            self.collect();
            if done(self) {
                return;
            }
            let times = self.ends.iter().filter_map(|end| end.peer.poll_timeout());
            let times = times.chain(self.links.iter().filter_map(Link::poll_timeout));
            let times = times.chain(self.forged.iter().map(|forged| forged.0));
            let next = times.min().unwrap_or(until).max(self.now);
            if next >= until {
                self.now = until;
                return;
            }
            self.now = next;
            for (end, link) in self.ends.iter_mut().zip(&mut self.links) {
                while let Some(arrival) = link.poll(next) {
                    let Transmit { source, destination, payload } = arrival.packet;
                    end.peer.handle_datagram(next, source, destination, &payload);
                }
                if end.peer.poll_timeout().is_some_and(|time| time <= next) {
                    end.peer.handle_timeout(next);
                }
            }
            let addresses = [OFFERER, ANSWERER].map(|address| address.parse().unwrap());
            self.forged.retain(|(at, to, source, datagram)| {
                if *at <= next {
                    self.ends[*to].peer.handle_datagram(next, *source, addresses[*to], datagram);
                }
                *at > next
            });
        }
    }

    pub(super) fn run_for(&mut self, time: Duration) {
        self.run(self.now + time, |_| false);
    }

    pub(super) fn connect(&mut self) {
        self.run(self.now + Duration::from_secs(30), Self::both_connected);
        assert!(self.both_connected(), "{:?}", self.last_events());
    }

    pub(super) fn both_connected(&self) -> bool {
        self.ends.iter().all(|end| end.peer.is_connected())
    }

    pub(super) fn last_events(&self) -> [Option<&Event>; 2] {
        [0, 1].map(|at| self.ends[at].events.last().map(|event| &event.1))
    }

    fn collect(&mut self) {
        for (at, end) in self.ends.iter_mut().enumerate() {
            while let Some(transmit) = end.peer.poll_transmit() {
                if let Some(answer) = (self.answers)(&transmit.payload) {
                    let (from, to) = (transmit.destination, transmit.source);
                    end.peer.handle_datagram(self.now, from, to, &answer);
                    self.answered += 1;
                }
                let is_handshake = transmit.payload.first() == Some(&22);
                self.dtls_handshakes += usize::from(is_handshake);
                let addresses = [transmit.source, transmit.destination];
                if addresses.iter().any(|address| self.dead.contains(address))
                    || is_handshake && self.is_without_dtls
                {
                    continue;
                }
                self.links[1 - at].send(self.now, transmit.payload.len(), transmit);
            }
            while let Some(event) = end.peer.poll_event() {
                end.events.push((self.now, event));
            }
        }
    }
}

impl End {
    pub(super) fn media(&self, kind: Kind) -> Mid {
        let found = self.events.iter().find_map(|(_, event)| match event {
            Event::Media(media) if media.kind == kind => Some(media.mid),
            _ => None,
        });
        found.unwrap()
    }

    pub(super) fn packets(&self, codec: Codec) -> Vec<&RtpPacket> {
        let packets = self.events.iter().filter_map(|(_, event)| match event {
            Event::Rtp(packet) if packet.codec == codec => Some(&**packet),
            _ => None,
        });
        packets.collect()
    }

    pub(super) fn closed(&self) -> Option<&ClosedReason> {
        match self.events.last() {
            Some((_, Event::Closed(reason))) => Some(reason),
            _ => None,
        }
    }

    pub(super) fn has(&self, test: impl Fn(&Event) -> bool) -> bool {
        self.events.iter().any(|(_, event)| test(event))
    }
}
