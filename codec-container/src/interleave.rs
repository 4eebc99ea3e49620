//! Interleaves the packets of several tracks by time, with bounded buffering.

use std::collections::VecDeque;

/// Longest time that packets wait for packets of other tracks in files.
const FILE_WAIT_NS: i64 = 10_000_000_000;
/// Longest time that packets of a live source wait for packets of other tracks.
const LIVE_WAIT_NS: i64 = 500_000_000;
/// Maximum number of buffered bytes.
const MAX_BYTES: usize = 64 << 20;

/// A waiting packet.
#[derive(Clone, Debug)]
pub(crate) struct Queued<M> {
    pub(crate) data: Vec<u8>,
    pub(crate) track: usize,
    /// Sort key.
    pub(crate) time_ns: i64,
    /// Data for the writer.
    pub(crate) meta: M,
}

/// Holds packets until no earlier packet can arrive from another track, or the wait is too long.
#[derive(Debug)]
pub(crate) struct Interleaver<M> {
    queues: Vec<VecDeque<Queued<M>>>,
    spare: Vec<Vec<u8>>,
    bytes: usize,
    newest_ns: i64,
    max_wait_ns: i64,
}

impl<M> Interleaver<M> {
    pub(crate) fn new(tracks: usize, live: bool) -> Self {
        Self {
            queues: (0..tracks).map(|_| VecDeque::new()).collect(),
            spare: Vec::new(),
            bytes: 0,
            newest_ns: i64::MIN,
            max_wait_ns: if live { LIVE_WAIT_NS } else { FILE_WAIT_NS },
        }
    }

    /// Adds a packet of an existing track. Order within a track is kept.
    pub(crate) fn push(&mut self, track: usize, time_ns: i64, data: &[u8], meta: M) {
        let Some(queue) = self.queues.get_mut(track) else { return };
        let mut memory = self.spare.pop().unwrap_or_default();
        memory.clear();
        memory.extend_from_slice(data);
        self.bytes += memory.len();
        self.newest_ns = self.newest_ns.max(time_ns);
        queue.push_back(Queued { data: memory, track, time_ns, meta });
    }

    /// Returns the next packet in order. With `all`, returns it even if other tracks may still
    /// deliver earlier packets.
    pub(crate) fn pop(&mut self, all: bool) -> Option<Queued<M>> {
        let heads = self.queues.iter().enumerate();
        let heads = heads.filter_map(|(at, queue)| Some((queue.front()?.time_ns, at)));
        let (time_ns, at) = heads.min()?;
        let complete = self.queues.iter().all(|queue| !queue.is_empty());
        let waited = self.newest_ns.saturating_sub(time_ns) > self.max_wait_ns;
        if !(all || complete || waited || self.bytes > MAX_BYTES) {
            return None;
        }
        let queued = self.queues[at].pop_front()?;
        self.bytes -= queued.data.len();
        Some(queued)
    }

    /// Recycles memory for the next packets.
    pub(crate) fn recycle(&mut self, queued: Queued<M>) {
        if self.spare.len() < 64 {
            self.spare.push(queued.data);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(interleaver: &mut Interleaver<()>, track: usize, time_ns: i64) {
        interleaver.push(track, time_ns, &[], ());
    }

    fn drain(interleaver: &mut Interleaver<()>, all: bool) -> Vec<i64> {
        std::iter::from_fn(|| interleaver.pop(all)).map(|queued| queued.time_ns).collect()
    }

    #[test]
    fn one_track_never_waits() {
        let mut one = Interleaver::new(1, true);
        push(&mut one, 0, 5);
        assert_eq!(drain(&mut one, false), [5]);
    }

    #[test]
    fn two_tracks_come_out_in_order_of_time() {
        let mut two = Interleaver::new(2, false);
        for time in [0, 40, 80] {
            push(&mut two, 0, time);
        }
        assert!(drain(&mut two, false).is_empty());
        for time in [-7, 13, 33, 53] {
            push(&mut two, 1, time);
        }
        assert_eq!(drain(&mut two, false), [-7, 0, 13, 33, 40, 53]);
        assert_eq!(drain(&mut two, true), [80]);
    }

    #[test]
    fn a_silent_track_does_not_block_a_live_stream() {
        let mut two = Interleaver::new(2, true);
        for time in 0..100 {
            push(&mut two, 0, time * 20_000_000);
        }
        assert!(drain(&mut two, false).len() > 70);
    }
}
