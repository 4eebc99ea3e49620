//! Several RTCP packets in a datagram. RFC 3550, section 6.1; RFC 5506.

use super::Packet;
use super::block::Block;
use crate::rtp::Malformed;

/// Most bytes of a datagram that is looked at.
pub const MAX_BYTES: usize = 2048;
/// Most packets in a compound.
pub const MAX_BLOCKS: usize = 64;

/// The packets of a compound, one after another. A packet that does not add up is an error, and
/// the one behind it comes next; after a head that does not add up nothing comes.
#[derive(Clone, Debug)]
pub struct Compound<'a> {
    rest: &'a [u8],
    blocks: usize,
    skipped: usize,
    failed: Option<Malformed>,
}

/// Takes a datagram apart. It need not begin with a report: single packets are allowed (RFC 5506).
///
/// The iterator's last item is an error if the datagram is longer than [`MAX_BYTES`] (then it is
/// the only one), has more than [`MAX_BLOCKS`] packets, or ends within one.
#[must_use]
pub fn parse_compound(datagram: &[u8]) -> Compound<'_> {
    let had = datagram.len();
    let too_long = Malformed::TooMany { what: "bytes of RTCP", most: MAX_BYTES, had };
    let failed = (had > MAX_BYTES).then_some(too_long);
    let rest = if failed.is_some() { &[] } else { datagram };
    Compound { rest, blocks: 0, skipped: 0, failed }
}

impl Compound<'_> {
    /// Packets so far of types that are not known here.
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
                return Some(Err(Malformed::TooMany { what, most, had: self.blocks }));
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
