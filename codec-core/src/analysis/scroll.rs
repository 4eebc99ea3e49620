//! Vertical scrolling: rows of pixels that were in the previous picture, higher or lower.

use super::full_luma::FullLuma;
use crate::frame::Size;
use crate::motion::FullPel;

/// Exact scrolling of part of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scroll {
    /// Where the pixels come from, in full pixels of the previous picture.
    pub vector: FullPel,
    /// Changed macroblocks that it predicts exactly.
    pub macroblocks: u32,
}

/// Width of the bands whose rows are compared, in pixels: a column of text may scroll beside
/// others that do not.
const BAND: usize = 128;
/// Rows that must agree.
const MIN_VOTES: u32 = 16;
/// A row that occurs more than once says nothing.
const AMBIGUOUS: u32 = u32::MAX;

#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    hash: u64,
    /// Row + 1; 0: free.
    row: u32,
}

/// Finds the shift by which most rows moved.
#[derive(Debug, Default)]
pub(super) struct ScrollFinder {
    /// Rows of one band of the previous picture, by hash: open addressing, at most half full.
    table: Vec<Entry>,
    /// Rows found again, by shift.
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

    /// The vertical shift that most changed rows agree on.
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

    /// The entry of `hash`, or the free one where it belongs.
    fn entry(&mut self, hash: u64) -> &mut Entry {
        let mask = self.table.len() - 1;
        #[expect(clippy::cast_possible_truncation, reason = "any bits of a hash will do")]
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
                luma.mb_rows().nth(y / 16).unwrap().put_row(y % 16, &row, &mut []);
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
    fn a_picture_that_does_not_change_does_not_scroll() {
        assert_eq!(shifted(0), None);
    }

    #[test]
    fn rows_that_occur_often_say_nothing() {
        let size = Size::new(64, 64);
        let mut luma = FullLuma::new(size);
        for grey in [10, 20] {
            luma.advance();
            for y in 0..64 {
                let row = [grey + u8::from(y % 2 == 0); 64];
                luma.mb_rows().nth(y / 16).unwrap().put_row(y % 16, &row, &mut []);
            }
        }
        assert_eq!(ScrollFinder::new(size).find(&luma, size), None);
    }
}
