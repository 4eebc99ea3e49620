//! Transport-wide feedback. draft-holmer-rmcat-transport-wide-cc-extensions-01, section 3.1.

use std::time::Duration;

use super::block::{Block, BlockWriter, Reader};
use super::chunks::{self, Symbol};
use super::{format, kind};
use crate::rtp::Malformed;

/// Unit of deltas.
const TICK_US: i64 = 250;
/// Ticks of a unit of the reference time: 64 ms.
const REFERENCE_TICKS: i64 = 256;
const REFERENCE_BITS: u32 = 24;

/// When the packets of a transport came, each known by its transport-wide sequence number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Twcc {
    /// Who reports.
    pub sender_ssrc: u32,
    /// One of the streams.
    pub media_ssrc: u32,
    /// Number of the first of [`Self::packets`].
    pub base_sequence: u16,
    /// Counts these packets, so that lost ones show.
    pub feedback_count: u8,
    /// A time by the receiver's clock in units of 64 ms: 24 bits, wraps.
    pub reference_time_64ms: u32,
    /// For each number, one after another, when it came, since the reference time, in steps of
    /// 250 us; `None` for a packet that did not come. At most [`Self::MAX_PACKETS`].
    ///
    /// What came before the reference time of the bytes is read with an earlier one, so that no
    /// time is negative.
    pub packets: Vec<Option<Duration>>,
}

impl Twcc {
    /// Most packets that one report is about.
    pub const MAX_PACKETS: usize = 16_384;
    /// Unit of [`Self::reference_time_64ms`].
    pub const REFERENCE_UNIT: Duration = Duration::from_millis(64);
    /// Unit of arrival times.
    pub const DELTA_UNIT: Duration = Duration::from_micros(250);
    /// Bytes before the chunks.
    const FIXED_BYTES: usize = 20;

    /// The reference time of an instant by the receiver's clock, and the instant of that reference.
    #[must_use]
    pub fn reference_of(arrival: Duration) -> (u32, Duration) {
        let units = arrival.as_micros() / Self::REFERENCE_UNIT.as_micros();
        let low = u32::try_from(units & ((1 << REFERENCE_BITS) - 1)).unwrap_or(0);
        let start = u64::try_from(units * Self::REFERENCE_UNIT.as_micros()).unwrap_or(u64::MAX);
        (low, Duration::from_micros(start))
    }

    /// The number of the packet at `index` of [`Self::packets`].
    #[must_use]
    pub fn sequence(&self, index: usize) -> u16 {
        // At most MAX_PACKETS.
        self.base_sequence.wrapping_add(u16::try_from(index).unwrap_or(u16::MAX))
    }

    /// Appends as many reports about `packets` to `out` as it takes: each at most `max_bytes` long
    /// (64 at least), and with times that can be told. `self` gives the sources, the number of the
    /// first packet and the count of the first report; its times are not looked at. `packets` holds
    /// arrival times by the receiver's clock. Returns the count for the next report.
    ///
    /// Losses at the end are left for a later report.
    #[must_use]
    pub fn split(&self, packets: &[Option<Duration>], max_bytes: usize, out: &mut Vec<Self>) -> u8 {
        let (mut rest, mut base_sequence) = (packets, self.base_sequence);
        let mut feedback_count = self.feedback_count;
        while let Some(first) = rest.iter().copied().flatten().next() {
            // What came longer before the first than a delta can say goes into the next report.
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
            // Losses at the end say nothing that a later report will not say.
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
            return Err(Malformed::TooMany { what, most: Self::MAX_PACKETS, had: count });
        }
        let mut symbols = Vec::new();
        while symbols.len() < count {
            let before = symbols.len();
            chunks::read(reader.u16()?, count, &mut symbols)
                .ok_or(Malformed::Field { what: "a reserved symbol in transport-wide feedback" })?;
            if symbols.len() == before {
                return Err(Malformed::Field { what: "an empty run in transport-wide feedback" });
            }
        }
        let arrivals = read_deltas(&mut reader, &symbols)?;
        // The reference goes back until no time lies before it.
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

    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<(), Malformed> {
        let (most, had) = (Self::MAX_PACKETS, self.packets.len());
        let count = u16::try_from(had).ok().filter(|_| had <= most);
        let what = "packets in transport-wide feedback";
        let count = count.ok_or(Malformed::TooMany { what, most, had })?;
        if self.reference_time_64ms >> REFERENCE_BITS != 0 {
            return Err(Malformed::Field { what: "a reference time of more than 24 bits" });
        }
        let (symbols, deltas) = symbols_of(&self.packets);
        if symbols.len() < had {
            return Err(Malformed::Field { what: "arrivals too far apart for one report" });
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

/// Arrival times in ticks since the reference time.
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

/// The symbols of packets, until a delta that does not fit, and the deltas of those received.
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

/// How many of the packets fit a report of `max_bytes`.
fn fitting(packets: &[Option<Duration>], max_bytes: usize) -> usize {
    let (symbols, _) = symbols_of(packets);
    let (mut rest, mut taken) = (symbols.as_slice(), 0);
    let mut bytes = Twcc::FIXED_BYTES;
    while let Some((_, len)) = chunks::next(rest) {
        let (now, later) = rest.split_at_checked(len).unwrap_or((rest, &[]));
        let deltas = now.iter().map(|symbol| symbol.delta_bytes());
        // A long run is cut where it stops fitting.
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
