//! A cache of the most recently read parts of a file.

use std::collections::VecDeque;
use std::ops::Range;

/// Parts begin at multiples of this number of bytes.
const BLOCK: u64 = 64 << 10;
/// The first part of a sequence has this number of bytes; each further one has twice as many, up to the limit.
pub(super) const FIRST_PART: u64 = 256 << 10;
const MAX_PART: u64 = 4 << 20;
/// Limit of the bytes of all parts.
const MAX_BYTES: usize = 16 << 20;

/// Parts of a file; the last one that was used comes first.
#[derive(Debug, Default)]
pub(super) struct Cache(VecDeque<Part>);

#[derive(Debug)]
struct Part {
    start: u64,
    data: Vec<u8>,
}

impl Part {
    fn end(&self) -> u64 {
        self.start + self.data.len() as u64
    }
}

impl Cache {
    /// The known bytes from a position on.
    pub(super) fn at(&mut self, position: u64) -> Option<&[u8]> {
        let holds = |part: &Part| part.start <= position && position < part.end();
        let index = self.0.iter().position(holds)?;
        // Ages only change between several parts.
        if index > 0 {
            let part = self.0.remove(index)?;
            self.0.push_front(part);
        }
        let part = self.0.front()?;
        part.data.get(usize::try_from(position - part.start).ok()?..)
    }

    /// The part to read for a position that is not known: larger if it continues another one.
    pub(super) fn next(&self, position: u64, length: u64) -> Range<u64> {
        let start = position - position % BLOCK;
        let before = self.0.iter().find(|part| part.end() == start);
        let bytes = before.map_or(FIRST_PART, |part| 2 * part.data.len() as u64);
        let end = start.saturating_add(bytes.clamp(FIRST_PART, MAX_PART)).min(length);
        start..end
    }

    /// Adds a part, and removes those that were not used for the longest time.
    pub(super) fn add(&mut self, start: u64, data: Vec<u8>) {
        self.0.push_front(Part { start, data });
        while self.0.len() > 1
            && self.0.iter().map(|part| part.data.len()).sum::<usize>() > MAX_BYTES
        {
            self.0.pop_back();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_grow_while_they_follow_each_other_and_memory_is_bounded() {
        let mut cache = Cache::default();
        let length = 1 << 30;
        let (mut position, mut sizes) = (0, Vec::new());
        for _ in 0..12 {
            let part = cache.next(position, length);
            assert_eq!(part.start, position);
            let bytes = part.end - part.start;
            cache.add(part.start, vec![0; usize::try_from(bytes).unwrap()]);
            sizes.push(bytes >> 10);
            position = part.end;
        }
        assert_eq!(sizes[..7], [256, 512, 1024, 2048, 4096, 4096, 4096]);
        assert!(cache.0.iter().map(|part| part.data.len()).sum::<usize>() <= MAX_BYTES);
        // Elsewhere, small again; and not past the end.
        assert_eq!(cache.next(700 << 20, length), 700 << 20..(700 << 20) + FIRST_PART);
        assert_eq!(cache.next(length - 5, length).end, length);
    }

    #[test]
    fn a_part_that_is_used_stays() {
        let mut cache = Cache::default();
        cache.add(0, vec![7; 10]);
        for number in 1..20 {
            assert_eq!(cache.at(9), Some(&[7][..]));
            cache.add(number << 30, vec![0; 1 << 20]);
        }
        assert_eq!(cache.at(0), Some(&[7; 10][..]));
        assert_eq!(cache.at(10), None);
        assert_eq!(cache.at(1 << 30), None);
    }
}
