//! Round trips of all modes and vectors, and comparison with near vectors that were computed by
//! hand.

use codec_simd::IntraMode;

use super::super::header::{
    FilterHeader, Probabilities, QuantIndices, ReferenceUpdates, Segmentation,
};
use super::super::types::Partitioning;
use super::*;
use codec_core::entropy::BoolEncoder;

fn header(is_key: bool) -> FrameHeader {
    FrameHeader {
        is_key,
        color_space: 0,
        no_clamping: false,
        segmentation: Segmentation {
            enabled: true,
            update_map: true,
            tree_probs: [100, 50, 255],
            ..Segmentation::default()
        },
        filter: FilterHeader::default(),
        log2_partitions: 0,
        quant: QuantIndices::default(),
        references: ReferenceUpdates { sign_bias_altref: true, ..ReferenceUpdates::KEY },
        refresh_entropy: true,
        probs: Probabilities::default(),
        modes: ModeProbabilities { skip: Some(200), intra: 60, last: 120, golden: 3 },
    }
}

fn inter(reference: Reference, x: i16, y: i16) -> MbMode {
    MbMode::Inter { reference, mode: InterMode::New, mv: MotionVector::new(x, y) }
}

const BOUNDS: MvBounds = MvBounds { left: -4000, right: 4000, top: -4000, bottom: 4000 };

struct Case {
    neighbours: [MbMode; 3],
    above: SubblockSide,
    left: SubblockSide,
}

impl Case {
    fn context(&self) -> MbContext<'_> {
        let [above, left, above_left] = &self.neighbours;
        MbContext {
            neighbours: Neighbours { above, left, above_left },
            above: &self.above,
            left: &self.left,
            bounds: BOUNDS,
        }
    }

    fn round_trip(&self, header: &FrameHeader, mb: MbInfo, subblocks: SubblockInfo) {
        let mut encoder = BoolEncoder::default();
        let context = self.context();
        let biases = header.references.sign_biases();
        let reference = mb.mode.reference().unwrap_or(Reference::Last);
        let near = find_near_vectors(&context.neighbours, reference, biases, BOUNDS);
        let sides = WriteContext { above: context.above, left: context.left, near: &near };
        write_macroblock(&mut encoder, header, sides, &mb, &subblocks);
        let data = encoder.finish();
        let mut reader = BoolDecoder::new(&data);
        // Stale data from another macroblock, as in the decoder.
        let mut parsed = SubblockInfo::Inter([MotionVector::new(9, 9); 16]);
        let got = parse_macroblock(&mut reader, header, &self.context(), 0, &mut parsed);
        assert_eq!((got, parsed), (mb, subblocks));
        assert_eq!(reader.overrun_bits(), 0);
    }
}

fn case() -> Case {
    let above_mvs = [(1, 2), (0, 0), (-3, 4), (1, 2)].map(|(x, y)| MotionVector::new(x, y));
    let left_mvs = [(1, 2), (7, 0), (0, 0), (-9, 9)].map(|(x, y)| MotionVector::new(x, y));
    Case {
        neighbours: [
            inter(Reference::Last, 8, -12),
            inter(Reference::Altref, -8, 12),
            inter(Reference::Golden, 100, 3),
        ],
        above: SubblockSide { modes: [0, 3, 9, 1].map(|n| SubblockMode::ALL[n]), mvs: above_mvs },
        left: SubblockSide { modes: [8, 2, 4, 7].map(|n| SubblockMode::ALL[n]), mvs: left_mvs },
    }
}

#[test]
fn every_intra_mode_round_trips_in_key_and_inter_frames() {
    let case = case();
    for is_key in [true, false] {
        let header = header(is_key);
        for chroma in IntraMode::ALL {
            for luma in IntraMode::ALL.map(IntraLuma::Whole) {
                for segment in 0..4 {
                    let mode = MbMode::Intra { luma, chroma };
                    let mb = MbInfo { mode, segment, skip: true, ..MbInfo::default() };
                    let modes = SubblockInfo::Intra([luma.implied_subblock(); 16]);
                    case.round_trip(&header, mb, modes);
                }
            }
            for step in 0..10 {
                let mode = MbMode::Intra { luma: IntraLuma::PerBlock, chroma };
                let mb = MbInfo { mode, ..MbInfo::default() };
                let modes = std::array::from_fn(|n| SubblockMode::ALL[(n * step + n / 3) % 10]);
                case.round_trip(&header, mb, SubblockInfo::Intra(modes));
            }
        }
    }
}

#[test]
fn every_vector_component_round_trips() {
    for value in -MAX_MV_DELTA..=MAX_MV_DELTA {
        let delta = MotionVector::new(value, -value);
        let probs = Probabilities::default().mv;
        let mut encoder = BoolEncoder::default();
        write_mv(&mut encoder, delta, &probs);
        let data = encoder.finish();
        assert_eq!(parse_mv(&mut BoolDecoder::new(&data), &probs), delta);
    }
}

