//! Fills short Rust slices with single store instructions instead of function calls.

/// Fills the first `length` values, in single stores if there are 1, 2, 4, 8 or 16.
#[inline]
pub(crate) fn fill<T: Copy>(to: &mut [T], length: usize, value: T) {
    #[inline]
    fn set<T: Copy, const N: usize>(to: &mut [T], value: T) {
        if let Some(to) = to.first_chunk_mut() {
            *to = [value; N];
        }
    }
    match length {
        1 => set::<T, 1>(to, value),
        2 => set::<T, 2>(to, value),
        4 => set::<T, 4>(to, value),
        8 => set::<T, 8>(to, value),
        16 => set::<T, 16>(to, value),
        _ => to[..length].fill(value),
    }
}
