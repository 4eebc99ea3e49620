//! Detection of vertical scrolling: pixel rows that occur in the previous frame at another vertical position.

use super::full_luma::FullLuma;
use crate::frame::Size;
use crate::motion::FullPel;

/// Exact scrolling of a part of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scroll {
    /// Vector to the source of the pixels in the previous frame, in full pixels.
    pub vector: FullPel,
    /// Number of changed macroblocks that it predicts exactly.
    pub macroblocks: u32,
}

/// Width in pixels of the vertical bands in which rows are compared: a text column may scroll next
/// to others that do not.
const BAND: usize = 128;
/// Minimum number of rows that must agree.
const MIN_VOTES: u32 = 16;
/// Marks a row that occurs more than once, which is ignored.
const AMBIGUOUS: u32 = u32::MAX;

#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    hash: u64,
    /// Row + 1; 0 if free.
    row: u32,
}

/// Finds the vertical shift of most rows.
#[derive(Debug, Default)]
pub(super) struct ScrollFinder {
    /// Hashes of the rows in one band of the previous frame: open addressing, at most half full.
    table: Vec<Entry>,
    /// Number of matched rows, by shift.
    votes: Vec<u32>,
}

fn hash(row: &[u8]) -> u64 {
    const PRIME: u64 = 0x9e37_79b9_7f4a_7c15;
    let (words, rest) = row.as_chunks::<8>();
    let mix = |hash: u64, word: u64| (hash.rotate_left(23) ^ word).wrapping_mul(PRIME);
    let hash = words.iter().fold(1, |hash, &word| mix(hash, u64::from_le_bytes(word)));
    let hash = rest.iter().fold(hash, |hash, &byte| mix(hash, u64::from(byte)));
    hash ^ hash >> 32
}

impl ScrollFinder {
    pub(super) fn new(size: Size) -> Self {
        let rows = size.height as usize;
        Self {
            table: vec![Entry::default(); (2 * rows).next_power_of_two()],
            votes: vec![0; 2 * rows],
        }
    }

    /// Returns the vertical shift of most changed rows.
    pub(super) fn find(&mut self, luma: &FullLuma, size: Size) -> Option<FullPel> {
        let width = size.width as usize;
        self.votes.fill(0);
        for left in (0..width.max(BAND) - BAND + 1).step_by(BAND) {
            self.band(luma, left, BAND.min(width));
        }
        let total: u32 = self.votes.iter().sum();
        let (best, &votes) = self.votes.iter().enumerate().max_by_key(|&(_, votes)| votes)?;
        let clear = votes >= MIN_VOTES && 2 * votes >= total;
        let shift = i32::try_from(best).ok()? - i32::try_from(size.height).ok()?;
        Some(FullPel::new(0, i16::try_from(shift).ok()?)).filter(|_| clear)
    }

    fn band(&mut self, luma: &FullLuma, left: usize, width: usize) {
        self.table.fill(Entry::default());
        let height = self.votes.len() / 2;
        for ((old, _), row) in luma.rows().zip(1..) {
            let hash = hash(&old[left..][..width]);
            let entry = self.entry(hash);
            *entry = Entry { hash, row: if entry.row == 0 { row } else { AMBIGUOUS } };
        }
        for (y, (old, new)) in luma.rows().enumerate() {
            let (old, new) = (&old[left..][..width], &new[left..][..width]);
            if old == new {
                continue;
            }
            match self.entry(hash(new)).row {
                0 | AMBIGUOUS => {}
                row => self.votes[row as usize - 1 + height - y] += 1,
            }
        }
    }

    /// Returns the entry of `hash`, or the free entry where it belongs.
    fn entry(&mut self, hash: u64) -> &mut Entry {
        let mask = self.table.len() - 1;
        #[expect(clippy::cast_possible_truncation, reason = "any bits of a hash suffice")]
        let mut index = hash as usize & mask;
        while self.table[index].row != 0 && self.table[index].hash != hash {
            index = (index + 1) & mask;
        }
        &mut self.table[index]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shifted(by: usize) -> Option<FullPel> {
        let size = Size::new(200, 100);
        let pixel = |x: usize, y: usize| u8::try_from((x * x + 31 * y * y) % 251).unwrap();
        let mut luma = FullLuma::new(size);

        for offset in [0, by] {
            luma.advance();
            for y in 0..100 {
                let row: Vec<u8> = (0..200).map(|x| pixel(x, y + offset)).collect();
                luma.mb_rows().nth(y / 16).unwrap().put_rows(y % 16, &row, None, &mut []);
            }
        }
        ScrollFinder::new(size).find(&luma, size)
    }

    #[test]
    fn the_shift_of_most_rows_is_found() {
        assert_eq!(shifted(13), Some(FullPel::new(0, 13)));
        assert_eq!(shifted(60), Some(FullPel::new(0, 60)));
    }

    #[test]
    fn a_static_frame_does_not_scroll() {
        assert_eq!(shifted(0), None);
    }

    #[test]
    fn repeated_rows_are_ignored() {
        let size = Size::new(64, 64);
        let mut luma = FullLuma::new(size);
        for grey in [10, 20] {
            luma.advance();
            for y in 0..64 {
                let row = [grey + u8::from(y % 2 == 0); 64];
                luma.mb_rows().nth(y / 16).unwrap().put_rows(y % 16, &row, None, &mut []);
            }
        }
        assert_eq!(ScrollFinder::new(size).find(&luma, size), None);
    }
}
