//! Reads the metadata of VP9 packets from the first fields of the uncompressed header.
//!
//! VP9 bitstream specification, version 0.6, sections 6.2 and 7.2, and annex B for superframes.

use codec_core::codec::SlotSet;
use codec_core::error::Corrupt;
use codec_core::frame::Size;

/// Fields of a frame header.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Vp9Facts {
    pub(super) is_key: bool,
    pub(super) shown: bool,
    pub(super) profile: u8,
    pub(super) size: Size,
    pub(super) qindex: u8,
    pub(super) filter_level: u8,
    /// Updated slots, out of eight.
    pub(super) updates: SlotSet,
}

/// Parses the frame headers of a stream, tracking the frame sizes in the eight slots.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Vp9Reader {
    slots: [Option<Size>; 8],
}

/// Bit reader, most significant bit first. Reads zeros past the end and records the overrun.
struct Bits<'a> {
    data: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn get(&mut self, count: u32) -> u32 {
        (0..count).fold(0, |value, _| {
            let byte = self.data.get(self.at / 8).copied().unwrap_or(0);
            let bit = byte >> (7 - self.at % 8) & 1;
            self.at += 1;
            value << 1 | u32::from(bit)
        })
    }

    fn flag(&mut self) -> bool {
        self.get(1) == 1
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.get(8)).unwrap_or(0)
    }

    fn check(&self) -> Result<(), Corrupt> {
        let (needed_bytes, had_bytes) = (self.at.div_ceil(8), self.data.len());
        if needed_bytes > had_bytes {
            return Err(Corrupt::HeaderTruncated { needed_bytes, had_bytes });
        }
        Ok(())
    }

    fn expect(&mut self, count: u32, value: u32, what: &'static str) -> Result<(), Corrupt> {
        let offset_bytes = self.at / 8;
        let found = self.get(count);
        self.check()?;
        if found == value { Ok(()) } else { Err(Corrupt::Other { what, offset_bytes }) }
    }

    fn size(&mut self) -> Size {
        let width = self.get(16) + 1;
        Size::new(width, self.get(16) + 1)
    }
}

/// Returns the frames of a packet (superframe). Annex B.
fn frames(data: &[u8]) -> Result<Vec<&[u8]>, Corrupt> {
    let marker = data.last().copied().unwrap_or(0);
    let (count, bytes) = (usize::from(marker & 7) + 1, usize::from(marker >> 3 & 3) + 1);
    let index_bytes = 2 + bytes * count;
    let index = data.len().checked_sub(index_bytes).map(|from| &data[from..]);
    let Some(index) = index.filter(|index| marker & 0xe0 == 0xc0 && index[0] == marker) else {
        return Ok(vec![data]);
    };
    let mut rest = &data[..data.len() - index_bytes];
    let mut found = Vec::with_capacity(count);
    for size in index[1..index_bytes - 1].chunks_exact(bytes) {
        let size = size.iter().rev().fold(0, |value, &byte| value << 8 | usize::from(byte));
        let had_bytes = rest.len();
        let (frame, after) = rest
            .split_at_checked(size)
            .ok_or(Corrupt::FirstPartition { size_bytes: size, had_bytes })?;
        if !frame.is_empty() {
            found.push(frame);
        }
        rest = after;
    }
    Ok(found)
}

impl Vp9Reader {
    /// Reads the headers of the next packet. Returns the properties of its last frame, with the
    /// slots updated by all frames; a packet is a key frame if its first frame is one.
    pub(super) fn read(&mut self, data: &[u8]) -> Result<Vp9Facts, Corrupt> {
        let mut all: Option<Vp9Facts> = None;
        for frame in frames(data)? {
            let facts = self.frame(frame)?;
            all = Some(match all {
                None => facts,
                Some(before) => Vp9Facts {
                    is_key: before.is_key,
                    updates: before.updates.with(facts.updates),
                    ..facts
                },
            });
        }
        all.ok_or(Corrupt::HeaderTruncated { needed_bytes: 1, had_bytes: 0 })
    }

