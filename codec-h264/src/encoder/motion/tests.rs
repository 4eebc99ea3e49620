//! Searches of synthetic motion whose vectors are known.

use codec_core::frame::{FrameBuf, Size};
use codec_core::motion::{
    FullPel, Half, IntegerSettings, Lambda, MvCost, Pattern, PixelPos, Quadrant, QuarterPel,
    SearchRange, Target, VectorPrice,
};
use codec_simd::{Block16, Kernels, Level};

use super::*;

const AT: PixelPos = PixelPos::new(32, 32);

const PARTS: [Part; 9] = [
    Part::Whole,
    Part::Half(Half::Top),
    Part::Half(Half::Bottom),
    Part::Half(Half::Left),
    Part::Half(Half::Right),
    Part::Quarter(Quadrant::TopLeft),
    Part::Quarter(Quadrant::TopRight),
    Part::Quarter(Quadrant::BottomLeft),
    Part::Quarter(Quadrant::BottomRight),
];

const MEASURES: [Measure; 2] = [Measure::Sad, Measure::Satd];
const RINGS: [Ring; 2] = [Ring::Cross, Ring::Full];

/// Smooth noise, in which the error grows with the distance from the best match, and the block that
/// a vector points to.
struct Scene {
    refp: FrameBuf,
    cur: Block16,
}

/// Random values 4 samples apart, interpolated.
fn noise(x: i32, y: i32) -> u8 {
    let corner = |x: i32, y: i32| {
        let hash = (x.wrapping_mul(7919) ^ y.wrapping_mul(104_729)).wrapping_mul(1_103_515_245);
        (hash >> 16) & 255
    };
    let (left, top) = (x.div_euclid(4), y.div_euclid(4));
    let (fx, fy) = (x.rem_euclid(4), y.rem_euclid(4));
    let row = |y| (4 - fx) * corner(left, y) + fx * corner(left + 1, y);
    u8::try_from(((4 - fy) * row(top) + fy * row(top + 1)) / 16).unwrap()
}

impl Scene {
    fn moved(vector: QuarterPel) -> Self {
        let mut refp = FrameBuf::new(Size::new(80, 80), 32);
        let [luma, ..] = refp.planes_mut();
        let layout = luma.layout();
        for (row, y) in luma.into_data().chunks_mut(layout.stride).zip(-32_i32..) {
            for (out, x) in row.iter_mut().zip(-32_i32..) {
                *out = noise(x, y);
            }
        }
        let mut cur = Block16::default();
        let at = AT.moved(vector.floor());
        let (fx, fy) = vector.eighths();
        let window = refp.plane(0).window(at.x as isize - 2, at.y as isize - 2).unwrap();
        let scalar = Kernels::for_level(Level::Scalar).unwrap();
        scalar.h264_luma_16x16(window, fx / 2, fy / 2, cur.window_mut());
        Self { refp, cur }
    }

    fn target<'a>(&'a self, kernels: &'a Kernels, price: VectorPrice<'a>) -> Target<'a> {
        let refp = self.refp.plane(0);
        let range = SearchRange::new(refp.layout(), AT, 16, 64).unwrap();
        Target { kernels, cur: &self.cur, refp, at: AT, range, price }
    }
}

fn free(table: &MvCost) -> VectorPrice<'_> {
    VectorPrice { table, predicted: QuarterPel::ZERO, lambda_sad: Lambda(0), lambda_sse: Lambda(0) }
}

#[test]
fn every_quarter_position_is_found_for_every_part() {
    let (table, mut planes) = (MvCost::default(), SearchPlanes::default());
    let kernels = Kernels::best();
    for (x, y) in (-3..=3).flat_map(|x| (-3..=3).map(move |y| (x, y))) {
        let vector = QuarterPel::new(4 + x, y - 8);
        let scene = Scene::moved(vector);
        let target = scene.target(kernels, free(&table));
        for (part, measure) in PARTS.into_iter().flat_map(|part| MEASURES.map(|m| (part, m))) {
            let settings =
                RefineSettings { measure, ring: Ring::Full, ..RefineSettings::default() };
            let found = refine(&target, part, FullPel::new(1, -2), settings, &mut planes);
            assert_eq!(found.distortion, 0, "{part:?} {measure:?} {vector:?} {found:?}");
            assert_eq!(found.vector, vector, "{part:?} {measure:?}");
        }
    }
}

