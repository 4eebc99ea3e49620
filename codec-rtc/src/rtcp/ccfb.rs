//! Congestion control feedback. RFC 8888, section 3.1.

use std::time::Duration;

use super::block::{Block, BlockWriter};
use super::{format, kind};
use crate::rtp::Malformed;

const RECEIVED: u16 = 0x8000;
const OFFSET_BITS: u16 = 0x1fff;
/// An offset longer than can be said.
const OVER_RANGE: u16 = 0x1ffe;
/// An arrival that is not known.
const UNAVAILABLE: u16 = 0x1fff;

/// Feedback on the packets of several streams.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ccfb {
    /// Who reports.
    pub sender_ssrc: u32,
    /// By stream.
    pub streams: Vec<CcfbStream>,
    /// When the report was made: the middle 32 bits of an NTP time, 1/65536 s.
    pub report_time: u32,
}

/// What came of one stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CcfbStream {
    /// The stream's source.
    pub ssrc: u32,
    /// Sequence number of the first of [`Self::metrics`].
    pub begin_sequence: u16,
    /// For each sequence number, one after another; `None` for a packet that did not come. At most
    /// [`Ccfb::MAX_METRICS`].
    pub metrics: Vec<Option<CcfbMetric>>,
}

/// How a packet came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CcfbMetric {
    /// Mark of congestion that it bore.
    pub ecn: Ecn,
    /// How long before [`Ccfb::report_time`], in 1/1024 s: 0..=[`Self::LONGEST`]; anything above is
    /// written and read as [`Self::LONGEST`] + 1. `None` if it is not known.
    pub offset: Option<u16>,
}

/// The two bits of explicit congestion notification (RFC 3168).
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
    /// The longest offset that can be said: 7.997 s.
    pub const LONGEST: u16 = 0x1ffd;

    /// A packet that came `before` the report is made.
    #[must_use]
    pub fn new(ecn: Ecn, before: Duration) -> Self {
        let units = before.as_micros().saturating_mul(1024) / 1_000_000;
        let offset = u16::try_from(units).unwrap_or(OVER_RANGE).min(OVER_RANGE);
        Self { ecn, offset: Some(offset) }
    }

    /// How long before the report it came, rounded to microseconds; `None` if that is not known or
    /// too long to be said.
    #[must_use]
    pub fn before(&self) -> Option<Duration> {
        let offset = self.offset.filter(|&offset| offset <= Self::LONGEST)?;
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
    /// Most packets of one stream in a report.
    pub const MAX_METRICS: usize = 16_384;
    /// Bytes of a report without any stream.
    pub const FIXED_BYTES: usize = 12;

    /// Bytes that one stream with `metrics` packets takes.
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
                let what = "packets of a stream in congestion control feedback";
                return Err(Malformed::TooMany { what, most: Self::MAX_METRICS, had: count });
            }
            let bytes = reader.bytes((2 * count).next_multiple_of(4))?;
            let pairs = bytes.as_chunks::<2>().0.iter().take(count);
            let metrics = pairs.map(|&bits| CcfbMetric::from_bits(u16::from_be_bytes(bits)));
            streams.push(CcfbStream { ssrc, begin_sequence, metrics: metrics.collect() });
        }
        Ok(Self { sender_ssrc, streams, report_time: reader.u32()? })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<(), Malformed> {
        let mut writer =
            BlockWriter::begin(out, kind::TRANSPORT_FEEDBACK, format::CCFB.into(), "as format")?;
        writer.u32(self.sender_ssrc);
        for stream in &self.streams {
            let (most, had) = (Self::MAX_METRICS, stream.metrics.len());
            let what = "packets of a stream in congestion control feedback";
            let count = u16::try_from(had).ok().filter(|_| had <= most);
            writer.u32(stream.ssrc);
            writer.u16(stream.begin_sequence);
            writer.u16(count.ok_or(Malformed::TooMany { what, most, had })?);
            for metric in &stream.metrics {
                writer.u16(metric.map_or(0, CcfbMetric::bits));
            }
            writer.align();
        }
        writer.u32(self.report_time);
        writer.end()
    }
}
