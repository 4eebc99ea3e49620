//! Tests of the analysis through its public interface.

use codec_simd::Kernels;

use super::{Analyser, Change, FrameAnalysis};
use crate::frame::{Picture, Size};
use crate::motion::FullPel;
use crate::parallel::Serial;

/// Luma from a function of the position; grey chroma.
struct Drawing {
    size: Size,
    luma: Vec<u8>,
    chroma: Vec<u8>,
}

impl Drawing {
    fn new(size: Size, pixel: impl Fn(u32, u32) -> u32) -> Self {
        let rows = 0..size.height;
        let luma = rows.flat_map(|y| (0..size.width).map(move |x| (x, y)));
        let luma = luma.map(|(x, y)| u8::try_from(pixel(x, y) % 256).unwrap()).collect();
        let half = size.chroma();
        Self { size, luma, chroma: vec![128; 2 * (half.width * half.height) as usize] }
    }

    fn i420(&self) -> Picture<'_> {
        let half = self.size.chroma().width as usize;
        let chroma = (&self.chroma[..], half);
        Picture::i420(self.size, (&self.luma, self.size.width as usize), chroma, chroma).unwrap()
    }

    fn nv12(&self) -> Picture<'_> {
        let half = self.size.chroma().width as usize;
        let chroma = (&self.chroma[..], 2 * half);
        Picture::nv12(self.size, (&self.luma, self.size.width as usize), chroma).unwrap()
    }
}

/// A texture of smooth blobs, about 16 pixels wide.
fn blobs(x: u32, y: u32) -> u32 {
    let corner = |x: u32, y: u32| {
        (x.wrapping_mul(0x9e37) ^ y.wrapping_mul(0x79b9)).wrapping_mul(0x85eb_ca6b) >> 24
    };
    let (col, row, fx, fy) = (x / 16, y / 16, x % 16, y % 16);
    let upper = corner(col, row) * (16 - fx) + corner(col + 1, row) * fx;
    let lower = corner(col, row + 1) * (16 - fx) + corner(col + 1, row + 1) * fx;
    (upper * (16 - fy) + lower * fy) / 256
}

fn analyse(drawings: &[Drawing]) -> FrameAnalysis {
    let mut analyser = Analyser::new();
    let mut last = FrameAnalysis::default();
    for drawing in drawings {
        analyser.analyse_into(&drawing.i420(), Kernels::best(), &Serial, &mut last);
    }
    last
}

const SIZE: Size = Size { width: 176, height: 144 };

#[test]
fn a_first_frame_has_intra_cost_only() {
    let first = analyse(&[Drawing::new(SIZE, blobs)]);
    assert!(!first.has_previous && !first.scene.is_cut);
    assert_eq!((first.mb_cols, first.mb_rows()), (11, 9));
    assert_eq!(first.inter_cost, first.intra_cost);
    assert!(first.intra_cost > 0);
    assert_eq!(first.static_mbs, 0);
}

#[test]
fn a_repeated_frame_is_static_and_has_no_cost() {
    let second = analyse(&[Drawing::new(SIZE, blobs), Drawing::new(SIZE, blobs)]);
    assert_eq!((second.static_mbs, second.inter_cost), (99, 0));
    assert!(second.macroblocks.iter().all(|mb| mb.change == Change::Static));
}

#[test]
fn one_changed_pixel_is_one_changed_macroblock() {
    let mut changed = Drawing::new(SIZE, blobs);
    changed.luma[17 * 176 + 33] ^= 1;
    let second = analyse(&[Drawing::new(SIZE, blobs), changed]);
    assert_eq!(second.static_mbs, 98);
    assert_eq!(second.at(2, 1).unwrap().change, Change::Changed);
}

#[test]
fn a_pan_is_found_as_global_motion_and_in_the_seeds() {
    let panned = Drawing::new(SIZE, |x, y| blobs(x + 6, y + 10));
    let second = analyse(&[Drawing::new(SIZE, blobs), panned]);
    assert_eq!(second.global, Some(FullPel::new(6, 10)));
    assert_eq!(second.at(5, 4).unwrap().motion.to_full(), FullPel::new(6, 10));
    assert!(second.inter_cost < second.intra_cost / 4, "{second:?}");
}

#[test]
fn refined_motion_finds_odd_vectors_and_their_lower_cost() {
    let pan = || [Drawing::new(SIZE, blobs), Drawing::new(SIZE, |x, y| blobs(x + 3, y + 5))];
    let coarse = analyse(&pan());
    let mut analyser = Analyser::new();
    analyser.refine_motion(true);
    let mut fine = FrameAnalysis::default();
    for drawing in pan() {
        analyser.analyse_into(&drawing.i420(), Kernels::best(), &Serial, &mut fine);
    }
    assert_eq!(fine.at(5, 4).unwrap().motion, FullPel::new(3, 5).to_quarter());
    assert!(fine.inter_cost * 2 < coarse.inter_cost, "{} {}", fine.inter_cost, coarse.inter_cost);
    for (fine, coarse) in fine.macroblocks.iter().zip(&coarse.macroblocks) {
        assert!(fine.inter_cost <= coarse.inter_cost);
    }
}

#[test]
fn another_scene_is_a_cut_and_motion_is_not() {
    let mut analyser = Analyser::new();
    for n in 0..8 {
        let shift = if n == 6 { 4000 } else { 2 * n };
        let drawing = Drawing::new(SIZE, |x, y| blobs(x + shift, y));
        let analysis = analyser.analyse(&drawing.i420(), Kernels::best(), &Serial);
        assert_eq!(analysis.scene.is_cut, n == 6, "{n}: {:?}", analysis.scene);
    }
}