#[test]
fn the_distortion_is_that_of_the_decoders_prediction() {
    let (table, mut planes) = (MvCost::default(), SearchPlanes::default());
    let scene = Scene::moved(QuarterPel::new(9, -7));
    let kernels = Kernels::best();
    let target = scene.target(kernels, free(&table));
    for (start, ring) in [(0, 0), (3, -1), (-6, 5)].into_iter().flat_map(|s| RINGS.map(|r| (s, r)))
    {
        let start = FullPel::new(start.0, start.1);
        let settings = RefineSettings { ring, ..RefineSettings::default() };
        let found = refine(&target, Part::Whole, start, settings, &mut planes);
        let at = AT.moved(found.vector.floor());
        let (fx, fy) = found.vector.eighths();
        let window = target.refp.window(at.x as isize - 2, at.y as isize - 2).unwrap();
        let mut pred = Block16::default();
        kernels.h264_luma_16x16(window, fx / 2, fy / 2, pred.window_mut());
        assert_eq!(found.distortion, kernels.satd_16x16(&scene.cur, pred.window()));
    }
}

#[test]
fn searches_from_afar_find_the_vector() {
    let (table, mut planes) = (MvCost::default(), SearchPlanes::default());
    let vector = QuarterPel::new(-18, 27);
    let scene = Scene::moved(vector);
    let target = scene.target(Kernels::best(), free(&table));
    let integer = IntegerSettings { pattern: Pattern::Exhaustive, ..IntegerSettings::default() };
    for part in PARTS {
        let settings = RefineSettings { ring: Ring::Full, ..RefineSettings::default() };
        let found = search(&target, part, &[FullPel::ZERO], integer, settings, &mut planes);
        assert_eq!((found.vector, found.distortion), (vector, 0), "{part:?}");
    }
}

#[test]
fn all_levels_agree() {
    let mut table = MvCost::default();
    table.fill(|d| (64 * u32::from(d.unsigned_abs()).min(900), 300));
    let scene = Scene::moved(QuarterPel::new(5, -3));
    let price = VectorPrice { lambda_sad: Lambda(900), ..free(&table) };
    let run = |level| {
        let target = scene.target(Kernels::for_level(level)?, price);
        let mut planes = SearchPlanes::default();
        let mut found = Vec::new();
        for (part, measure) in PARTS.into_iter().flat_map(|part| MEASURES.map(|m| (part, m))) {
            for ring in RINGS {
                let settings = RefineSettings { measure, ring, ..RefineSettings::default() };
                let integer = IntegerSettings::default();
                found.push(search(&target, part, &[], integer, settings, &mut planes));
            }
        }
        Some(found)
    };
    let expected = run(Level::Scalar);
    for level in Level::ALL {
        let found = run(level);
        assert!(found.is_none() || found == expected, "{level:?}");
    }
}

#[test]
fn an_expensive_vector_loses_against_the_predicted_one() {
    let (mut table, mut planes) = (MvCost::default(), SearchPlanes::default());
    table.fill(|d| (if d == 0 { 0 } else { 60_000 }, if d == 0 { 0 } else { 60_000 }));
    let scene = Scene::moved(QuarterPel::new(1, 1));
    let price = VectorPrice { lambda_sad: Lambda(1 << 16), ..free(&table) };
    let target = scene.target(Kernels::best(), price);
    let settings = RefineSettings::default();
    let found = refine(&target, Part::Whole, FullPel::ZERO, settings, &mut planes);
    assert_eq!(found.vector, QuarterPel::ZERO);
    assert_eq!(found.cost, found.distortion);
}

#[test]
fn a_good_integer_vector_ends_the_search() {
    let (table, mut planes) = (MvCost::default(), SearchPlanes::default());
    let scene = Scene::moved(QuarterPel::new(1, 0));
    let target = scene.target(Kernels::best(), free(&table));
    let settings = RefineSettings { stop_at: u32::MAX, ..RefineSettings::default() };
    let found = refine(&target, Part::Whole, FullPel::ZERO, settings, &mut planes);
    assert_eq!(found.vector, QuarterPel::ZERO);
}

#[test]
fn corners_of_the_range_are_refined_inside_the_border() {
    let (table, mut planes) = (MvCost::default(), SearchPlanes::default());
    let scene = Scene::moved(QuarterPel::ZERO);
    let mut target = scene.target(Kernels::best(), free(&table));
    for (x, y) in [(0, 0), (64, 0), (0, 64), (64, 64)] {
        target.at = PixelPos::new(x, y);
        target.range = SearchRange::new(target.refp.layout(), target.at, 16, 255).unwrap();
        let (first, last) = target.range.corners();
        for start in [first, last, FullPel::new(first.x, last.y), FullPel::new(last.x, first.y)] {
            for part in PARTS {
                let settings = RefineSettings { ring: Ring::Full, ..RefineSettings::default() };
                let found = refine(&target, part, start, settings, &mut planes);
                let end = found.vector.floor();
                assert!(end.x >= first.x - 1 && end.x <= last.x, "{found:?}");
                assert!(end.y >= first.y - 1 && end.y <= last.y, "{found:?}");
            }
        }
    }
}
