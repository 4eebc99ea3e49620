//! Lists of the motionless blocks of reference pictures, for direct prediction in B slices. Their memory
//! is reused.

use std::sync::Arc;

/// Lists of blocks without motion, by macroblock.
#[derive(Debug, Default)]
pub(super) struct StillPool {
    known: Vec<Arc<Vec<u8>>>,
}

impl StillPool {
    /// Returns a list that `fill` has filled; it is empty before.
    pub(super) fn filled(&mut self, fill: impl FnOnce(&mut Vec<u8>)) -> Arc<Vec<u8>> {
        let is_unused = |still: &mut Arc<Vec<u8>>| Arc::get_mut(still).is_some();
        let index = self.known.iter_mut().position(is_unused).unwrap_or_else(|| {
            self.known.push(Arc::default());
            self.known.len() - 1
        });
        let still = &mut self.known[index];
        if let Some(blocks) = Arc::get_mut(still) {
            blocks.clear();
            fill(blocks);
        }
        Arc::clone(still)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_used_again_only_after_its_last_holder_has_dropped_it() {
        let mut pool = StillPool::default();
        let first = pool.filled(|blocks| blocks.push(1));
        let second = pool.filled(|blocks| blocks.push(2));
        assert_eq!((&first[..], &second[..]), (&[1][..], &[2][..]));
        drop(first);
        let third = pool.filled(|blocks| blocks.push(3));
        assert_eq!((&second[..], &third[..]), (&[2][..], &[3][..]));
        assert_eq!(pool.known.len(), 2);
    }
}
