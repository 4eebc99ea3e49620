//! Scales frames down for slow links.

use codec_core::frame::Size;

/// Scales a packed I420 frame down by area averaging. `from` is at least as large as `to` in both
/// dimensions; `data` has `from.i420_bytes()` bytes.
pub(super) fn shrink(data: &[u8], from: Size, to: Size) -> Vec<u8> {
    let mut out = Vec::with_capacity(usize::try_from(to.i420_bytes()).unwrap_or(0));
    let mut rest = data;
    for (from, to) in [(from, to), (from.chroma(), to.chroma()), (from.chroma(), to.chroma())] {
        let samples = usize::try_from(from.pixels()).unwrap_or(0).min(rest.len());
        let (plane, after) = rest.split_at(samples);
        rest = after;
        shrink_plane(plane, from, to, &mut out);
    }
    out
}

fn shrink_plane(plane: &[u8], from: Size, to: Size, out: &mut Vec<u8>) {
    let stride = (from.width as usize).max(1);
    let columns = spans(from.width, to.width);
    for (top, bottom) in spans(from.height, to.height) {
        for &(left, right) in &columns {
            let (mut sum, mut count) = (0_u32, 0_u32);
            for row in plane.chunks_exact(stride).skip(top).take(bottom - top) {
                for &sample in row.get(left..right).unwrap_or_default() {
                    sum += u32::from(sample);
                    count += 1;
                }
            }
            let mean = (sum + count / 2).checked_div(count).unwrap_or(0);
            out.push(u8::try_from(mean).unwrap_or(u8::MAX));
        }
    }
}

/// The range of source samples that each sample of a smaller dimension covers, at least one.
fn spans(from: u32, to: u32) -> Vec<(usize, usize)> {
    let at = |index: u32| {
        let sample = u64::from(index) * u64::from(from) / u64::from(to.max(1));
        usize::try_from(sample).unwrap_or(usize::MAX)
    };
    (0..to).map(|index| (at(index), at(index + 1).max(at(index) + 1))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_area_averages() {
        let (from, to) = (Size { width: 4, height: 4 }, Size { width: 2, height: 2 });
        let luma = [0, 10, 20, 30, 10, 20, 30, 40, 100, 100, 200, 200, 100, 100, 200, 201];
        let data: Vec<u8> = luma.into_iter().chain([1, 3, 5, 7, 2, 4, 6, 8]).collect();
        assert_eq!(shrink(&data, from, to), [10, 30, 100, 200, 4, 5]);
    }

    #[test]
    fn odd_sizes_keep_flat_frames_flat() {
        let (from, to) = (Size { width: 641, height: 361 }, Size { width: 480, height: 270 });
        let data = vec![77; usize::try_from(from.i420_bytes()).unwrap()];
        let small = shrink(&data, from, to);
        assert_eq!(small.len() as u64, to.i420_bytes());
        assert!(small.iter().all(|sample| *sample == 77));
    }
}
