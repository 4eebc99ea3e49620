//! Buffers of sent datagrams, which peers reuse.

use std::sync::{Arc, Mutex, PoisonError};

/// Capacity of a new buffer, enough for the largest packet with its header, extensions and tag.
const NEW_BYTES: usize = 1536;
/// Buffers of other capacities are not kept.
const KEPT_BYTES: std::ops::RangeInclusive<usize> = NEW_BYTES..=2 * NEW_BYTES;
/// Maximum number of buffers that are kept.
const MAX_KEPT: usize = 256;

/// Buffers for the datagrams of one or several peers. Clones are the same buffers.
///
/// A caller that has sent a datagram gives its memory back; the last buffer that was given back is used first, while it is
/// in the caches of the processor.
#[derive(Clone, Debug, Default)]
pub struct Buffers(Arc<Mutex<Vec<Vec<u8>>>>);

impl Buffers {
    /// Gives buffers back. Their contents are not used.
    pub fn give_back(&self, buffers: impl IntoIterator<Item = Vec<u8>>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for buffer in buffers {
            if kept.len() < MAX_KEPT && KEPT_BYTES.contains(&buffer.capacity()) {
                kept.push(buffer);
            }
        }
    }

    /// An empty buffer for a datagram.
    pub(crate) fn take(&self) -> Vec<u8> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut buffer = kept.unwrap_or_else(|| Vec::with_capacity(NEW_BYTES));
        buffer.clear();
        buffer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_buffer_is_used_again_and_others_are_bounded() {
        let buffers = Buffers::default();
        let mut first = buffers.take();
        first.extend([7; 900]);
        let place = first.as_ptr().addr();
        buffers.clone().give_back([Vec::with_capacity(2000), first]);
        let again = buffers.take();
        assert_eq!((again.as_ptr().addr(), again.len()), (place, 0));
        assert_eq!(buffers.take().capacity(), 2000);
        buffers.give_back([Vec::new(), vec![0; 10_000]]);
        assert_eq!(buffers.0.lock().unwrap().len(), 0, "too small and too large");
        buffers.give_back((0..1000).map(|_| Vec::with_capacity(NEW_BYTES)));
        assert_eq!(buffers.0.lock().unwrap().len(), MAX_KEPT);
    }
}
