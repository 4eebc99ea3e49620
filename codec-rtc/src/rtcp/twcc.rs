//! Transport-wide congestion control feedback. draft-holmer-rmcat-transport-wide-cc-extensions-01,
//! section 3.1.

use std::time::Duration;

use super::block::{Block, BlockWriter, Reader};
use super::chunks::{self, Symbol};
use super::{format, kind};
use crate::rtp::{Malformed, WriteError};

/// Unit of deltas in microseconds.
const TICK_US: i64 = 250;
/// Number of deltas units per unit of the reference time (64 ms).
const REFERENCE_TICKS: i64 = 256;
const REFERENCE_BITS: u32 = 24;

/// Arrival times of the packets of a transport, by transport-wide sequence number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Twcc {
    /// SSRC of the reporting endpoint.
    pub sender_ssrc: u32,
    /// SSRC of one of the streams.
    pub media_ssrc: u32,
    /// Sequence number of the first entry of [`Self::packets`].
    pub base_sequence: u16,
    /// Counter of feedback messages, to detect lost ones.
    pub feedback_count: u8,
    /// Reference time by the receiver's clock in units of 64 ms: 24 bits, wraps.
    pub reference_time_64ms: u32,
    /// Arrival times of consecutive packets since the reference time, in steps of 250 us; `None`
    /// for a packet not received. At most [`Self::MAX_PACKETS`].
    ///
    /// If packets arrived before the reference time on the wire, the parser returns an earlier
    /// reference time, so that no time is negative.
    pub packets: Vec<Option<Duration>>,
}

impl Twcc {
    /// Maximum number of packets in a message.
    pub const MAX_PACKETS: usize = 16_384;
    /// Unit of [`Self::reference_time_64ms`].
    pub const REFERENCE_UNIT: Duration = Duration::from_millis(64);
    /// Unit of arrival times.
    pub const DELTA_UNIT: Duration = Duration::from_micros(250);
    /// Size of the fields before the chunks, in bytes.
    const FIXED_BYTES: usize = 20;

    /// Returns the reference time of an arrival time by the receiver's clock, and that reference as
    /// a duration.
    #[must_use]
    pub fn reference_of(arrival: Duration) -> (u32, Duration) {
        let units = arrival.as_micros() / Self::REFERENCE_UNIT.as_micros();
        let low = u32::try_from(units & ((1 << REFERENCE_BITS) - 1)).unwrap_or(0);
        let start = u64::try_from(units * Self::REFERENCE_UNIT.as_micros()).unwrap_or(u64::MAX);
        (low, Duration::from_micros(start))
    }

    /// Sequence number of the packet at `index` of [`Self::packets`].
    #[must_use]
    pub fn sequence(&self, index: usize) -> u16 {
        // At most MAX_PACKETS.
        self.base_sequence.wrapping_add(u16::try_from(index).unwrap_or(u16::MAX))
    }

    /// Splits feedback on `packets` into messages of at most `max_bytes` each (64 at least) with
    /// representable times, and appends them to `out`. `self` provides the SSRCs, the sequence
    /// number of the first packet and the first feedback count; its arrival times are ignored.
    /// `packets` contains arrival times by the receiver's clock. Returns the next feedback count.
    ///
    /// Losses at the end are left to a later message.
    #[must_use]
    pub fn split(&self, packets: &[Option<Duration>], max_bytes: usize, out: &mut Vec<Self>) -> u8 {
        let (mut rest, mut base_sequence) = (packets, self.base_sequence);
        let mut feedback_count = self.feedback_count;
        while let Some(first) = rest.iter().copied().flatten().next() {
            // A packet that arrived too long before the first for a delta is left to the next
            // message.
            let window = first.saturating_sub(Self::DELTA_UNIT * i16::MAX.unsigned_abs().into());
            let near = rest.iter().take(Self::MAX_PACKETS).flatten().filter(|&&it| it >= window);
            let (reference_time_64ms, start) =
                Self::reference_of(near.min().copied().unwrap_or(first));
            let after = |packet: &&Option<Duration>| packet.is_none_or(|it| it >= start);
            let since = |packet: &Option<Duration>| packet.map(|it| it.saturating_sub(start));
            let near = rest.iter().take(Self::MAX_PACKETS).take_while(after);
            let mut packets: Vec<_> = near.map(since).collect();
            packets.truncate(fitting(&packets, max_bytes.max(64)));
            let taken = packets.len();
            if taken == 0 {
                break;
            }
            rest = rest.get(taken..).unwrap_or_default();
            // Losses at the end will be covered by a later message.
            let received = packets.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
            if received > 0 {
                packets.truncate(received);
                out.push(Self {
                    sender_ssrc: self.sender_ssrc,
                    media_ssrc: self.media_ssrc,
                    base_sequence,
                    feedback_count,
                    reference_time_64ms,
                    packets,
                });
                feedback_count = feedback_count.wrapping_add(1);
            }
            base_sequence = base_sequence.wrapping_add(u16::try_from(taken).unwrap_or(u16::MAX));
        }
        feedback_count
    }

