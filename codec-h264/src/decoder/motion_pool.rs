//! Reuses the memory that holds the motion of pictures.

use std::sync::Arc;

use crate::picture::Motion;

/// Stores of motion for reuse: more than references and the current picture at a time.
const KEEP: usize = 40;

/// A pool of stores of motion.
#[derive(Debug, Default)]
pub(crate) struct MotionPool {
    known: Vec<Arc<Motion>>,
}

impl MotionPool {
    /// Returns a store without other holders.
    pub(crate) fn take(&mut self) -> Arc<Motion> {
        match self.known.iter_mut().position(|motion| Arc::get_mut(motion).is_some()) {
            Some(index) => self.known.swap_remove(index),
            None => Arc::default(),
        }
    }

    /// Keeps a store for reuse when all other holders have dropped it.
    pub(crate) fn keep(&mut self, motion: &Arc<Motion>) {
        if self.known.len() < KEEP {
            self.known.push(Arc::clone(motion));
        }
    }
}
