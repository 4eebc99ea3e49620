//! Several frames in one block. RFC 9559, section 10.3.

use super::ebml::{signed_vint, vint};

/// How a block is divided.
pub(super) struct FrameSizes {
    /// Bytes before the first frame.
    pub(super) skipped: usize,
    /// Length of each frame.
    pub(super) lens: Vec<usize>,
}

/// Divides the data after the header of a block with `flags`; `None` if the lengths do not add up.
pub(super) fn frame_sizes(flags: u8, data: &[u8]) -> Option<FrameSizes> {
    let kind = flags >> 1 & 3;
    if kind == 0 {
        return Some(FrameSizes { skipped: 0, lens: vec![data.len()] });
    }
    let (&last_index, mut rest) = data.split_first()?;
    let all_but_last = usize::from(last_index);
    let mut lens = Vec::with_capacity(all_but_last + 1);
    if kind == 2 {
        let len = rest.len() / (all_but_last + 1);
        let even = len * (all_but_last + 1) == rest.len();
        return even.then(|| FrameSizes { skipped: 1, lens: vec![len; all_but_last + 1] });
    }
    for position in 0..all_but_last {
        let (len, used) = match (kind, lens.last()) {
            (1, _) => xiph_len(rest)?,
            (_, None) => {
                let (len, used) = vint(rest)?;
                (usize::try_from(len).ok()?, used)
            }
            (_, Some(&before)) => {
                let (difference, used) = signed_vint(rest)?;
                let before = i64::try_from(before).ok()?;
                (usize::try_from(before.checked_add(difference)?).ok()?, used)
            }
        };
        debug_assert_eq!(position, lens.len());
        lens.push(len);
        rest = rest.get(used..)?;
    }
    let sum = lens.iter().try_fold(0_usize, |sum, &len| sum.checked_add(len))?;
    lens.push(rest.len().checked_sub(sum)?);
    Some(FrameSizes { skipped: data.len() - rest.len(), lens })
}

/// A length as a run of 255s and a final byte, and its size in bytes.
fn xiph_len(data: &[u8]) -> Option<(usize, usize)> {
    let full = data.iter().take_while(|&&byte| byte == 255).count();
    Some((255 * full + usize::from(*data.get(full)?), full + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lens(flags: u8, data: &[u8]) -> Option<(usize, Vec<usize>)> {
        frame_sizes(flags, data).map(|sizes| (sizes.skipped, sizes.lens))
    }

    #[test]
    fn every_lacing_divides_the_block() {
        assert_eq!(lens(0, &[1, 2, 3]), Some((0, vec![3])));
        let mut xiph = vec![2, 255, 5, 1];
        xiph.resize(4 + 260 + 1 + 7, 0);
        assert_eq!(lens(0x02, &xiph), Some((4, vec![260, 1, 7])));
        assert_eq!(lens(0x04, &[1, 0, 0, 0, 0]), Some((1, vec![2, 2])));
        // 3 bytes, then 2 fewer, then the rest.
        assert_eq!(lens(0x06, &[2, 0x83, 0xBD, 9, 9, 9, 8, 7, 7]), Some((3, vec![3, 1, 2])));
    }

    #[test]
    fn lengths_that_do_not_add_up_are_rejected() {
        assert_eq!(lens(0x02, &[1, 9, 0]), None);
        assert_eq!(lens(0x04, &[1, 0, 0, 0]), None);
        assert_eq!(lens(0x06, &[2, 0x83]), None);
        assert_eq!(lens(0x06, &[]), None);
    }
}