    pub(super) fn parse(block: &Block<'_>) -> Result<Self, Malformed> {
        let mut reader = block.reader("transport-wide feedback");
        let (sender_ssrc, media_ssrc) = (reader.u32()?, reader.u32()?);
        let (base_sequence, count) = (reader.u16()?, usize::from(reader.u16()?));
        let (reference, feedback_count) = (reader.u24()?, reader.u8()?);
        if count > Self::MAX_PACKETS {
            let what = "packets in transport-wide feedback";
            return Err(Malformed::TooMany { what, limit: Self::MAX_PACKETS, actual: count });
        }
        let mut symbols = Vec::new();
        while symbols.len() < count {
            let before = symbols.len();
            chunks::read(reader.u16()?, count, &mut symbols).ok_or(Malformed::Field {
                what: "transport-wide feedback contains a reserved symbol",
            })?;
            if symbols.len() == before {
                return Err(Malformed::Field {
                    what: "transport-wide feedback contains an empty run",
                });
            }
        }
        let arrivals = read_deltas(&mut reader, &symbols)?;
        // Moves the reference time back until no arrival time is before it.
        let earliest = arrivals.iter().flatten().copied().min().unwrap_or(0).min(0);
        let back = earliest.div_euclid(REFERENCE_TICKS);
        let since = |ticks: i64| {
            let ticks = u64::try_from(ticks - back * REFERENCE_TICKS).unwrap_or(0);
            Duration::from_micros(ticks * TICK_US.unsigned_abs())
        };
        let back = u32::try_from(-back).unwrap_or(0);
        Ok(Self {
            sender_ssrc,
            media_ssrc,
            base_sequence,
            feedback_count,
            reference_time_64ms: reference.wrapping_sub(back) & ((1 << REFERENCE_BITS) - 1),
            packets: arrivals.into_iter().map(|ticks| ticks.map(since)).collect(),
        })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<(), WriteError> {
        let (most, had) = (Self::MAX_PACKETS, self.packets.len());
        let count = u16::try_from(had).ok().filter(|_| had <= most);
        let what = "packets in transport-wide feedback";
        let count = count.ok_or(WriteError::TooMany { what, limit: most, actual: had })?;
        if self.reference_time_64ms >> REFERENCE_BITS != 0 {
            return Err(WriteError::Field { what: "the reference time has more than 24 bits" });
        }
        let (symbols, deltas) = symbols_of(&self.packets);
        if symbols.len() < had {
            return Err(WriteError::Field {
                what: "arrival times are too far apart for one message",
            });
        }
        let mut writer =
            BlockWriter::begin(out, kind::TRANSPORT_FEEDBACK, format::TWCC.into(), "as format")?;
        writer.u32(self.sender_ssrc);
        writer.u32(self.media_ssrc);
        writer.u16(self.base_sequence);
        writer.u16(count);
        writer.u32(self.reference_time_64ms << 8 | u32::from(self.feedback_count));
        let mut rest = symbols.as_slice();
        while let Some((chunk, taken)) = chunks::next(rest) {
            writer.u16(chunk);
            rest = rest.get(taken..).unwrap_or_default();
        }
        for delta in deltas {
            match u8::try_from(delta) {
                Ok(small) => writer.out.push(small),
                Err(_) => writer.out.extend(delta.to_be_bytes()),
            }
        }
        writer.end_padded()
    }
}

/// Reads arrival times in ticks since the reference time.
fn read_deltas(reader: &mut Reader<'_>, symbols: &[Symbol]) -> Result<Vec<Option<i64>>, Malformed> {
    let mut ticks = 0_i64;
    let mut arrivals = Vec::with_capacity(symbols.len());
    for symbol in symbols {
        let delta = match symbol {
            Symbol::NotReceived => None,
            Symbol::Small => Some(i64::from(reader.u8()?)),
            Symbol::Large => Some(i64::from(reader.u16()?.cast_signed())),
        };
        // At most 16384 deltas of 16 bits.
        ticks += delta.unwrap_or(0);
        arrivals.push(delta.map(|_| ticks));
    }
    Ok(arrivals)
}

/// Symbols of packets, up to the first delta that does not fit, and the deltas of received packets.
fn symbols_of(packets: &[Option<Duration>]) -> (Vec<Symbol>, Vec<i16>) {
    let (mut symbols, mut deltas) = (Vec::with_capacity(packets.len()), Vec::new());
    let mut last = 0_i64;
    for packet in packets {
        let Some(arrival) = packet else {
            symbols.push(Symbol::NotReceived);
            continue;
        };
        let ticks = i64::try_from(arrival.as_micros()).unwrap_or(i64::MAX) / TICK_US;
        let Ok(delta) = i16::try_from(ticks - last) else { break };
        let small = u8::try_from(delta).is_ok();
        symbols.push(if small { Symbol::Small } else { Symbol::Large });
        deltas.push(delta);
        last = ticks;
    }
    (symbols, deltas)
}

/// Number of packets that fit a message of `max_bytes`.
fn fitting(packets: &[Option<Duration>], max_bytes: usize) -> usize {
    let (symbols, _) = symbols_of(packets);
    let (mut rest, mut taken) = (symbols.as_slice(), 0);
    let mut bytes = Twcc::FIXED_BYTES;
    while let Some((_, len)) = chunks::next(rest) {
        let (now, later) = rest.split_at_checked(len).unwrap_or((rest, &[]));
        let deltas = now.iter().map(|symbol| symbol.delta_bytes());
        // A long run is split where it no longer fits.
        let mut end = bytes + 2;
        let fit = deltas.take_while(|delta| {
            end += delta;
            end.next_multiple_of(4) <= max_bytes
        });
        let fit = fit.count();
        taken += fit;
        if fit < now.len() {
            break;
        }
        (bytes, rest) = (end, later);
    }
    taken
}
