//! RTCP compound packets. RFC 3550, section 6.1; RFC 5506.

use super::Packet;
use super::block::Block;
use crate::rtp::Malformed;

/// Maximum size of a datagram in bytes; larger ones are rejected.
pub const MAX_BYTES: usize = 2048;
/// Maximum number of packets in a compound.
pub const MAX_BLOCKS: usize = 64;

/// Iterator over the packets of a compound. A malformed packet is an error, and iteration continues
/// with the next packet; it ends after a malformed header.
#[derive(Clone, Debug)]
pub struct Compound<'a> {
    rest: &'a [u8],
    blocks: usize,
    skipped: usize,
    failed: Option<Malformed>,
}

/// Parses a datagram. It need not start with a report: reduced-size RTCP is accepted (RFC 5506).
///
/// The last item is an error if the datagram exceeds [`MAX_BYTES`] (the only item in this case),
/// has more than [`MAX_BLOCKS`] packets, or is truncated.
///
/// ```
/// use codec_rtc::rtcp::{Nack, Packet, Pli, parse_compound, write_compound};
///
/// let nack = Nack { sender_ssrc: 1, media_ssrc: 2, sequences: vec![10, 11, 40] };
/// let mut datagram = Vec::new();
/// write_compound(&[Packet::Nack(nack.clone())], &mut datagram)?;
/// let packets: Vec<_> = parse_compound(&datagram).collect::<Result<_, _>>()?;
/// assert_eq!(packets, [Packet::Nack(nack)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn parse_compound(datagram: &[u8]) -> Compound<'_> {
    let had = datagram.len();
    let too_long = Malformed::TooMany { what: "bytes of RTCP", limit: MAX_BYTES, actual: had };
    let failed = (had > MAX_BYTES).then_some(too_long);
    let rest = if failed.is_some() { &[] } else { datagram };
    Compound { rest, blocks: 0, skipped: 0, failed }
}

impl Compound<'_> {
    /// Number of packets of unknown types skipped so far.
    #[must_use]
    pub fn skipped(&self) -> usize {
        self.skipped
    }
}

impl Iterator for Compound<'_> {
    type Item = Result<Packet, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(error) = self.failed.take() {
            return Some(Err(error));
        }
        while !self.rest.is_empty() {
            let rest = std::mem::take(&mut self.rest);
            self.blocks += 1;
            if self.blocks > MAX_BLOCKS {
                let (what, most) = ("RTCP packets in a datagram", MAX_BLOCKS);
                return Some(Err(Malformed::TooMany { what, limit: most, actual: self.blocks }));
            }
            let (block, rest) = match Block::split(rest) {
                Ok(split) => split,
                Err(error) => return Some(Err(error)),
            };
            self.rest = rest;
            match Packet::parse(&block) {
                Ok(Some(packet)) => return Some(Ok(packet)),
                Ok(None) => self.skipped += 1,
                Err(error) => return Some(Err(error)),
            }
        }
        None
    }
}
