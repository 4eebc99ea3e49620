//! Reference samples of inter macroblocks: the planes of the pictures in the reference lists, and
//! the blocks in these planes that vectors point to.

use codec_core::frame::FrameBuf;
use codec_simd::{Window, prefetch_rows};

use crate::decoder::slice_context::{MAX_REFS, SliceContext};
use crate::fixed_list::FixedList;
use crate::macroblock::Mb;
use crate::picture::Mv;
use crate::slice::PictureStructure;

/// Size of a cache line.
const LINE: usize = 64;
/// Stride of the copies of blocks that leave the reference.
const COPY_STRIDE: usize = 32;

/// A copy of a block that leaves the reference.
pub(super) type BlockCopy = [u8; COPY_STRIDE * 24];

/// The initial value of a copy.
pub(super) const EMPTY_COPY: BlockCopy = [0; COPY_STRIDE * 24];

/// The reference of a part.
pub(super) struct Source<'a> {
    pub planes: &'a [RefPlane<'a>; 3],
    /// The part of `planes` that is referred to.
    pub part: PictureStructure,
    pub mv: Mv,
    /// The vertical component of the vector in chroma, in eighths.
    pub chroma_y: i16,
}

/// A plane of a reference, or of one of its fields.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RefPlane<'a> {
    data: &'a [u8],
    stride: usize,
    width: isize,
    height: isize,
}

impl<'a> RefPlane<'a> {
    fn new(frame: &'a FrameBuf, plane: usize, structure: PictureStructure) -> Self {
        let view = frame.plane(plane);
        let (data, stride) = view.pixels();
        let (width, height) = (view.layout().width, view.layout().height);
        let size = |size: usize| isize::try_from(size).unwrap_or(0);
        Self { data, stride, width: size(width), height: size(height) }.part(structure)
    }

    /// Returns a part of a frame.
    #[inline]
    pub(super) fn part(self, structure: PictureStructure) -> Self {
        let field = Self { stride: 2 * self.stride, height: self.height / 2, ..self };
        match structure {
            PictureStructure::Frame => self,
            PictureStructure::TopField => field,
            PictureStructure::BottomField => Self { data: &self.data[self.stride..], ..field },
        }
    }

    /// Returns the window whose first sample is (`x`, `y`) and of which the first `used` columns are
    /// used. Samples outside the plane repeat its edges: then they are copied to `copy`.
    #[inline]
    pub(super) fn window<'w, const W: usize, const H: usize>(
        &self,
        x: isize,
        y: isize,
        used: usize,
        copy: &'w mut BlockCopy,
    ) -> Option<Window<'w, W, H>>
    where
        'a: 'w,
    {
        let inside = |at: isize, len: usize, size: isize| at >= 0 && at + len.cast_signed() <= size;
        if inside(x, used, self.width) && inside(y, H, self.height) {
            let from = y.unsigned_abs() * self.stride + x.unsigned_abs();
            let window = self.data.get(from..).and_then(|data| Window::new(data, self.stride));
            if window.is_some() {
                return window;
            }
        }
        self.copy_clamped(x, y, used, H, copy);
        Window::new(&copy[..], COPY_STRIDE)
    }

    /// Prefetches the block of a macroblock of `size` columns: `width` columns and `rows` rows.
    /// `is_next` states that the block of the previous macroblock, `size` columns further left, was
    /// prefetched.
    #[inline]
    pub(super) fn prefetch_block(
        &self,
        size: usize,
        (x, width): (isize, usize),
        (y, rows): (isize, usize),
        is_next: bool,
    ) {
        let row = y.max(0).unsigned_abs() * self.stride;
        let first = x.max(0).unsigned_abs();
        let last = first + width - 1;
        if !is_next || last / LINE != last.saturating_sub(size) / LINE {
            prefetch_rows(self.data, row + last, self.stride, rows);
        }
        if !is_next && first / LINE != last / LINE {
            prefetch_rows(self.data, row + first, self.stride, rows);
        }
    }

    /// Copies samples with coordinates clamped to the plane.
    #[cold]
    fn copy_clamped(&self, x: isize, y: isize, used: usize, height: usize, copy: &mut BlockCopy) {
        let (last, width) = ((self.height - 1).max(0), self.width.unsigned_abs());
        let within = |at: isize| at.clamp(0, used.cast_signed()).unsigned_abs();
        // The columns that are inside the plane.
        let (left, right) = (within(x.saturating_neg()), within(self.width.saturating_sub(x)));
        let from = x.max(0).unsigned_abs().min(width);
        for (row, y) in copy.chunks_exact_mut(COPY_STRIDE).take(height).zip(y..) {
            let line = &self.data[y.clamp(0, last).unsigned_abs() * self.stride..][..width];
            let (Some(first), Some(end)) = (line.first(), line.last()) else { return };
            row[..left].fill(*first);
            if left < right {
                row[left..right].copy_from_slice(&line[from..from + right - left]);
            }
            row[right.max(left)..used].fill(*end);
        }
    }
}

/// The reference lists of a slice.
#[derive(Debug)]
pub(super) struct References<'a> {
    lists: [RefList<'a>; 2],
    /// Parity of the current field: 0 for the top field, 1 for the bottom field; `None` for a
    /// frame.
    field_parity: Option<usize>,
}

/// The planes of the entries of a reference list, and the parts of the frames that the entries are.
type RefList<'a> = FixedList<([RefPlane<'a>; 3], Option<PictureStructure>), MAX_REFS>;

impl<'a> References<'a> {
    pub(super) fn new(cx: &SliceContext<'a>) -> Self {
        let lists = cx.lists.map(|list| {
            let mut planes = RefList::default();
            for entry in list {
                let plane = |plane| RefPlane::new(&entry.samples, plane, entry.structure);
                planes.push(([plane(0), plane(1), plane(2)], Some(entry.structure)));
            }
            planes
        });
        let field_parity = match cx.header.structure {
            PictureStructure::Frame => None,
            PictureStructure::TopField => Some(0),
            PictureStructure::BottomField => Some(1),
        };
        Self { lists, field_parity }
    }

    /// Returns the reference of a block; `None` if the list is not used.
    #[inline]
    pub(super) fn source(
        &self,
        mb: &Mb,
        list: usize,
        reference: i8,
        block: usize,
    ) -> Option<Source<'_>> {
        let index = usize::try_from(reference).ok()?;
        let mv = mb.mvs[list][block];
        if mb.is_field {
            let structure = SliceContext::field_of(index, mb.row);
            let (planes, _) = self.lists[list].get(index / 2)?;
            let chroma_y = field_mv(mv.y, mb.row % 2, structure);
            return Some(Source { planes, part: structure, mv, chroma_y });
        }
        let (planes, structure) = self.lists[list].get(index)?;
        let chroma_y = match (self.field_parity, *structure) {
            (Some(parity), Some(structure)) => field_mv(mv.y, parity, structure),
            _ => mv.y,
        };
        Some(Source { planes, part: PictureStructure::Frame, mv, chroma_y })
    }
}

/// The vertical component of a vector in chroma, from a field of parity `parity` to `structure`.
fn field_mv(y: i16, parity: usize, structure: PictureStructure) -> i16 {
    match (parity, structure) {
        (0, PictureStructure::BottomField) => y.wrapping_sub(2),
        (1, PictureStructure::TopField) => y.wrapping_add(2),
        _ => y,
    }
}
