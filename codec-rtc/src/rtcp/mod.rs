//! RTCP packets: parsing and writing.
//!
//! | packets | standard | type |
//! |---|---|---|
//! | sender and receiver reports, SDES, BYE, APP | RFC 3550, section 6 | [`SenderReport`], [`ReceiverReport`], [`Sdes`], [`Bye`], [`App`] |
//! | generic NACK, PLI, RPSI | RFC 4585, section 6 | [`Nack`], [`Pli`], [`Rpsi`] |
//! | FIR | RFC 5104, section 4.3.1 | [`Fir`] |
//! | receiver estimated maximum bitrate (REMB) | draft-alvestrand-rmcat-remb-03 | [`Remb`] |
//! | transport-wide congestion control feedback | draft-holmer-rmcat-transport-wide-cc-extensions-01 | [`Twcc`] |
//! | congestion control feedback | RFC 8888 | [`Ccfb`] |
//! | extended reports: round-trip time at receivers | RFC 3611, sections 4.4 and 4.5 | [`Xr`] |
//!
//! A datagram contains a compound packet, or single packets (reduced size, RFC 5506);
//! [`parse_compound`] reads both.

mod block;
mod bye;
mod ccfb;
mod chunks;
mod compound;
mod feedback;
mod nack;
mod remb;
mod report;
mod sdes;
mod twcc;
mod xr;

pub use bye::{App, Bye};
pub use ccfb::{Ccfb, CcfbMetric, CcfbStream, Ecn};
pub use compound::{Compound, MAX_BLOCKS, MAX_BYTES, parse_compound};
pub use feedback::{Fir, FirEntry, Pli, Rpsi};
pub use nack::Nack;
pub use remb::Remb;
pub use report::{ReceiverReport, ReportBlock, SenderInfo, SenderReport};
pub use sdes::{Sdes, SdesChunk, SdesItem};
pub use twcc::Twcc;
pub use xr::{Dlrr, Xr};

use crate::rtp::{Malformed, WriteError};
use block::Block;

/// One RTCP packet of a compound.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "documented at the types")]
pub enum Packet {
    SenderReport(SenderReport),
    ReceiverReport(ReceiverReport),
    Sdes(Sdes),
    Bye(Bye),
    App(App),
    Nack(Nack),
    TransportFeedback(Twcc),
    Ccfb(Ccfb),
    Pli(Pli),
    Rpsi(Rpsi),
    Fir(Fir),
    Remb(Remb),
    Xr(Xr),
}

/// Packet types (RFC 3550, 12.1; RFC 4585, 6.1; RFC 3611, 2).
mod kind {
    pub(super) const SENDER_REPORT: u8 = 200;
    pub(super) const RECEIVER_REPORT: u8 = 201;
    pub(super) const SDES: u8 = 202;
    pub(super) const BYE: u8 = 203;
    pub(super) const APP: u8 = 204;
    pub(super) const TRANSPORT_FEEDBACK: u8 = 205;
    pub(super) const PAYLOAD_FEEDBACK: u8 = 206;
    pub(super) const EXTENDED_REPORT: u8 = 207;
}

/// Formats of feedback messages (FMT).
mod format {
    pub(super) const NACK: u8 = 1;
    pub(super) const CCFB: u8 = 11;
    pub(super) const TWCC: u8 = 15;
    pub(super) const PLI: u8 = 1;
    pub(super) const RPSI: u8 = 3;
    pub(super) const FIR: u8 = 4;
    pub(super) const APPLICATION: u8 = 15;
}

impl Packet {
    /// Parses one packet; `None` if its type is unknown.
    fn parse(block: &Block<'_>) -> Result<Option<Self>, Malformed> {
        Ok(Some(match (block.packet_type, block.count) {
            (kind::SENDER_REPORT, _) => Self::SenderReport(SenderReport::parse(block)?),
            (kind::RECEIVER_REPORT, _) => Self::ReceiverReport(ReceiverReport::parse(block)?),
            (kind::SDES, _) => Self::Sdes(Sdes::parse(block)?),
            (kind::BYE, _) => Self::Bye(Bye::parse(block)?),
            (kind::APP, _) => Self::App(App::parse(block)?),
            (kind::TRANSPORT_FEEDBACK, format::NACK) => Self::Nack(Nack::parse(block)?),
            (kind::TRANSPORT_FEEDBACK, format::TWCC) => {
                Self::TransportFeedback(Twcc::parse(block)?)
            }
            (kind::TRANSPORT_FEEDBACK, format::CCFB) => Self::Ccfb(Ccfb::parse(block)?),
            (kind::PAYLOAD_FEEDBACK, format::PLI) => Self::Pli(Pli::parse(block)?),
            (kind::PAYLOAD_FEEDBACK, format::RPSI) => Self::Rpsi(Rpsi::parse(block)?),
            (kind::PAYLOAD_FEEDBACK, format::FIR) => Self::Fir(Fir::parse(block)?),
            (kind::PAYLOAD_FEEDBACK, format::APPLICATION) => match Remb::parse(block)? {
                Some(remb) => Self::Remb(remb),
                None => return Ok(None),
            },
            (kind::EXTENDED_REPORT, _) => Self::Xr(Xr::parse(block)?),
            _ => return Ok(None),
        }))
    }

    /// Appends the packet; consecutive packets form a compound.
    ///
    /// # Errors
    /// Returns [`WriteError`] and writes nothing if there are more entries than the count field can
    /// hold, or a value is out of range.
    pub fn write(&self, out: &mut Vec<u8>) -> Result<(), WriteError> {
        let start = out.len();
        let written = match self {
            Self::SenderReport(packet) => packet.write(out),
            Self::ReceiverReport(packet) => packet.write(out),
            Self::Sdes(packet) => packet.write(out),
            Self::Bye(packet) => packet.write(out),
            Self::App(packet) => packet.write(out),
            Self::Nack(packet) => packet.write(out),
            Self::TransportFeedback(packet) => packet.write(out),
            Self::Ccfb(packet) => packet.write(out),
            Self::Pli(packet) => packet.write(out),
            Self::Rpsi(packet) => packet.write(out),
            Self::Fir(packet) => packet.write(out),
            Self::Remb(packet) => packet.write(out),
            Self::Xr(packet) => packet.write(out),
        };
        if written.is_err() {
            out.truncate(start);
        }
        written
    }
}

/// Appends a compound.
///
/// # Errors
/// Returns the errors of [`Packet::write`]; nothing is written.
pub fn write_compound(packets: &[Packet], out: &mut Vec<u8>) -> Result<(), WriteError> {
    let start = out.len();
    for packet in packets {
        if let Err(error) = packet.write(out) {
            out.truncate(start);
            return Err(error);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
