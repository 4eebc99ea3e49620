//! Bytes that several receivers share, with a few bytes that differ between them.
//!
//! A server that forwards a packet to many receivers changes only some numbers in it. The other bytes are stored only
//! once for all receivers, also while they are kept for retransmission.

use std::ops::Range;
use std::sync::Arc;

/// Maximum number of bytes that can differ. `PictureID`, TL0PICIDX and frame number have five together.
const MAX_CHANGES: usize = 8;

/// See the [module](self).
#[derive(Clone, Debug)]
pub struct SharedBytes {
    all: Arc<[u8]>,
    /// Range of `all` that this value covers.
    start: usize,
    end: usize,
    /// Positions in `all`, with their bytes.
    changes: [(u16, u8); MAX_CHANGES],
    count: usize,
}

impl SharedBytes {
    /// The bytes without a difference.
    #[must_use]
    pub fn new(all: Arc<[u8]>) -> Self {
        let end = all.len();
        Self { all, start: 0, end, changes: [(0, 0); MAX_CHANGES], count: 0 }
    }

    /// Overwrites bytes from position `at` on. Returns `false`, and changes nothing, if the range is out of bounds, if
    /// it ends beyond the first 65,535 shared bytes, or if all calls together would write more than eight bytes.
    pub fn change(&mut self, at: usize, bytes: &[u8]) -> bool {
        let first = self.start.saturating_add(at);
        let Some(end) = first.checked_add(bytes.len()).filter(|end| *end <= self.end) else {
            return false;
        };
        let Ok(first) = u16::try_from(first).and_then(|first| u16::try_from(end).map(|_| first))
        else {
            return false;
        };
        let Some(places) = self.changes.get_mut(self.count..self.count + bytes.len()) else {
            return false;
        };
        for ((place, byte), at) in places.iter_mut().zip(bytes).zip(first..) {
            *place = (at, *byte);
        }
        self.count += bytes.len();
        true
    }

    /// Returns this range of the bytes; `None` if it is out of bounds.
    #[must_use]
    pub fn part(&self, range: Range<usize>) -> Option<Self> {
        self.clone().into_part(range)
    }

    /// Returns this range as [`Self::part`] does, without another reference to the shared bytes.
    #[must_use]
    pub fn into_part(self, range: Range<usize>) -> Option<Self> {
        let start = self.start.checked_add(range.start)?;
        let end = self.start.checked_add(range.end).filter(|end| *end <= self.end)?;
        (start <= end).then_some(Self { start, end, ..self })
    }

    /// Whether both cover the same range of the same memory. Changed bytes are not compared.
    #[must_use]
    pub fn shares_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.all, &other.all) && (self.start, self.end) == (other.start, other.end)
    }

    /// Whether a byte in this range differs from the shared one.
    #[must_use]
    pub fn is_changed_in(&self, range: Range<usize>) -> bool {
        let places = self.changes.iter().take(self.count).map(|(at, _)| usize::from(*at));
        let mut places = places.filter_map(|at| at.checked_sub(self.start));
        places.any(|at| range.contains(&at))
    }

    /// Number of bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    /// Whether the range is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.end == self.start
    }

    /// The shared bytes, without the differences.
    #[must_use]
    pub fn shared(&self) -> &[u8] {
        self.all.get(self.start..self.end).unwrap_or_default()
    }

    /// Appends the bytes to `out`.
    pub fn append_to(&self, out: &mut Vec<u8>) {
        let begin = out.len();
        out.extend_from_slice(self.shared());
        for (at, byte) in self.changes.iter().take(self.count) {
            let place = usize::from(*at).checked_sub(self.start);
            if let Some(place) = place.and_then(|place| out.get_mut(begin + place)) {
                *place = *byte;
            }
        }
    }

    /// A copy of the bytes.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.len());
        self.append_to(&mut bytes);
        bytes
    }
}

impl From<Vec<u8>> for SharedBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self::new(bytes.into())
    }
}

impl PartialEq for SharedBytes {
    fn eq(&self, other: &Self) -> bool {
        self.to_vec() == other.to_vec()
    }
}

impl Eq for SharedBytes {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_have_their_own_bytes() {
        let mut bytes = SharedBytes::from((0..100).collect::<Vec<u8>>());
        let other = bytes.clone();
        assert!(
            bytes.change(10, &[200, 201]) && bytes.change(50, &[250]) && bytes.change(99, &[7])
        );
        let mut expected: Vec<u8> = (0..100).collect();
        (expected[10], expected[11], expected[50], expected[99]) = (200, 201, 250, 7);
        assert_eq!(bytes.to_vec(), expected);
        assert_eq!(other.to_vec(), (0..100).collect::<Vec<u8>>());
        let part = bytes.part(11..51).unwrap();
        assert_eq!((part.to_vec(), part.len()), (expected[11..51].to_vec(), 40));
        let mut inner = part.part(2..40).unwrap();
        assert!(inner.change(0, &[1]));
        let mut out = vec![9];
        inner.append_to(&mut out);
        assert_eq!((out[0], out[1], &out[2..]), (9, 1, &expected[14..51]));
        assert_eq!(inner.shared()[0], 13);
        assert!(bytes.is_changed_in(10..11) && bytes.is_changed_in(12..51));
        assert!(!bytes.is_changed_in(12..50) && !part.is_changed_in(1..39));
        assert!(bytes.shares_with(&other) && !bytes.shares_with(&part));
        assert!(!other.shares_with(&SharedBytes::from(other.to_vec())));
        assert!(bytes.part(100..100).unwrap().is_empty());
    }

    #[test]
    fn changes_outside_and_too_many_of_them_are_refused() {
        let mut bytes = SharedBytes::from(vec![0; 70_000]);
        assert!(!bytes.change(69_999, &[1, 2]) && !bytes.change(usize::MAX, &[1]));
        assert!(!bytes.change(65_535, &[1]), "beyond 16 bits");
        assert!(!bytes.change(0, &[1; 9]));
        assert!(bytes.change(65_000, &[1; 6]) && !bytes.change(0, &[2; 3]));
        assert!(bytes.change(0, &[2; 2]) && !bytes.change(5, &[2]) && bytes.change(5, &[]));
        assert_eq!((bytes.part(0..70_001), bytes.part(70_000..70_001)), (None, None));
        assert_eq!(bytes.to_vec().iter().map(|it| u32::from(*it)).sum::<u32>(), 10);
        assert_eq!(bytes, SharedBytes::from(bytes.to_vec()));
    }
}
