//! RTCP congestion control feedback (CCFB). RFC 8888, section 3.1.

use std::time::Duration;

use super::block::{Block, BlockWriter};
use super::{format, kind};
use crate::rtp::{Malformed, WriteError};

const RECEIVED: u16 = 0x8000;
const OFFSET_BITS: u16 = 0x1fff;
/// Arrival time offset beyond the range.
const OVER_RANGE: u16 = 0x1ffe;
/// Arrival time not available.
const UNAVAILABLE: u16 = 0x1fff;

/// Congestion control feedback on the packets of several streams.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ccfb {
    /// SSRC of the reporting endpoint.
    pub sender_ssrc: u32,
    /// Reports by stream.
    pub streams: Vec<CcfbStream>,
    /// Time of the report: middle 32 bits of an NTP time, in units of 1/65536 s.
    pub report_time: u32,
}

/// Feedback on one stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CcfbStream {
    /// SSRC of the stream.
    pub ssrc: u32,
    /// Sequence number of the first entry of [`Self::metrics`].
    pub begin_sequence: u16,
    /// Consecutive packets; `None` for a packet not received. At most [`Ccfb::MAX_METRICS`].
    pub metrics: Vec<Option<CcfbMetric>>,
}

/// Arrival of one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CcfbMetric {
    /// ECN mark.
    pub ecn: Ecn,
    /// Arrival time offset before [`Ccfb::report_time`] in units of 1/1024 s:
    /// 0..=[`Self::MAX_OFFSET`]; larger values are written and read as [`Self::MAX_OFFSET`] + 1.
    /// `None` if unavailable.
    pub offset: Option<u16>,
}

/// Explicit congestion notification (RFC 3168).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the standard's names")]
pub enum Ecn {
    #[default]
    NotCapable,
    Capable1,
    Capable0,
    CongestionExperienced,
}

impl CcfbMetric {
    /// Maximum arrival time offset: 7.997 s.
    pub const MAX_OFFSET: u16 = 0x1ffd;

    /// Creates the metric of a packet that arrived `before` the time of the report.
    #[must_use]
    pub fn new(ecn: Ecn, before: Duration) -> Self {
        let units = before.as_micros().saturating_mul(1024) / 1_000_000;
        let offset = u16::try_from(units).unwrap_or(OVER_RANGE).min(OVER_RANGE);
        Self { ecn, offset: Some(offset) }
    }

    /// Time from arrival to the report, rounded to microseconds; `None` if unavailable or out of
    /// range.
    #[must_use]
    pub fn before(&self) -> Option<Duration> {
        let offset = self.offset.filter(|&offset| offset <= Self::MAX_OFFSET)?;
        Some(Duration::from_micros(u64::from(offset) * 1_000_000 / 1024))
    }

    fn from_bits(bits: u16) -> Option<Self> {
        let ecn = match bits >> 13 & 3 {
            0 => Ecn::NotCapable,
            1 => Ecn::Capable1,
            2 => Ecn::Capable0,
            _ => Ecn::CongestionExperienced,
        };
        let offset = Some(bits & OFFSET_BITS).filter(|&offset| offset != UNAVAILABLE);
        (bits & RECEIVED != 0).then_some(Self { ecn, offset })
    }

    fn bits(self) -> u16 {
        let ecn: u16 = match self.ecn {
            Ecn::NotCapable => 0,
            Ecn::Capable1 => 1,
            Ecn::Capable0 => 2,
            Ecn::CongestionExperienced => 3,
        };
        let offset = self.offset.map_or(UNAVAILABLE, |offset| offset.min(OVER_RANGE));
        RECEIVED | ecn << 13 | offset
    }
}

impl Ccfb {
    /// Maximum number of packets per stream in a report.
    pub const MAX_METRICS: usize = 16_384;
    /// Size of a report without streams, in bytes.
    pub const FIXED_BYTES: usize = 12;

    /// Number of bytes for one stream with `metrics` packets.
    #[must_use]
    pub const fn stream_bytes(metrics: usize) -> usize {
        8 + (2 * metrics).next_multiple_of(4)
    }

    pub(super) fn parse(block: &Block<'_>) -> Result<Self, Malformed> {
        let mut reader = block.reader("congestion control feedback");
        let sender_ssrc = reader.u32()?;
        let mut streams = Vec::new();
        while reader.rest().len() > 4 {
            let (ssrc, begin_sequence) = (reader.u32()?, reader.u16()?);
            let count = usize::from(reader.u16()?);
            if count > Self::MAX_METRICS {
                let what = "packets of one stream in congestion control feedback";
                return Err(Malformed::TooMany { what, limit: Self::MAX_METRICS, actual: count });
            }
            let bytes = reader.bytes((2 * count).next_multiple_of(4))?;
            let pairs = bytes.as_chunks::<2>().0.iter().take(count);
            let metrics = pairs.map(|&bits| CcfbMetric::from_bits(u16::from_be_bytes(bits)));
            streams.push(CcfbStream { ssrc, begin_sequence, metrics: metrics.collect() });
        }
        Ok(Self { sender_ssrc, streams, report_time: reader.u32()? })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<(), WriteError> {
        let mut writer =
            BlockWriter::begin(out, kind::TRANSPORT_FEEDBACK, format::CCFB.into(), "as format")?;
        writer.u32(self.sender_ssrc);
        for stream in &self.streams {
            let (most, had) = (Self::MAX_METRICS, stream.metrics.len());
            let what = "packets of one stream in congestion control feedback";
            let count = u16::try_from(had).ok().filter(|_| had <= most);
            writer.u32(stream.ssrc);
            writer.u16(stream.begin_sequence);
            writer.u16(count.ok_or(WriteError::TooMany { what, limit: most, actual: had })?);
            for metric in &stream.metrics {
                writer.u16(metric.map_or(0, CcfbMetric::bits));
            }
            writer.align();
        }
        writer.u32(self.report_time);
        writer.end()
    }
}
