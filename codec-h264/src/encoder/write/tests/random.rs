//! Random macroblocks that are valid in a stream.

use super::super::residual::pattern;
use crate::encoder::coded_mb::{CodedKind, CodedMb, coded};
use crate::macroblock::{Shape, SubShape};
use crate::picture::Mv;
use crate::slice::SliceType;

#[derive(Debug)]
pub(super) struct Random(pub u64);

impl Random {
    pub(super) fn below(&mut self, end: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        ((u64::from((self.0 >> 32) as u32) * u64::from(end)) >> 32) as u32
    }

    pub(super) fn byte(&mut self, end: u32) -> u8 {
        self.below(end).to_le_bytes()[0]
    }

    pub(super) fn one_in(&mut self, n: u32) -> bool {
        self.below(n) == 0
    }

    /// A number up to `max` in absolute value, small ones more often.
    fn signed(&mut self, max: u32) -> i16 {
        let bits = self.below(max.ilog2() + 2);
        let value = i16::try_from(self.below(1 << bits).min(max)).unwrap();
        if self.one_in(2) { -value } else { value }
    }
}

/// The kinds of macroblocks to draw.
#[derive(Clone, Copy, Debug)]
pub(super) struct Options {
    pub slice_type: SliceType,
    pub transform_8x8: bool,
    pub direct_8x8_inference: bool,
    pub ref_counts: [u8; 2],
    pub max_level: u32,
    pub max_mvd: u32,
}

/// A macroblock, the differences of its vectors by list and 4x4 block, and its levels.
pub(super) struct Drawn {
    pub mb: CodedMb,
    pub mvds: [[Mv; 16]; 2],
    pub levels: Vec<i16>,
}

/// Draws a macroblock; `qp` is that of the one before it.
pub(super) fn macroblock(random: &mut Random, options: &Options, qp: u8) -> Drawn {
    let mut mb = CodedMb {
        kind: kind(random, options),
        qp,
        transform_8x8: false,
        chroma_mode: 0,
        direct: 0,
        cbp: 0,
        coded: 0,
        refs: [[-1; 4]; 2],
    };
    let mut mvds = [[Mv::ZERO; 16]; 2];
    match mb.kind {
        CodedKind::Skip => return Drawn { mb, mvds, levels: Vec::new() },
        CodedKind::Pcm => {
            let levels = (0..384).map(|_| random.byte(256).into()).collect();
            return Drawn { mb, mvds, levels };
        }
        CodedKind::Direct | CodedKind::Intra4x4(_) => {}
        CodedKind::Intra8x8(_) => mb.transform_8x8 = true,
        CodedKind::Intra16x16(_) => {}
        CodedKind::Inter(shape) => mvds = motion(random, options, shape, &mut mb),
    }
    if matches!(mb.kind, CodedKind::Intra4x4(_) | CodedKind::Intra8x8(_) | CodedKind::Intra16x16(_))
    {
        mb.chroma_mode = random.byte(4);
    }
    let levels = residual(random, options, &mut mb);
    let is_16x16 = matches!(mb.kind, CodedKind::Intra16x16(_));
    if (pattern(&mb) != 0 || is_16x16) && random.one_in(3) {
        mb.qp = random.byte(52);
    }
    Drawn { mb, mvds, levels }
}

/// Replaces the modes of an intra macroblock with modes that need no neighbours.
pub(super) fn restrict_modes(mb: &mut CodedMb) {
    match &mut mb.kind {
        // The predicted modes are available.
        CodedKind::Intra4x4(modes) => *modes = [None; 16],
        CodedKind::Intra8x8(modes) => *modes = [None; 4],
        CodedKind::Intra16x16(mode) => *mode = 2,
        _ => {}
    }
    mb.chroma_mode = 0;
}

fn kind(random: &mut Random, options: &Options) -> CodedKind {
    let is_intra = options.slice_type == SliceType::I || random.one_in(4);
    if is_intra {
        let mut rest = || (!random.one_in(2)).then(|| random.byte(8));
        let modes = [(); 16].map(|()| rest());
        return match random.below(if options.transform_8x8 { 40 } else { 24 }) {
            0 => CodedKind::Pcm,
            1..=12 => CodedKind::Intra4x4(modes),
            13..=23 => CodedKind::Intra16x16(random.byte(4)),
            _ => CodedKind::Intra8x8([modes[0], modes[1], modes[2], modes[3]]),
        };
    }
    if random.one_in(4) {
        return CodedKind::Skip;
    }
    if options.slice_type == SliceType::B && random.one_in(5) {
        return CodedKind::Direct;
    }
    let sub = [SubShape::Whole, SubShape::Rows, SubShape::Columns, SubShape::Quarters];
    let is_plain = random.one_in(2);
    let mut sub_shape = || if is_plain { sub[0] } else { sub[random.below(4) as usize] };
    let quarters = Shape::Quarters([sub_shape(), sub_shape(), sub_shape(), sub_shape()]);
    CodedKind::Inter(
        [Shape::Whole, Shape::Rows, Shape::Columns, quarters][random.below(4) as usize],
    )
}

