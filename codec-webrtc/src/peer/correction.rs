//! Correction of pictures: ULPFEC in RED, as browsers speak it.
//!
//! What is protected is the packet as it leaves, extensions included, with the payload taken out of
//! RED, and with those extensions zeroed that are written last: so this end looks at the stack's
//! copies of what it sends ([`protect`]), and at the headers of the datagrams that come
//! ([`recover`]).

mod protect;
mod recover;

use std::time::Duration;

use str0m::rtp::Extension;
use str0m::rtp::rtcp::Twcc;

use super::Peer;
use crate::Mid;
use crate::red::STAND_IN;
use codec_rtc::extension;
use codec_rtc::fec::protection::LossMeter;
use codec_rtc::rtp::FIXED_HEADER_BYTES;
use protect::Protector;
use recover::Corrector;

/// Packets of a report that are looked at.
const REPORTED: usize = 4096;

/// What a peer corrects.
#[derive(Debug)]
pub(super) struct Correction {
    /// Payload type of ULPFEC within RED.
    ulpfec: u8,
    /// The owner has nothing against it.
    is_allowed: bool,
    losses: LossMeter,
    round_trip: Option<Duration>,
    /// Lines that are sent.
    protectors: Vec<Protector>,
    /// Sources that come.
    correctors: Vec<Corrector>,
    /// Header of the datagram that is being taken.
    arriving: Vec<u8>,
}

/// What is agreed on for a line.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Agreed {
    mid: Mid,
    /// Payload types.
    red: u8,
    vp8: u8,
    ulpfec: u8,
    /// Ids of extensions that are zero in what is protected: they are written last.
    zeroed: Vec<u8>,
}

impl Correction {
    pub(super) fn new(ulpfec: u8) -> Self {
        Self {
            ulpfec,
            is_allowed: true,
            losses: LossMeter::default(),
            round_trip: None,
            protectors: Vec::new(),
            correctors: Vec::new(),
            arriving: Vec::new(),
        }
    }

    /// A report of what has arrived.
    pub(super) fn note_losses(&mut self, report: Twcc, base: std::time::Instant) {
        let (mut packets, mut lost, mut runs, mut was_lost) = (0, 0, 0, false);
        for (_, _, arrival) in report.into_iter(base, 0.into()).take(REPORTED) {
            let is_lost = arrival.is_none();
            packets += 1;
            lost += usize::from(is_lost);
            runs += usize::from(is_lost && !was_lost);
            was_lost = is_lost;
        }
        self.losses.observe(packets, lost, runs);
    }

    pub(super) fn note_round_trip(&mut self, round_trip: Option<Duration>) {
        // Single ones are longer by what the other end was busy with.
        self.round_trip = match (self.round_trip, round_trip) {
            (Some(before), Some(now)) => Some((before * 7 + now) / 8),
            (before, now) => before.or(now),
        };
    }
}

impl Peer {
    /// Whether frames may go out with correction from now on; at first they may. Where packets are
    /// lost because the link is full, more of them make it worse.
    pub fn allow_correction(&mut self, is_allowed: bool) {
        if let Some(correction) = &mut self.correction {
            correction.is_allowed = is_allowed;
        }
    }

    /// What is agreed on for a line that has RED.
    fn agreed(&self, mid: Mid) -> Option<Agreed> {
        let ulpfec = self.correction.as_ref()?.ulpfec;
        let media = self.rtc.media(mid.0)?;
        let params = self.rtc.codec_config().params();
        let of = |codec| {
            let is_it = |pt| params.iter().any(|it| it.pt() == pt && it.spec().codec == codec);
            media.remote_pts().iter().find(|pt| is_it(**pt)).map(|pt| **pt)
        };
        let late = [Extension::TransportSequenceNumber, Extension::AbsoluteSendTime];
        let zeroed = late.into_iter().filter_map(|kind| media.remote_extmap().id_of(kind));
        let (red, vp8) = (of(STAND_IN)?, of(str0m::format::Codec::Vp8)?);
        Some(Agreed { mid, red, vp8, ulpfec, zeroed: zeroed.collect() })
    }
}

impl Agreed {
    /// A packet as it is protected, of its header and its payload without RED.
    fn protected(&self, mut header: Vec<u8>, payload: &[u8]) -> Vec<u8> {
        if let Some(byte) = header.get_mut(1) {
            *byte = *byte & 0x80 | self.vp8 & 0x7f;
        }
        let fixed = fixed_bytes(&header);
        if let Some(([high, low, _, _], data)) =
            fixed.and_then(|fixed| header.get_mut(fixed..)?.split_first_chunk_mut())
        {
            extension::clear(u16::from_be_bytes([*high, *low]), data, &self.zeroed);
        }
        header.extend_from_slice(payload);
        header
    }
}

/// Bytes of a header before its extension, if it has one.
fn fixed_bytes(packet: &[u8]) -> Option<usize> {
    let first = *packet.first()?;
    (first & 0x10 != 0).then(|| FIXED_HEADER_BYTES + 4 * usize::from(first & 15))
}

/// Bytes of a packet's header with its extension; `None` if there are fewer.
fn header_bytes(packet: &[u8]) -> Option<usize> {
    let len = match fixed_bytes(packet) {
        Some(fixed) => {
            let words = packet.get(fixed + 2..)?.first_chunk()?;
            fixed + 4 + 4 * usize::from(u16::from_be_bytes(*words))
        }
        None => FIXED_HEADER_BYTES + 4 * usize::from(packet.first()? & 15),
    };
    (packet.len() >= len).then_some(len)
}
