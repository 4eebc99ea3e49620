//! Sender and receiver reports. RFC 3550, section 6.4.

use super::block::{Block, BlockWriter, Reader};
use super::kind;
use crate::rtp::{Malformed, WriteError};

/// Sender information.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SenderInfo {
    /// Time of the report: NTP, 32.32 bits.
    pub ntp: u64,
    /// The same time in ticks of the RTP clock.
    pub rtp_timestamp: u32,
    /// Packets sent since the start.
    pub packet_count: u32,
    /// Payload bytes sent since the start, without headers and padding.
    pub octet_count: u32,
}

/// Report block: reception statistics of one stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReportBlock {
    /// SSRC of the stream.
    pub ssrc: u32,
    /// Fraction of packets lost since the previous report, in 1/256.
    pub fraction_lost: u8,
    /// Cumulative number of packets lost, -8388608..=8388607; negative with duplicates.
    pub cumulative_lost: i32,
    /// Extended highest sequence number: number of wraps above the low 16 bits.
    pub highest_sequence: u32,
    /// Interarrival jitter in ticks of the RTP clock.
    pub jitter: u32,
    /// Middle 32 bits of the NTP time of the last sender report; 0 before the first (LSR).
    pub last_sender_report: u32,
    /// Delay since the last sender report, in 1/65536 s (DLSR).
    pub delay_since_last: u32,
}

/// SR: sender report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SenderReport {
    /// SSRC of the reporting endpoint.
    pub ssrc: u32,
    /// Information about the sender's stream.
    pub info: SenderInfo,
    /// Reports on received streams, at most 31.
    pub blocks: Vec<ReportBlock>,
}

/// RR: receiver report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReceiverReport {
    /// SSRC of the reporting endpoint.
    pub ssrc: u32,
    /// Reports on received streams, at most 31.
    pub blocks: Vec<ReportBlock>,
}

impl SenderReport {
    pub(super) fn parse(block: &Block<'_>) -> Result<Self, Malformed> {
        let mut reader = block.reader("sender report");
        let ssrc = reader.u32()?;
        let info = SenderInfo {
            ntp: reader.u64()?,
            rtp_timestamp: reader.u32()?,
            packet_count: reader.u32()?,
            octet_count: reader.u32()?,
        };
        Ok(Self { ssrc, info, blocks: ReportBlock::parse_all(&mut reader, block.count)? })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<(), WriteError> {
        let mut writer =
            BlockWriter::begin(out, kind::SENDER_REPORT, self.blocks.len(), "report blocks")?;
        writer.u32(self.ssrc);
        writer.u64(self.info.ntp);
        writer.u32(self.info.rtp_timestamp);
        writer.u32(self.info.packet_count);
        writer.u32(self.info.octet_count);
        ReportBlock::write_all(&self.blocks, &mut writer);
        writer.end()
    }
}

impl ReceiverReport {
    pub(super) fn parse(block: &Block<'_>) -> Result<Self, Malformed> {
        let mut reader = block.reader("receiver report");
        let ssrc = reader.u32()?;
        Ok(Self { ssrc, blocks: ReportBlock::parse_all(&mut reader, block.count)? })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<(), WriteError> {
        let mut writer =
            BlockWriter::begin(out, kind::RECEIVER_REPORT, self.blocks.len(), "report blocks")?;
        writer.u32(self.ssrc);
        ReportBlock::write_all(&self.blocks, &mut writer);
        writer.end()
    }
}

impl ReportBlock {
    /// Range of [`Self::cumulative_lost`].
    pub const LOST_RANGE: std::ops::RangeInclusive<i32> = -(1 << 23)..=(1 << 23) - 1;

    /// Ignores profile-specific extensions after the blocks (section 6.4.3).
    fn parse_all(reader: &mut Reader<'_>, count: u8) -> Result<Vec<Self>, Malformed> {
        (0..count).map(|_| Self::parse(reader)).collect()
    }

    fn parse(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            ssrc: reader.u32()?,
            fraction_lost: reader.u8()?,
            cumulative_lost: (reader.u24()? << 8).cast_signed() >> 8,
            highest_sequence: reader.u32()?,
            jitter: reader.u32()?,
            last_sender_report: reader.u32()?,
            delay_since_last: reader.u32()?,
        })
    }

    fn write_all(blocks: &[Self], writer: &mut BlockWriter<'_>) {
        for block in blocks {
            let lost = block.cumulative_lost;
            let lost = lost.clamp(*Self::LOST_RANGE.start(), *Self::LOST_RANGE.end());
            let [_, lost @ ..] = lost.to_be_bytes();
            writer.u32(block.ssrc);
            writer.out.push(block.fraction_lost);
            writer.out.extend(lost);
            writer.u32(block.highest_sequence);
            writer.u32(block.jitter);
            writer.u32(block.last_sender_report);
            writer.u32(block.delay_since_last);
        }
    }
}