/// Draws the references into `mb`; returns the differences of vectors by list and 4x4 block.
fn motion(random: &mut Random, options: &Options, shape: Shape, mb: &mut CodedMb) -> [[Mv; 16]; 2] {
    let is_b = options.slice_type == SliceType::B;
    // The partition of each 8x8 block.
    let owners = match shape {
        Shape::Whole => [0; 4],
        Shape::Rows => [0, 0, 2, 2],
        Shape::Columns => [0, 1, 0, 1],
        Shape::Quarters(_) => [0, 1, 2, 3],
    };
    let zero_refs = random.one_in(4);
    let drawn = [(); 4].map(|()| {
        let lists = if is_b { 1 + random.below(3) } else { 1 };
        [0, 1].map(|list| {
            let index = random.byte(options.ref_counts[list].max(1).into()).cast_signed();
            if lists >> list & 1 == 0 { -1 } else { index * i8::from(!zero_refs) }
        })
    });
    for (list, refs) in mb.refs.iter_mut().enumerate() {
        *refs = owners.map(|owner| drawn[owner][list]);
    }
    if let (Shape::Quarters(_), true) = (shape, is_b) {
        mb.direct = random.byte(16) & random.byte(16);
    }
    let mut mvds = [[Mv::ZERO; 16]; 2];
    for (list, mvds) in mvds.iter_mut().enumerate() {
        for at in 0..16 {
            let (x, y) = (at % 4, at / 4);
            let quarter = y / 2 * 2 + x / 2;
            if mb.refs[list][quarter] < 0 || mb.direct >> quarter & 1 == 1 {
                continue;
            }
            let first = first_block(shape, x, y);
            mvds[at] = if first == at {
                Mv { x: random.signed(options.max_mvd), y: random.signed(options.max_mvd) }
            } else {
                mvds[first]
            };
        }
    }
    if mb.direct != 0 {
        let is_direct = |quarter: usize| mb.direct >> quarter & 1 == 1;
        for refs in &mut mb.refs {
            (0..4).filter(|quarter| is_direct(*quarter)).for_each(|quarter| refs[quarter] = -1);
        }
    }
    mvds
}

/// Returns the first 4x4 block of the partition of a block.
pub(super) fn first_block(shape: Shape, x: usize, y: usize) -> usize {
    let (x, y) = match shape {
        Shape::Whole => (0, 0),
        Shape::Rows => (0, y & !1),
        Shape::Columns => (x & !1, 0),
        Shape::Quarters(shapes) => match shapes[y / 2 * 2 + x / 2] {
            SubShape::Whole => (x & !1, y & !1),
            SubShape::Rows => (x & !1, y),
            SubShape::Columns => (x, y & !1),
            SubShape::Quarters => (x, y),
        },
    };
    4 * y + x
}

/// Returns whether `transform_size_8x8_flag` may be 1.
fn may_be_8x8(options: &Options, mb: &CodedMb) -> bool {
    options.transform_8x8
        && match mb.kind {
            CodedKind::Direct => options.direct_8x8_inference,
            CodedKind::Inter(Shape::Quarters(shapes)) => (0..4).all(|n| {
                let is_direct = mb.direct >> n & 1 == 1;
                if is_direct { options.direct_8x8_inference } else { shapes[n] == SubShape::Whole }
            }),
            CodedKind::Inter(_) => true,
            _ => false,
        }
}

fn residual(random: &mut Random, options: &Options, mb: &mut CodedMb) -> Vec<i16> {
    let is_16x16 = matches!(mb.kind, CodedKind::Intra16x16(_));
    let luma = if is_16x16 { 15 * random.byte(2) } else { random.byte(16) & random.byte(16) };
    let chroma = random.byte(3);
    mb.transform_8x8 |= luma != 0 && may_be_8x8(options, mb) && random.one_in(2);
    let mut levels = Vec::new();
    if is_16x16 && random.one_in(2) {
        mb.coded |= 1 << coded::LUMA_DC;
        levels.extend(block(random, options, 16, 0));
    }
    let mut pattern = 0;
    for quarter in (0..4).filter(|quarter| luma >> quarter & 1 == 1) {
        if mb.transform_8x8 {
            // The pattern has a block without levels now and then, which is then not coded.
            pattern |= 1 << quarter;
            if !random.one_in(8) {
                mb.coded |= 1 << (4 * quarter);
                levels.extend(block(random, options, 64, 0));
            }
            continue;
        }
        pattern |= 1 << quarter;
        for n in 4 * quarter..4 * quarter + 4 {
            if random.one_in(2) {
                mb.coded |= 1 << n;
                levels.extend(block(random, options, 16, usize::from(is_16x16)));
            }
        }
    }
    for plane in 0..2 {
        if chroma > 0 && !random.one_in(3) {
            mb.coded |= 1 << (coded::CHROMA_DC + plane);
            levels.extend(block(random, options, 4, 0));
        }
    }
    for n in 0..8 {
        if chroma == 2 && random.one_in(2) {
            mb.coded |= 1 << (coded::CHROMA + n);
            levels.extend(block(random, options, 16, 1));
        }
    }
    mb.cbp = pattern | chroma << 4;
    levels
}

/// Returns a block with at least one level from `first` on.
fn block(random: &mut Random, options: &Options, len: usize, first: usize) -> Vec<i16> {
    let mut levels = vec![0; len];
    let sparse = 1 + random.below(12);
    let max = if random.one_in(3) { options.max_level } else { 2 };
    for level in &mut levels[first..] {
        if random.one_in(sparse) {
            *level = random.signed(max);
        }
    }
    let range = u32::try_from(len - first).unwrap();
    levels[first + random.below(range) as usize] = if random.one_in(2) { 1 } else { -1 };
    levels
}
