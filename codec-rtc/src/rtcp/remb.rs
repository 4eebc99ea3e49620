//! Receiver estimated maximum bitrate (REMB). draft-alvestrand-rmcat-remb-03, section 2.2.

use super::block::{Block, BlockWriter};
use super::{format, kind};
use crate::rtp::{Malformed, WriteError};

const NAME: [u8; 4] = *b"REMB";
const MANTISSA_BITS: u32 = 18;
const MAX_EXPONENT: u32 = 63;

/// REMB: bandwidth estimate of a receiver.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remb {
    /// SSRC of the reporting endpoint.
    pub sender_ssrc: u32,
    /// Bits per second for all [`Self::ssrcs`] together. Written with 18 significant bits, rounded
    /// down; values beyond 64 bits are read as the maximum.
    pub bitrate_bps: u64,
    /// Streams that share the bitrate, at most 255.
    pub ssrcs: Vec<u32>,
}

impl Remb {
    /// Parses REMB; `None` for another application layer feedback message.
    pub(super) fn parse(block: &Block<'_>) -> Result<Option<Self>, Malformed> {
        let mut reader = block.reader("REMB");
        let (sender_ssrc, _) = (reader.u32()?, reader.u32()?);
        if !reader.rest().starts_with(&NAME) {
            return Ok(None);
        }
        reader.bytes(NAME.len())?;
        let (count, rate) = (reader.u8()?, reader.u24()?);
        let (exponent, mantissa) = (rate >> MANTISSA_BITS, rate & ((1 << MANTISSA_BITS) - 1));
        let mantissa = u64::from(mantissa);
        let fits = mantissa.leading_zeros() >= exponent;
        let bitrate_bps = if mantissa == 0 {
            0
        } else if fits {
            mantissa << exponent
        } else {
            u64::MAX
        };
        let ssrcs = (0..count).map(|_| reader.u32()).collect::<Result<_, _>>()?;
        Ok(Some(Self { sender_ssrc, bitrate_bps, ssrcs }))
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<(), WriteError> {
        let (what, most, had) = ("streams in a REMB", 255, self.ssrcs.len());
        let count = u8::try_from(had).map_err(|_| WriteError::TooMany {
            what,
            limit: most,
            actual: had,
        })?;
        let bits = u64::BITS - self.bitrate_bps.leading_zeros();
        let exponent = bits.saturating_sub(MANTISSA_BITS).min(MAX_EXPONENT);
        let mantissa = u32::try_from(self.bitrate_bps >> exponent).unwrap_or(u32::MAX);
        let mut writer = BlockWriter::begin(
            out,
            kind::PAYLOAD_FEEDBACK,
            format::APPLICATION.into(),
            "as format",
        )?;
        writer.u32(self.sender_ssrc);
        writer.u32(0);
        writer.out.extend(NAME);
        writer.u32(u32::from(count) << 24 | exponent << MANTISSA_BITS | mantissa);
        for &ssrc in &self.ssrcs {
            writer.u32(ssrc);
        }
        writer.end()
    }
}
