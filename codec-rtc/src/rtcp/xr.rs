//! Extended reports: round trips for ends that only receive. RFC 3611, sections 4.4 and 4.5.

use super::block::{Block, BlockWriter, Reader};
use super::kind;
use crate::rtp::Malformed;

const RECEIVER_REFERENCE_TIME: u8 = 4;
const DLRR: u8 = 5;
/// Words of a DLRR entry.
const DLRR_WORDS: usize = 3;

/// XR: an extended report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Xr {
    /// Who reports.
    pub ssrc: u32,
    /// When a receiver made the report: NTP, 32.32 bits (RRTR).
    pub reference_time: Option<u64>,
    /// What a sender answers to the reference times of receivers.
    pub dlrr: Vec<Dlrr>,
    /// Blocks of other types that were left out on reading.
    pub skipped: u16,
}

/// Answer to one receiver's reference time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dlrr {
    /// The receiver.
    pub ssrc: u32,
    /// The middle 32 bits of its last reference time; 0 before the first (LRR).
    pub last_reference_time: u32,
    /// How long ago that came, in 1/65536 s.
    pub delay_since_last: u32,
}

impl Xr {
    pub(super) fn parse(block: &Block<'_>) -> Result<Self, Malformed> {
        let mut reader = block.reader("extended report");
        let mut report = Self { ssrc: reader.u32()?, ..Self::default() };
        while !reader.is_empty() {
            let ([kind, _], words) = (reader.array()?, usize::from(reader.u16()?));
            let body = Block { packet_type: kind, count: 0, body: reader.bytes(4 * words)? };
            let mut inner = body.reader("block of the extended report");
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

    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<(), Malformed> {
        let (what, most, had) =
            ("entries of DLRR", usize::from(u16::MAX) / DLRR_WORDS, self.dlrr.len());
        let words =
            u16::try_from(had * DLRR_WORDS).map_err(|_| Malformed::TooMany { what, most, had })?;
        let mut writer = BlockWriter::begin(out, kind::EXTENDED_REPORT, 0, "as reserved")?;
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