#[test]
fn every_inter_mode_and_reference_round_trips() {
    let (case, header) = (case(), header(false));
    for reference in Reference::ALL {
        let biases = header.references.sign_biases();
        let near = find_near_vectors(&case.context().neighbours, reference, biases, BOUNDS);
        for (mode, mv) in [
            (InterMode::Nearest, near.nearest),
            (InterMode::Near, near.near),
            (InterMode::Zero, MotionVector::ZERO),
            (InterMode::New, near.best.wrapping_add(MotionVector::new(-513, 15))),
        ] {
            let mode = MbMode::Inter { reference, mode, mv };
            let mb = MbInfo { mode, ..MbInfo::default() };
            case.round_trip(&header, mb, SubblockInfo::Inter([mv; 16]));
        }
    }
}

#[test]
fn every_partitioning_round_trips_with_each_sub_vector_mode() {
    let (case, header) = (case(), header(false));
    for (index, partitioning) in [
        Partitioning::TopBottom,
        Partitioning::LeftRight,
        Partitioning::Quarters,
        Partitioning::Sixteenths,
    ]
    .into_iter()
    .enumerate()
    {
        for seed in 0..64_usize {
            let choices = [(1, 2), (0, 0), (7, 0), (-9, 9), (40, -41)];
            let mut mvs = [MotionVector::ZERO; 16];
            for (part, &mask) in PARTITIONS[index].iter().enumerate() {
                let (x, y) = choices[(seed + part * (seed / 5 + 1)) % 5];
                for (n, mv) in mvs.iter_mut().enumerate() {
                    if mask >> n & 1 != 0 {
                        *mv = MotionVector::new(x, y);
                    }
                }
            }
            let mode = InterMode::Split(partitioning);
            let mode = MbMode::Inter { reference: Reference::Golden, mode, mv: mvs[15] };
            let mb = MbInfo { mode, ..MbInfo::default() };
            case.round_trip(&header, mb, SubblockInfo::Inter(mvs));
        }
    }
}

#[test]
fn the_segment_persists_without_map_update_and_is_zero_in_key_frames() {
    let case = case();
    for (is_key, expected) in [(true, 0), (false, 2)] {
        let mut header = header(is_key);
        header.segmentation.update_map = false;
        let mut subblocks = SubblockInfo::default();
        let mut reader = BoolDecoder::new(&[0; 40]);
        let mb = parse_macroblock(&mut reader, &header, &case.context(), 2, &mut subblocks);
        assert_eq!(mb.segment, expected);
    }
}

fn near_mvs(neighbours: [MbMode; 3], reference: Reference) -> NearVectors {
    let [above, left, above_left] = &neighbours;
    let neighbours = Neighbours { above, left, above_left };
    find_near_vectors(&neighbours, reference, [false, false, true], BOUNDS)
}

#[test]
fn intra_neighbours_give_zero_vectors() {
    let near = near_mvs([MbMode::default(); 3], Reference::Last);
    assert_eq!((near.nearest, near.near, near.best), Default::default());
    assert_eq!(near.mode_probs, [7, 1, 1, 143]);
}

#[test]
fn equal_vectors_add_up_and_sign_bias_inverts_vectors() {
    let near = near_mvs(
        [
            inter(Reference::Last, 4, -6),
            inter(Reference::Altref, -4, 6),
            inter(Reference::Golden, 4, -6),
        ],
        Reference::Last,
    );
    assert_eq!(near.nearest, MotionVector::new(4, -6));
    assert_eq!(near.best, near.nearest);
    assert_eq!(near.near, MotionVector::ZERO);
    assert_eq!(near.mode_probs, [7, 188, 1, 143]);
}

#[test]
fn the_third_vector_merges_with_the_first_and_zero_can_stay_best() {
    let [a, b] = [inter(Reference::Last, 1, 1), inter(Reference::Last, 2, 2)];
    let near = near_mvs([a, b, a], Reference::Last);
    assert_eq!((near.nearest, near.near), (a.mv(), b.mv()));
    assert_eq!(near.mode_probs, [7, 56, 57, 143]);
    let zero = inter(Reference::Last, 0, 0);
    let near = near_mvs([zero, zero, a], Reference::Last);
    assert_eq!((near.best, near.nearest), (MotionVector::ZERO, a.mv()));
}

#[test]
fn the_more_frequent_vector_becomes_nearest() {
    let [a, b] = [inter(Reference::Last, 1, 1), inter(Reference::Last, 2, 2)];
    let near = near_mvs([MbMode::default(), a, b], Reference::Last);
    assert_eq!((near.nearest, near.near), (a.mv(), b.mv()));
    let near = near_mvs([a, b, b], Reference::Last);
    assert_eq!((near.nearest, near.near), (b.mv(), a.mv()));
}

#[test]
fn neighbour_vectors_are_clamped_to_one_macroblock_beyond_the_frame() {
    let far = inter(Reference::Last, -900, 900);
    let neighbours = Neighbours { above: &far, left: &far, above_left: &far };
    let bounds = MvBounds::new(0, 1, 3, 2);
    assert_eq!(bounds, MvBounds { left: -64, right: 192, top: -128, bottom: 64 });
    let near = find_near_vectors(&neighbours, Reference::Last, [false; 3], bounds);
    assert_eq!(near.nearest, MotionVector::new(-64, 64));
    assert_eq!(near.best, near.nearest);
}
