//! Extended reports (XR): round-trip time for endpoints that only receive. RFC 3611, sections 4.4
//! and 4.5.

use super::block::{Block, BlockWriter, Reader};
use super::kind;
use crate::rtp::{Malformed, WriteError};

const RECEIVER_REFERENCE_TIME: u8 = 4;
const DLRR: u8 = 5;
/// Size of a DLRR sub-block in 32-bit words.
const DLRR_WORDS: usize = 3;

/// XR: extended report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Xr {
    /// SSRC of the reporting endpoint.
    pub ssrc: u32,
    /// Receiver reference time (RRTR): NTP, 32.32 bits.
    pub reference_time: Option<u64>,
    /// Responses of a sender to receiver reference times.
    pub dlrr: Vec<Dlrr>,
    /// Number of blocks of other types skipped by the parser.
    pub skipped: u16,
}

/// Response to the reference time of one receiver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dlrr {
    /// SSRC of the receiver.
    pub ssrc: u32,
    /// Middle 32 bits of its last reference time; 0 before the first (LRR).
    pub last_reference_time: u32,
    /// Delay since its arrival, in 1/65536 s (DLRR).
    pub delay_since_last: u32,
}

impl Xr {
    pub(super) fn parse(block: &Block<'_>) -> Result<Self, Malformed> {
        let mut reader = block.reader("extended report");
        let mut report = Self { ssrc: reader.u32()?, ..Self::default() };
        while !reader.is_empty() {
            let ([kind, _], words) = (reader.array()?, usize::from(reader.u16()?));
            let body = Block { packet_type: kind, count: 0, body: reader.bytes(4 * words)? };
            let mut inner = body.reader("extended report block");
            match kind {
                RECEIVER_REFERENCE_TIME => report.reference_time = Some(inner.u64()?),
                DLRR => {
                    for _ in 0..words / DLRR_WORDS {
                        report.dlrr.push(Dlrr::parse(&mut inner)?);
                    }
                }
                _ => report.skipped = report.skipped.saturating_add(1),
            }
        }
        Ok(report)
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<(), WriteError> {
        let (what, most, had) =
            ("DLRR sub-blocks", usize::from(u16::MAX) / DLRR_WORDS, self.dlrr.len());
        let words = u16::try_from(had * DLRR_WORDS).map_err(|_| WriteError::TooMany {
            what,
            limit: most,
            actual: had,
        })?;
        let mut writer = BlockWriter::begin(out, kind::EXTENDED_REPORT, 0, "as reserved field")?;
        writer.u32(self.ssrc);
        if let Some(time) = self.reference_time {
            writer.out.extend([RECEIVER_REFERENCE_TIME, 0, 0, 2]);
            writer.u64(time);
        }
        if words > 0 {
            writer.out.extend([DLRR, 0]);
            writer.u16(words);
            for entry in &self.dlrr {
                writer.u32(entry.ssrc);
                writer.u32(entry.last_reference_time);
                writer.u32(entry.delay_since_last);
            }
        }
        writer.end()
    }
}

impl Dlrr {
    fn parse(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            ssrc: reader.u32()?,
            last_reference_time: reader.u32()?,
            delay_since_last: reader.u32()?,
        })
    }
}
