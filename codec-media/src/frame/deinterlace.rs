//! Deinterlacing: replaces the lines of the later field of a frame by lines at the time of the
//! earlier one, so that the frame rate stays the same.
//!
//! A missing sample has two estimates. The temporal estimate is the mean of the samples at the same
//! place in the fields just before and just after the kept one, which is exact without motion. The
//! spatial estimate is interpolated from the lines above and below, in luma along an edge if there is
//! one. The result is the spatial estimate, clamped to a range around the temporal estimate. The
//! half-width of the range measures the motion. It is the largest of three values:
//!
//! - half the difference of the two samples whose mean is the temporal estimate,
//! - the mean absolute difference between the samples directly above and below the missing one and the
//!   samples at the same places in the previous frame,
//! - the same difference to the next frame.
//!
//! These differences miss some motion, which then shows as combing: the lines of the two fields
//! alternate between brighter and darker. Let A and B be the kept samples directly above and below the
//! missing one, and A2 and B2 the temporal estimates two lines above and two lines below it. Combing is
//! detected if the temporal estimate is brighter than both A and B, and A2 is brighter than A or B2 is
//! brighter than B (or if the same holds with darker instead of brighter). The half-width of
//! the range is then at least the smallest of three values: the differences of the temporal estimate
//! from A and from B, and the larger of the differences A2 - A and B2 - B.

use codec_core::frame::FieldOrder;

use super::planes::Planes;

/// Samples that rows are extended by on both sides: the reach of the search for edges.
const PAD: usize = 3;
/// Lowest height with a line of the same field above and below each line, without repetition.
const MIN_HEIGHT: usize = 4;

/// Removes interlacing. It keeps memory between frames, but no samples.
#[derive(Debug, Default)]
pub struct Deinterlacer {
    rows: Rows,
}

/// The frames around the one that is deinterlaced, which have the same size. At the ends of a stream
/// the current frame takes the place of the missing one.
#[derive(Clone, Copy, Debug)]
pub struct Neighbours<'a> {
    /// The frame before.
    pub previous: &'a Planes,
    /// The frame after.
    pub next: &'a Planes,
}

/// The three frames of one plane.
#[derive(Clone, Copy)]
struct PlaneTriple<'a> {
    previous: &'a [u8],
    current: &'a [u8],
    next: &'a [u8],
    width: usize,
    height: usize,
}

/// The direction of spatial interpolation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    /// Vertical.
    Vertical,
    /// Along an edge if one is clear, else vertical.
    AlongEdges,
}

/// Lines around a missing line, extended by [`PAD`] samples on both sides.
#[derive(Debug, Default)]
struct Rows {
    /// Lines of the kept field: 3 and 1 above, 1 and 3 below.
    kept: [Vec<i16>; 4],
    /// Lines 1 above and 1 below in the previous frame, and in the next one.
    kept_before: [Vec<i16>; 2],
    kept_after: [Vec<i16>; 2],
    /// Lines of the other parity just before: 2 above, at the same place, and 2 below.
    before: [Vec<i16>; 3],
    /// The same lines just after.
    after: [Vec<i16>; 3],
}

impl Deinterlacer {
    /// Writes `current` without interlacing to `out`. A frame without a field order is treated as
    /// top field first.
    pub fn frame(&mut self, current: &Planes, around: Neighbours<'_>, out: &mut Planes) {
        out.reset(current.size);
        out.info = current.info;
        out.info.field_order = FieldOrder::Progressive;
        let kept = usize::from(current.info.field_order == FieldOrder::BottomFirst);
        let planes = [around.previous.planes(), current.planes(), around.next.planes()];
        for (index, target) in out.split_mut().into_iter().enumerate() {
            let [(previous, _), (current, size), (next, _)] = planes.map(|planes| planes[index]);
            let (width, height) = (size.width as usize, size.height as usize);
            target.copy_from_slice(current);
            let triple = PlaneTriple { previous, current, next, width, height };
            let direction = if index == 0 { Direction::AlongEdges } else { Direction::Vertical };
            if height >= MIN_HEIGHT {
                let missing = target.chunks_exact_mut(width).enumerate().skip(1 - kept).step_by(2);
                for (y, line) in missing {
                    self.rows.load(triple, y);
                    self.rows.interpolate(direction, line);
                }
            }
        }
    }
}