    fn frame(&mut self, data: &[u8]) -> Result<Vp9Facts, Corrupt> {
        let mut bits = Bits { data, at: 0 };
        bits.expect(2, 2, "a frame marker")?;
        let profile = bits.get(1) | bits.get(1) << 1;
        if profile == 3 {
            bits.expect(1, 0, "a reserved bit of 0")?;
        }
        let mut facts = Vp9Facts { profile: profile.to_le_bytes()[0], ..Vp9Facts::default() };
        if bits.flag() {
            let slot = bits.get(3) as usize;
            bits.check()?;
            facts.size = self.slots[slot].ok_or(Corrupt::NoReference)?;
            facts.shown = true;
            return Ok(facts);
        }
        facts.is_key = !bits.flag();
        facts.shown = bits.flag();
        let resilient = bits.flag();
        let mut is_intra = facts.is_key;
        if !facts.is_key {
            is_intra = !facts.shown && bits.flag();
            if !resilient {
                bits.get(2);
            }
        }
        if is_intra {
            bits.expect(24, 0x49_83_42, "sync code 49 83 42")?;
            if facts.is_key || profile > 0 {
                colour(&mut bits, profile);
            }
        }
        facts.updates = SlotSet(if facts.is_key { 0xff } else { bits.byte() });
        if is_intra {
            facts.size = bits.size();
        } else {
            facts.size = self.inter_size(&mut bits)?;
        }
        if bits.flag() {
            bits.get(32);
        }
        if !is_intra {
            bits.get(1);
            if !bits.flag() {
                bits.get(2);
            }
        }
        if !resilient {
            bits.get(2);
        }
        bits.get(2);
        facts.filter_level = filter(&mut bits);
        facts.qindex = bits.byte();
        bits.check()?;
        for (index, slot) in self.slots.iter_mut().enumerate() {
            if facts.updates.0 >> index & 1 == 1 {
                *slot = Some(facts.size);
            }
        }
        Ok(facts)
    }

    /// Returns the size of an inter frame, which may be copied from a reference.
    fn inter_size(&self, bits: &mut Bits<'_>) -> Result<Size, Corrupt> {
        let slots: [usize; 3] = std::array::from_fn(|_| {
            let slot = bits.get(3) as usize;
            bits.get(1);
            slot
        });
        bits.check()?;
        for slot in slots {
            let size = self.slots[slot].ok_or(Corrupt::NoReference)?;
            if bits.flag() {
                return Ok(size);
            }
        }
        Ok(bits.size())
    }
}

/// Skips bit depth, colour space and subsampling.
fn colour(bits: &mut Bits<'_>, profile: u32) {
    if profile >= 2 {
        bits.get(1);
    }
    let is_rgb = bits.get(3) == 7;
    if !is_rgb {
        bits.get(1);
    }
    if profile & 1 == 1 {
        bits.get(if is_rgb { 1 } else { 3 });
    }
}

/// Reads the loop filter settings; returns the filter level.
fn filter(bits: &mut Bits<'_>) -> u8 {
    let level = bits.get(6).to_le_bytes()[0];
    bits.get(3);
    if bits.flag() && bits.flag() {
        for _ in 0..6 {
            if bits.flag() {
                bits.get(7);
            }
        }
    }
    level
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_bytes_make_the_reader_panic() {
        let mut reader = Vp9Reader::default();
        for seed in 0_u32..4000 {
            let bytes = seed.wrapping_mul(0x9e37_79b9).to_le_bytes();
            let mut data =
                [0xa0 | bytes[0] >> 4, 0x49, 0x83, 0x42, bytes[1], bytes[2], bytes[3], 0xc9];
            let _ = reader.read(&data);
            data[1] = bytes[3];
            let _ = reader.read(&data[..(seed % 9) as usize]);
        }
    }
}
