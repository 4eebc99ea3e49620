//! Division of a frame into packets.

use std::ops::Range;

/// Divides `whole` into the fewest parts of at most `room` bytes (at least 1). All have the same size, except that the last
/// one may be shorter, so that the system can send them by one call (GSO).
pub(super) fn even_parts(whole: Range<usize>, room: usize) -> impl Iterator<Item = Range<usize>> {
    let Range { start, end } = whole;
    let len = end.saturating_sub(start);
    let size = len.div_ceil(len.div_ceil(room.max(1)).max(1)).max(1);
    (start..end).step_by(size).map(move |from| from..(from + size).min(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_few_and_equal_except_the_last() {
        for len in 0..200_usize {
            for room in 1..40 {
                let parts: Vec<_> = even_parts(7..7 + len, room).collect();
                assert_eq!(parts.len(), len.div_ceil(room), "{len} {room}");
                assert_eq!(parts.iter().map(Range::len).sum::<usize>(), len);
                assert!(parts.windows(2).all(|pair| pair[0].end == pair[1].start));
                let Some((last, others)) = parts.split_last() else { continue };
                assert!(others.iter().all(|part| part.len() == parts[0].len()));
                assert!(!last.is_empty() && last.len() <= parts[0].len() && parts[0].len() <= room);
            }
        }
    }
}
