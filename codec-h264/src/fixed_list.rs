//! Lists with a fixed maximum length, stored without allocation.

use std::ops::{Deref, DerefMut};

/// A list of at most `N` items.
///
/// ```
/// use codec_h264::fixed_list::FixedList;
///
/// let mut list = FixedList::<u8, 2>::default();
/// assert!(list.push(1) && list.push(2) && !list.push(3));
/// assert_eq!(*list, [1, 2]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FixedList<T, const N: usize> {
    items: [T; N],
    len: usize,
}

impl<T: Copy, const N: usize> FixedList<T, N> {
    /// Appends `item`; returns false if the list is full.
    pub fn push(&mut self, item: T) -> bool {
        let slot = self.items.get_mut(self.len);
        if let Some(slot) = slot {
            *slot = item;
            self.len += 1;
            return true;
        }
        false
    }

    /// Removes all items.
    pub fn clear(&mut self) {
        self.len = 0;
    }
}

impl<T: Copy + Default, const N: usize> Default for FixedList<T, N> {
    fn default() -> Self {
        Self { items: [T::default(); N], len: 0 }
    }
}

impl<T, const N: usize> Deref for FixedList<T, N> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.items[..self.len]
    }
}

impl<T, const N: usize> DerefMut for FixedList<T, N> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.items[..self.len]
    }
}
