//! Vorbis in containers: the identification header, the three headers packed into one block (codec
//! private data), and the number of samples in a packet. Vorbis I specification, section 4.

use crate::AudioTrack;

/// Maximum number of modes of a stream.
const MAX_MODES: usize = 64;

/// The fields of the identification header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) rate: u32,
    pub(crate) channels: u8,
    /// Bits per second, if stated.
    pub(crate) nominal_bitrate: Option<u32>,
    /// Samples of short and long blocks.
    blocks: [u32; 2],
}

impl Head {
    pub(crate) fn parse(packet: &[u8]) -> Option<Self> {
        let rest = packet.strip_prefix(b"\x01vorbis")?;
        let &[v0, v1, v2, v3, channels, r0, r1, r2, r3] = rest.first_chunk()?;
        let rate = u32::from_le_bytes([r0, r1, r2, r3]);
        let nominal = u32::from_le_bytes(*packet.get(20..)?.first_chunk()?);
        let sizes = *packet.get(28)?;
        let blocks = [1_u32 << (sizes & 15), 1 << (sizes >> 4)];
        let audio = [v0, v1, v2, v3] == [0; 4] && rate > 0 && channels > 0;
        (audio && blocks[0] >= 64 && blocks[1] >= blocks[0]).then_some(Self {
            rate,
            channels,
            nominal_bitrate: (1..1 << 31).contains(&nominal).then_some(nominal),
            blocks,
        })
    }
}

/// Computes how many samples a packet decodes to.
#[derive(Clone, Debug)]
pub(crate) struct Timer {
    blocks: [u32; 2],
    /// Whether each mode has long blocks.
    modes: Vec<bool>,
    previous: Option<u32>,
}

impl Timer {
    /// Creates a timer from the first and the third header packet.
    pub(crate) fn new(head: &Head, setup: &[u8]) -> Option<Self> {
        let modes = modes(setup.strip_prefix(b"\x05vorbis").map(|_| setup)?)?;
        Some(Self { blocks: head.blocks, modes, previous: None })
    }

    /// Creates a timer from the header packets in the track's codec private data.
    pub(crate) fn of_track(track: &AudioTrack) -> Option<Self> {
        let [first, _, setup] = unlaced(&track.codec_private)?;
        Self::new(&Head::parse(first)?, setup)
    }

    /// Samples that a packet decodes to after the previous one; 0 for the first one and for damaged
    /// ones.
    pub(crate) fn samples(&mut self, packet: &[u8]) -> u32 {
        let Some(&byte) = packet.first().filter(|&byte| byte & 1 == 0) else { return 0 };
        let bits = (self.modes.len() - 1).checked_ilog2().map_or(0, |log| log + 1);
        let mode = usize::from(byte >> 1) & ((1 << bits) - 1);
        let Some(&long) = self.modes.get(mode) else { return 0 };
        let block = self.blocks[usize::from(long)];
        self.previous.replace(block).map_or(0, |before| before / 4 + block / 4)
    }

    /// Forgets the size of the previous Vorbis block, because packets are missing.
    pub(crate) fn forget(&mut self) {
        self.previous = None;
    }
}

/// The three header packets in one piece, as in Matroska: their number minus one, the lengths of
/// all but the last as runs of 255, the packets.
pub(crate) fn laced(packets: [&[u8]; 3]) -> Vec<u8> {
    let mut out = vec![2];
    for packet in &packets[..2] {
        out.resize(out.len() + packet.len() / 255, 255);
        out.push(u8::try_from(packet.len() % 255).unwrap_or(0));
    }
    packets.iter().for_each(|packet| out.extend_from_slice(packet));
    out
}

fn unlaced(data: &[u8]) -> Option<[&[u8]; 3]> {
    let mut rest = data.strip_prefix(&[2])?;
    let mut lens = [0; 2];
    for len in &mut lens {
        loop {
            let (&byte, tail) = rest.split_first()?;
            rest = tail;
            *len += usize::from(byte);
            if byte != 255 {
                break;
            }
        }
    }
    let (first, rest) = rest.split_at_checked(lens[0])?;
    let (second, third) = rest.split_at_checked(lens[1])?;
    Some([first, second, third])
}

/// Whether each mode in a setup header has long blocks (section 4.2.4).
///
/// The modes are at the end, after tables whose length only a decoder knows, so they are parsed
/// from the back: a framing bit, then for each mode 8 bits of mapping, 32 zeros and the flag, and
/// before the first their number minus one in 6 bits. The longest run that matches is used.
fn modes(setup: &[u8]) -> Option<Vec<bool>> {
    let bit = |at: usize| setup[at / 8] >> (at % 8) & 1;
    let field = |at: usize, bits: usize| {
        (0..bits).fold(0_u32, |value, n| value | u32::from(bit(at + n)) << n)
    };
    let framing = (56..setup.len() * 8).rev().find(|&at| bit(at) == 1)?;
    let mut flags = Vec::new();
    let mut best = 0;
    let mut at = framing;
    while at >= 56 + 41 + 6 && flags.len() < MAX_MODES {
        at -= 41;
        if field(at + 1, 32) != 0 || field(at + 33, 8) >= 64 {
            break;
        }
        flags.push(bit(at) == 1);
        if field(at - 6, 6) as usize == flags.len() - 1 {
            best = flags.len();
        }
    }
    flags.truncate(best);
    flags.reverse();
    (!flags.is_empty()).then_some(flags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_in_one_piece_come_apart_again() {
        let (a, b, c) = (vec![1; 30], vec![3; 600], vec![5; 4000]);
        let whole = laced([&a, &b, &c]);
        assert_eq!(unlaced(&whole), Some([&a[..], &b, &c]));
        assert_eq!(unlaced(&whole[..500]), None);
        assert_eq!(unlaced(&[]), None);
    }
}