impl Rows {
    fn load(&mut self, planes: PlaneTriple<'_>, y: usize) {
        let y = y.cast_signed();
        let PlaneTriple { previous, current, next, width, height } = planes;
        let load = |rows: &mut [Vec<i16>], plane: &[u8], offsets: &[isize]| {
            for (row, offset) in rows.iter_mut().zip(offsets) {
                extend_row(plane, width, mirrored(y + offset, height), row);
            }
        };
        load(&mut self.kept, current, &[-3, -1, 1, 3]);
        load(&mut self.kept_before, previous, &[-1, 1]);
        load(&mut self.kept_after, next, &[-1, 1]);
        load(&mut self.before, previous, &[-2, 0, 2]);
        load(&mut self.after, current, &[-2, 0, 2]);
    }

    fn interpolate(&self, direction: Direction, line: &mut [u8]) {
        for (x, out) in line.iter_mut().enumerate() {
            let at = x + PAD;
            let temporal = (self.before[1][at] + self.after[1][at] + 1) >> 1;
            let reach = self.motion(at).max(self.missed_motion(at, temporal));
            let spatial = match direction {
                Direction::Vertical => self.vertical(at),
                Direction::AlongEdges => self.along_edge(at).unwrap_or_else(|| self.vertical(at)),
            };
            let value = spatial.clamp(temporal - reach, temporal + reach);
            *out = u8::try_from(value.clamp(0, 255)).unwrap_or(u8::MAX);
        }
    }

    /// The largest difference between fields of the same parity.
    fn motion(&self, at: usize) -> i16 {
        let [_, above, below, _] = &self.kept;
        let kept = |rows: &[Vec<i16>; 2]| {
            ((rows[0][at] - above[at]).abs() + (rows[1][at] - below[at]).abs()) >> 1
        };
        let other = (self.before[1][at] - self.after[1][at]).abs() >> 1;
        other.max(kept(&self.kept_before)).max(kept(&self.kept_after))
    }

    /// How far a temporal estimate stands out from the lines above and below, beyond the vertical
    /// detail of the fields of its own parity.
    fn missed_motion(&self, at: usize, temporal: i16) -> i16 {
        let own = |line: usize| (self.before[line][at] + self.after[line][at]) >> 1;
        let (above, below) = (self.kept[1][at], self.kept[2][at]);
        let (out_above, out_below) = (temporal - above, temporal - below);
        let (detail_above, detail_below) = (own(0) - above, own(2) - below);
        let higher = out_above.min(out_below).min(detail_above.max(detail_below));
        let lower = out_above.max(out_below).max(detail_above.min(detail_below));
        higher.max(-lower)
    }

    /// Vertical interpolation with four taps: -1, 9, 9, -1.
    fn vertical(&self, at: usize) -> i16 {
        let [far_above, above, below, far_below] = &self.kept;
        (9 * (above[at] + below[at]) - far_above[at] - far_below[at] + 8) >> 4
    }

    /// Interpolation along the direction in which the lines match best, up to two samples to either
    /// side. `None` unless it matches clearly better than the vertical one.
    fn along_edge(&self, at: usize) -> Option<i16> {
        let [_, above, below, _] = &self.kept;
        let cost = |left: usize, right: usize| {
            (0..3).map(|k| (above[left + k - 1] - below[right + k - 1]).abs()).sum::<i16>()
        };
        let mut best = cost(at, at) * 3 / 4 - 4;
        let mut value = None;
        for rises in [false, true] {
            for step in 1..PAD {
                let ends = [at - step, at + step];
                let [a, b] = if rises { [ends[1], ends[0]] } else { ends };
                let found = cost(a, b);
                if found >= best {
                    break;
                }
                best = found;
                value = Some((above[a] + below[b] + 1) >> 1);
            }
        }
        value
    }
}