/// Text-like marks on a flat background, `by` pixels higher.
fn page(by: u32) -> Drawing {
    Drawing::new(Size::new(256, 200), move |x, y| {
        let (line, y) = ((y + by) / 12, (y + by) % 12);
        let inked = x > 20
            && x < 120
            && y < 8
            && (x * x + 5 * y * x + 7 * line * line * (x + y)) % 101 < 40;
        if inked { 20 } else { 235 }
    })
}

#[test]
fn a_scrolling_page_looks_like_a_screen_and_scrolls_exactly() {
    let drawings: Vec<_> = [0, 0, 0, 0, 0, 37].map(page).into();
    let last = analyse(&drawings);
    assert!(last.looks_like_screen);
    let scroll = last.scroll.unwrap();
    assert_eq!(scroll.vector, FullPel::new(0, 37));
    assert!(scroll.macroblocks > 30, "{scroll:?}");
    assert_eq!(last.at(3, 2).unwrap().motion.to_full(), FullPel::new(0, 37));
    assert_eq!(last.at(3, 2).unwrap().inter_cost, 0);
}

#[test]
fn chroma_layout_does_not_matter() {
    let pictures = [0, 3].map(|by| Drawing::new(Size::new(67, 35), move |x, y| blobs(x + by, y)));
    let (mut a, mut b) = (Analyser::new(), Analyser::new());
    for picture in &pictures {
        let planar = a.analyse(&picture.i420(), Kernels::best(), &Serial).clone();
        assert_eq!(*b.analyse(&picture.nv12(), Kernels::best(), &Serial), planar);
    }
}

#[test]
fn any_size_can_be_analysed_and_a_new_size_resets() {
    let mut analyser = Analyser::new();
    for (width, height) in [(1, 1), (1, 40), (40, 1), (2, 2), (15, 17), (16, 16), (130, 33)] {
        for n in 0..3 {
            let drawing = Drawing::new(Size::new(width, height), |x, y| blobs(x + n, y));
            let analysis = analyser.analyse(&drawing.i420(), Kernels::best(), &Serial);
            assert_eq!(analysis.has_previous, n > 0);
            let mbs = width.div_ceil(16) * height.div_ceil(16);
            assert_eq!(analysis.macroblocks.len(), mbs as usize);
        }
    }
}

#[test]
fn all_simd_levels_give_equal_analyses() {
    let pictures =
        [0, 5, 9].map(|by| Drawing::new(Size::new(99, 77), move |x, y| blobs(x, y + by)));
    let mut seen: Option<FrameAnalysis> = None;
    for level in codec_simd::Level::ALL {
        let Some(kernels) = Kernels::for_level(level) else { continue };
        let mut analyser = Analyser::new();
        for picture in &pictures {
            analyser.analyse(&picture.i420(), kernels, &Serial);
        }
        let last = analyser.analyse(&pictures[0].i420(), kernels, &Serial).clone();
        assert_eq!(*seen.get_or_insert_with(|| last.clone()), last, "{level:?}");
    }
}

#[test]
fn reset_discards_previous_frames() {
    let drawing = Drawing::new(SIZE, blobs);
    let mut analyser = Analyser::new();
    analyser.analyse(&drawing.i420(), Kernels::best(), &Serial);
    analyser.reset();
    let again = analyser.analyse(&drawing.i420(), Kernels::best(), &Serial).clone();
    assert_eq!(again, analyse(&[drawing]));
}

#[test]
fn a_macroblock_with_changed_chroma_is_not_the_same() {
    let mut analyser = Analyser::new();
    analyser.watch_chroma(true);
    let first = Drawing::new(SIZE, blobs);
    let mut second = Drawing::new(SIZE, blobs);
    // One chroma sample of the third macroblock, at an offset that both layouts share.
    second.chroma[16] = 129;
    let mut out = FrameAnalysis::default();
    let mut same = |picture: &Picture<'_>| {
        analyser.analyse_into(picture, Kernels::best(), &Serial, &mut out);
        (out.same_mbs, out.macroblocks[2].is_same)
    };
    assert_eq!(same(&first.i420()), (0, false));
    assert_eq!(same(&first.nv12()), (99, true));
    assert_eq!(same(&second.i420()), (98, false));
    assert_eq!(same(&second.i420()), (99, true));
}

/// Frames that fade to black, in ten steps.
fn fade(follows: bool) -> Vec<FrameAnalysis> {
    let mut analyser = Analyser::new();
    analyser.follow_fades(follows);
    let frame = |n: u32| Drawing::new(SIZE, move |x, y| blobs(x, y) * (10 - n) / 10);
    (0..10).map(|n| analyser.analyse(&frame(n).i420(), Kernels::best(), &Serial).clone()).collect()
}

#[test]
fn followed_fades_cost_little() {
    let (plain, followed) = (fade(false), fade(true));
    for (plain, followed) in plain.iter().zip(&followed).skip(1) {
        assert!(!followed.scene.is_cut);
        let costs = (followed.inter_cost, plain.inter_cost, followed.intra_cost);
        assert!(costs.0 * 2 < costs.1 && costs.0 * 4 < costs.2, "{costs:?}");
    }
}
