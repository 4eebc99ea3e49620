//! Chooses where a compressed input is divided: if possible at its key frames, where a worker can begin to decode.

use super::split::{LEAST_NS, LONGEST_NS, PREFERRED_NS, SHORTEST_NS};

/// The durations within which a chunk may end at a key frame of the input if none is within the usual ones.
const FEWEST_NS: i64 = 6_000_000_000;
const MOST_NS: i64 = 16_000_000_000;
/// A rest that is this much longer than a chunk is a part of the last chunk.
const REST_NS: i64 = 1_000_000_000;

/// A frame of a coded input, in display order.
#[derive(Clone, Copy, Debug)]
pub(super) struct CodedFrame {
    pub(super) time_ns: i64,
    /// Whether decoding can begin with it.
    pub(super) is_entry: bool,
    /// Size of its packet.
    pub(super) bytes: u64,
}

/// The first frames of all chunks. `end_ns` is the end of the last frame.
///
/// A chunk ends at a key frame 8 to 12 seconds after its start, at best 10; one that comes before the longest interval of key
/// frames is preferred, because an encoder inserts it at a scene cut. Without one, a key frame 6 to 16 seconds after the start
/// is used, and without that, the frame with the largest packet, which a worker reaches by decoding from the key frame before.
pub(super) fn divide(frames: &[CodedFrame], end_ns: i64) -> Vec<usize> {
    if frames.is_empty() {
        return Vec::new();
    }
    let early = early_entries(frames);
    let mut starts = vec![0];
    let mut start = 0;
    while let Some(next) = next_start(frames, &early, start, end_ns) {
        starts.push(next);
        start = next;
    }
    starts
}

/// For each frame, whether it is a key frame that comes clearly before the longest interval of key frames has passed since the
/// last one that does not.
fn early_entries(frames: &[CodedFrame]) -> Vec<bool> {
    let entries = || frames.iter().filter(|frame| frame.is_entry).map(|frame| frame.time_ns);
    let longest_ns = entries().zip(entries().skip(1)).map(|(a, b)| b - a).max().unwrap_or(0);
    let mut regular_ns: Option<i64> = None;
    let mut is_early = |frame: &CodedFrame| {
        let since = |regular_ns| frame.time_ns - regular_ns < longest_ns / 10 * 9;
        let is_early = frame.is_entry && regular_ns.is_some_and(since);
        if frame.is_entry && !is_early {
            regular_ns = Some(frame.time_ns);
        }
        is_early
    };
    frames.iter().map(&mut is_early).collect()
}

/// The first frame of the chunk after the one that begins with frame `start`.
fn next_start(frames: &[CodedFrame], early: &[bool], start: usize, end_ns: i64) -> Option<usize> {
    let start_ns = frames.get(start)?.time_ns;
    if end_ns - start_ns <= LONGEST_NS + REST_NS {
        return None;
    }
    let at = |after_ns: i64| frames.partition_point(|frame| frame.time_ns < start_ns + after_ns);
    let rest = frames.partition_point(|frame| end_ns - frame.time_ns >= LEAST_NS);
    let range = |from_ns, to_ns: i64| at(from_ns).max(start + 1)..at(to_ns + 1).min(rest);
    let distance = |&frame: &usize| (frames[frame].time_ns - start_ns - PREFERRED_NS).abs();
    let mut usual = range(SHORTEST_NS, LONGEST_NS);
    let is_entry = |frame: &usize| frames[*frame].is_entry;
    let found = usual.clone().filter(|&frame| early[frame]).min_by_key(distance);
    let found = found.or_else(|| usual.clone().filter(is_entry).min_by_key(distance));
    let found = found.or_else(|| range(FEWEST_NS, MOST_NS).filter(is_entry).min_by_key(distance));
    let found = found.or_else(|| {
        let rank = |frame: &usize| (frames[*frame].bytes, -distance(frame));
        usual.clone().max_by_key(rank)
    });
    // Without a frame at these times, the first one after them.
    found.or_else(|| Some(usual.next().unwrap_or(at(LONGEST_NS))).filter(|next| *next < rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FPS: usize = 10;
    const FRAME_NS: i64 = 100_000_000;

    /// The first frames of the chunks of `seconds` seconds with key frames at some frames.
    fn starts(seconds: usize, entries: &[usize], large: &[usize]) -> Vec<usize> {
        let frame = |frame: usize| CodedFrame {
            time_ns: i64::try_from(frame).unwrap() * FRAME_NS,
            is_entry: frame == 0 || entries.contains(&frame),
            bytes: if large.contains(&frame) { 5000 } else { 1000 },
        };
        let frames: Vec<_> = (0..seconds * FPS).map(frame).collect();
        divide(&frames, i64::try_from(seconds * FPS).unwrap() * FRAME_NS)
    }

    #[test]
    fn chunks_begin_at_key_frames_and_at_best_at_early_ones() {
        let regular: Vec<_> = (0..40).map(|number| number * 20).collect();
        assert_eq!(starts(40, &regular, &[]), [0, 100, 200, 300]);
        // The one at 9 seconds is not due.
        let with_cut: Vec<_> = regular.iter().copied().chain([90]).collect();
        assert_eq!(starts(24, &with_cut, &[]), [0, 90, 180]);
    }

    #[test]
    fn chunks_are_shorter_or_longer_if_that_avoids_decoding_frames_twice() {
        assert_eq!(starts(28, &[70, 150], &[]), [0, 70, 150]);
        assert_eq!(starts(27, &[40, 140], &[]), [0, 140]);
    }

    #[test]
    fn chunks_without_key_frames_begin_at_large_packets() {
        assert_eq!(starts(30, &[], &[95, 207]), [0, 95, 207]);
        assert_eq!(starts(30, &[], &[]), [0, 100, 200]);
    }

    #[test]
    fn a_short_rest_belongs_to_the_last_chunk() {
        assert_eq!(starts(13, &[90], &[]), [0]);
        assert_eq!(starts(14, &[90, 110], &[]), [0, 90]);
        assert_eq!(divide(&[], 0), [0; 0]);
    }

    #[test]
    fn long_gaps_between_frames_end_chunks() {
        let frame = |second: i64| CodedFrame {
            time_ns: second * 1_000_000_000,
            is_entry: second == 0,
            bytes: 1,
        };
        let frames = [0, 1, 30, 31, 90].map(frame);
        assert_eq!(divide(&frames, 100_000_000_000), [0, 2, 4]);
    }
}