/// Reflects line numbers outside of a plane, which keeps their parity at the top, and at the bottom.
fn mirrored(y: isize, height: usize) -> usize {
    let last = height.cast_signed() - 1;
    let inside = if y > last { 2 * last - y } else { y };
    inside.unsigned_abs()
}

/// Copies a line and repeats its first and last sample on the sides.
fn extend_row(plane: &[u8], width: usize, y: usize, row: &mut Vec<i16>) {
    let line = &plane[y * width..(y + 1) * width];
    let side = |sample: Option<&u8>| std::iter::repeat_n(sample.copied().unwrap_or(0), PAD);
    let extended = side(line.first()).chain(line.iter().copied()).chain(side(line.last()));
    row.clear();
    row.extend(extended.map(i16::from));
}

#[cfg(test)]
mod tests {
    use codec_core::frame::Size;

    use super::*;

    /// Frame number `time`, in fields, of a texture that moves by `speed` samples per field.
    fn scene(size: Size, time: usize, speed: usize) -> Planes {
        let mut planes = Planes::default();
        planes.reset(size);
        for (index, plane) in planes.split_mut().into_iter().enumerate() {
            let width = if index == 0 { size.width } else { size.chroma().width } as usize;
            for (at, sample) in plane.iter_mut().enumerate() {
                let (x, y) = (at % width + speed * time, at / width);
                let wave = (x * 7 + y * 5) % 120;
                *sample = u8::try_from(60 + wave.min(120 - wave)).unwrap();
            }
        }
        planes
    }

    /// Weaves the fields at times `2 * number` and `2 * number + 1`.
    fn woven(size: Size, number: usize, speed: usize, order: FieldOrder) -> Planes {
        let [first, second] = [2 * number, 2 * number + 1].map(|time| scene(size, time, speed));
        let mut frame = first.clone();
        let skip = usize::from(order == FieldOrder::TopFirst);
        for (index, plane) in frame.split_mut().into_iter().enumerate() {
            let (source, part) = second.planes()[index];
            let width = part.width as usize;
            let lines = plane.chunks_exact_mut(width).zip(source.chunks_exact(width));
            for (line, from) in lines.skip(skip).step_by(2) {
                line.copy_from_slice(from);
            }
        }
        frame.info.field_order = order;
        frame
    }

    fn deinterlaced(frames: &[Planes; 3]) -> Planes {
        let [previous, current, next] = frames;
        let mut out = Planes::default();
        Deinterlacer::default().frame(current, Neighbours { previous, next }, &mut out);
        out
    }

    #[test]
    fn a_still_scene_is_nearly_unchanged() {
        for order in [FieldOrder::TopFirst, FieldOrder::BottomFirst] {
            for size in [Size::new(48, 32), Size::new(17, 9), Size::new(1, 1), Size::new(3, 4)] {
                let frames = [0, 1, 2].map(|number| woven(size, number, 0, order));
                let out = deinterlaced(&frames);
                let truth = scene(size, 2, 0);
                let samples = out.bytes.iter().zip(&truth.bytes);
                let differences: Vec<u8> = samples.map(|(a, b)| a.abs_diff(*b)).collect();
                let changed = differences.iter().filter(|&&difference| difference > 0).count();
                assert!(differences.iter().all(|&difference| difference < 8), "{size} {order:?}");
                assert!(changed * 20 < differences.len(), "{size} {order:?}: {changed} samples");
                assert_eq!(out.info.field_order, FieldOrder::Progressive);
            }
        }
    }

    #[test]
    fn a_moving_scene_is_that_of_the_first_field() {
        for order in [FieldOrder::TopFirst, FieldOrder::BottomFirst] {
            let size = Size::new(64, 48);
            let frames = [0, 1, 2].map(|number| woven(size, number, 3, order));
            let error = |planes: &Planes| {
                let truth = scene(size, 2, 3);
                let samples = planes.bytes.iter().zip(&truth.bytes);
                samples.map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2)).sum::<u64>()
            };
            let (before, after) = (error(&frames[1]), error(&deinterlaced(&frames)));
            assert!(after * 10 < before, "{order:?}: {before} before, {after} after");
        }
    }
}
