//! Slices of random macroblocks are written, and then parsed by the decoder.

mod random;
mod recorder;

use self::random::{Drawn, Options, Random, first_block, macroblock};
use self::recorder::{Element, Recorder};
use super::{CabacWriter, CavlcWriter, EntropyWriter, SliceWriter, residual};
use crate::bits::{BitReader, rbsp_bits};
use crate::cabac::{BlockCategory, Contexts};
use crate::decoder::cabac_syntax::Cabac;
use crate::decoder::cavlc_syntax::Cavlc;
use crate::decoder::entropy::Entropy;
use crate::decoder::motion_cache::Mvd;
use crate::decoder::parse::{MbParser, Stores};
use crate::decoder::slice_context::{SliceContext, SliceInput};
use crate::decoder::slice_data;
use crate::decoder::weights::Weights;
use crate::encoder::coded_mb::{CodedKind, CodedMb, Pending};
use crate::macroblock::{Mb, MbClass, MbInfo, Prediction, Shape};
use crate::params::{Pps, ScalingMatrices, Sps, tests::sps};
use crate::picture::{Coding, Motion, Mv};
use crate::slice::{SliceHeader, SliceType};
use crate::transform::LevelScales;

const COLS: u16 = 7;
const ROWS: u16 = 5;

/// A picture that is parsed, and its parameters.
struct Picture {
    sps: Sps,
    pps: Pps,
    infos: Vec<MbInfo>,
    mvds: [Vec<[Mvd; 16]>; 2],
    motion: Motion,
}

impl Picture {
    fn new(cabac: bool, transform_8x8: bool, direct_8x8_inference: bool) -> Self {
        let mut sps = sps();
        (sps.width_mbs, sps.height_map_units) = (COLS, ROWS);
        sps.direct_8x8_inference = direct_8x8_inference;
        let pps = Pps {
            id: 0,
            sps_id: 0,
            cabac,
            bottom_field_poc_present: false,
            default_ref_counts: [1, 1],
            weighted_pred: false,
            weighted_bipred_idc: 0,
            init_qp: 26,
            chroma_qp_offsets: [0; 2],
            deblocking_control_present: false,
            constrained_intra_pred: false,
            redundant_pic_count_present: false,
            transform_8x8,
            scaling: Box::new(ScalingMatrices::FLAT),
        };
        let count = usize::from(COLS * ROWS);
        let mut motion = Motion::default();
        motion.begin(COLS.into(), ROWS.into(), Coding::Frame);
        let mvds = [vec![[[0; 2]; 16]; count], vec![[[0; 2]; 16]; count]];
        Self { sps, pps, infos: vec![MbInfo::NOT_DECODED; count], mvds, motion }
    }

    /// Parses a slice and passes each macroblock with its recorded elements to `check`.
    fn parse(
        &mut self,
        header: &SliceHeader,
        slice: u16,
        rbsp: &[u8],
        check: impl FnMut(&Mb, &MbInfo, &[Element]),
    ) {
        if self.pps.cabac {
            let init_idc = (header.slice_type != SliceType::I).then_some(header.cabac_init_idc);
            let contexts = Contexts::new(init_idc, header.qp);
            let at = header.data_offset_bits.div_ceil(8);
            self.parse_with(Cabac::new(rbsp, at, contexts), header, slice, check);
        } else {
            let bits = BitReader::with_range(rbsp, header.data_offset_bits, rbsp_bits(rbsp));
            self.parse_with(Cavlc::new(bits), header, slice, check);
        }
    }

    fn parse_with<E: Entropy>(
        &mut self,
        inner: E,
        header: &SliceHeader,
        slice: u16,
        mut check: impl FnMut(&Mb, &MbInfo, &[Element]),
    ) {
        let Self { sps, pps, infos, mvds, motion } = self;
        let scales = LevelScales::new(&ScalingMatrices::FLAT);
        let weights = Weights::new();
        let input = SliceInput {
            header,
            sps,
            pps,
            lists: [&[], &[]],
            scales: &scales,
            weights: &weights,
            slice,
            poc: [0; 2],
        };
        let cx = SliceContext::new(input, motion);
        let recorder = Recorder { inner, log: Vec::new() };
        let mut parser = MbParser::new(recorder, &cx, Stores { infos, mvds, motion });
        let mut seen = 0;
        let batch = &mut [Mb::new()];
        slice_data::decode(
            &mut parser,
            batch,
            |parser, mb| {
                let info = &parser.stored().0[mb.row * usize::from(COLS) + mb.x];
                check(mb, info, &parser.entropy.log[seen..]);
                seen = parser.entropy.log.len();
            },
            |_, _| {},
        )
        .unwrap();
    }
}

/// Returns the differences of the vectors of the partitions in the order of the syntax.
fn mvds_of(drawn: &Drawn) -> Vec<Mv> {
    let Drawn { mb, mvds: all, .. } = drawn;
    let mut mvds = Vec::new();
    let CodedKind::Inter(shape) = mb.kind else { return mvds };
    for (refs, all) in mb.refs.iter().zip(all) {
        for n in 0..16 {
            // In decoding order of 4x4 blocks.
            let (x, y) = crate::macroblock::BLOCKS[n];
            let quarter = y / 2 * 2 + x / 2;
            let is_coded = refs[quarter] >= 0 && mb.direct >> quarter & 1 == 0;
            if is_coded && first_block(shape, x, y) == 4 * y + x {
                mvds.push(all[4 * y + x]);
            }
        }
    }
    mvds
}

/// Returns the levels of the recorded blocks as the writer takes them.
fn recorded_levels(log: &[Element], is_8x8: bool) -> Vec<i16> {
    let mut levels = Vec::new();
    let mut parts: Vec<&[i16]> = Vec::new();
    for element in log {
        let Element::Block(category, block) = element else { continue };
        if is_8x8 && *category == BlockCategory::Luma4x4 {
            parts.push(block);
            if parts.len() == 4 {
                levels.extend((0..64).map(|at| parts[at % 4][at / 4]));
                parts.clear();
            }
        } else if block.iter().any(|level| *level != 0) {
            if matches!(category, BlockCategory::LumaAc | BlockCategory::ChromaAc) {
                levels.push(0);
            }
            levels.extend_from_slice(block);
        }
    }
    levels
}

fn check(drawn: &Drawn, is_b: bool, (mb, info, log): (&Mb, &MbInfo, &[Element])) {
    let Drawn { mb: expected, levels, .. } = drawn;
    let mode = |element: &Element| match element {
        Element::Mode(mode) => Some(*mode),
        _ => None,
    };
    let modes: Vec<Option<u8>> = log.iter().filter_map(mode).collect();
    match (expected.kind, &mb.prediction) {
        (CodedKind::Skip, _) => return assert_eq!(info.class, MbClass::Skip),
        (CodedKind::Pcm, Prediction::Pcm) => {
            let Some(Element::Pcm(samples)) = log.first() else { panic!("no samples") };
            return assert!(samples.iter().map(|sample| i16::from(*sample)).eq(levels.clone()));
        }
        (CodedKind::Direct, Prediction::Inter(_)) => assert_eq!(info.class, MbClass::Direct),
        (CodedKind::Intra4x4(expected), Prediction::Intra4x4(_)) => assert_eq!(modes, expected),
        (CodedKind::Intra8x8(expected), Prediction::Intra8x8(_)) => assert_eq!(modes, expected),
        (CodedKind::Intra16x16(expected), Prediction::Intra16x16(mode)) => {
            assert_eq!(*mode, expected);
        }
        (CodedKind::Inter(shape), Prediction::Inter(found)) => {
            check_motion(expected, is_b, shape, (mb, *found));
            let is_mvd = |element: &&Element| matches!(element, Element::Mvd(_));
            let found: Vec<Element> = log.iter().filter(is_mvd).cloned().collect();
            let element = |mvd: Mv| Element::Mvd([mvd.x.into(), mvd.y.into()]);
            let expected_mvds: Vec<Element> = mvds_of(drawn).into_iter().map(element).collect();
            assert_eq!(found, expected_mvds);
            assert_eq!(info.direct, expected.direct);
        }
        (expected, found) => panic!("{expected:?} is decoded as {found:?}"),
    }
    assert_eq!(info.qp, expected.qp);
    assert_eq!(info.chroma_mode, expected.chroma_mode);
    let cbp = residual::pattern(expected);
    assert_eq!(info.cbp, cbp);
    if cbp & 15 != 0 || matches!(expected.kind, CodedKind::Intra8x8(_)) {
        assert_eq!(info.transform_8x8, expected.transform_8x8);
    }
    assert_eq!(recorded_levels(log, info.transform_8x8), *levels);
}

fn check_motion(expected: &CodedMb, is_b: bool, shape: Shape, (mb, found): (&Mb, Shape)) {
    let is_direct = |n: usize| expected.direct >> n & 1 == 1;
    match (shape, found) {
        (Shape::Quarters(expected), Shape::Quarters(found)) => {
            let mut blocks = (0..4).filter(|n| !is_direct(*n));
            assert!(blocks.all(|n| expected[n] == found[n]), "{expected:?} {found:?}");
        }
        _ => assert_eq!(found, shape),
    }
    for list in 0..1 + usize::from(is_b) {
        for n in (0..4).filter(|n| !is_direct(*n)) {
            assert_eq!(mb.refs[list][n], expected.refs[list][n], "{list} {n}");
        }
    }
}

/// Draws slices of a picture and returns headers and macroblocks.
fn draw(random: &mut Random, picture: &Picture) -> Vec<(SliceHeader, Vec<Drawn>)> {
    let total = u32::from(COLS * ROWS);
    let mut slices = Vec::new();
    let mut first = 0;
    while first < total {
        let len = if random.one_in(2) { total } else { 1 + random.below(total) };
        let end = (first + len).min(total);
        let slice_type = [SliceType::I, SliceType::P, SliceType::B][random.below(3) as usize];
        let ref_counts = match slice_type {
            SliceType::I => [0; 2],
            SliceType::P => [1 + random.byte(4), 0],
            SliceType::B => [1 + random.byte(3), 1 + random.byte(3)],
        };
        let options = Options {
            slice_type,
            transform_8x8: picture.pps.transform_8x8,
            direct_8x8_inference: picture.sps.direct_8x8_inference,
            ref_counts,
            max_level: [2, 40, 3000][random.below(3) as usize],
            max_mvd: [1, 30, 3000][random.below(3) as usize],
        };
        let is_inter = slice_type != SliceType::I;
        let header = SliceHeader {
            first_mb: first,
            slice_type,
            ref_counts,
            qp: random.byte(52),
            cabac_init_idc: if picture.pps.cabac && is_inter { random.byte(3) } else { 0 },
            direct_spatial: true,
            ..SliceHeader::default()
        };
        let mut qp = header.qp;
        let mbs = (first..end).map(|n| {
            let mut drawn = macroblock(random, &options, qp);
            let cols = u32::from(COLS);
            if n % cols == 0 || n < first + cols + 1 {
                random::restrict_modes(&mut drawn.mb);
            }
            qp = drawn.mb.qp;
            drawn
        });
        slices.push((header, mbs.collect()));
        first = end;
    }
    slices
}

fn write<E: EntropyWriter>(
    writer: &mut SliceWriter<E>,
    picture: &Picture,
    (header, mbs): &(SliceHeader, Vec<Drawn>),
) -> Vec<u8> {
    writer.begin(header, &picture.sps, &picture.pps);
    for (n, drawn) in mbs.iter().enumerate() {
        let (mb, mvds) = (&drawn.mb, mvds_of(drawn));
        let mut pending = Pending { mvds: &mvds, levels: &drawn.levels };
        writer.macroblock(mb, &mut pending);
        assert!(pending.mvds.is_empty() && pending.levels.is_empty(), "{n}: {mb:?}");
    }
    writer.finish().to_vec()
}

fn round_trip<E: EntropyWriter>(rounds: u64, transform_8x8: bool) {
    let mut writer = SliceWriter::<E>::default();
    for seed in 0..rounds {
        let mut random = Random(seed);
        let mut picture = Picture::new(E::CABAC, transform_8x8, seed % 3 > 0);
        for (n, slice) in draw(&mut random, &picture).iter_mut().enumerate() {
            let rbsp = write(&mut writer, &picture, slice);
            let (header, mbs) = slice;
            let mut bits = crate::bits::BitWriter::default();
            header.write(&picture.sps, &picture.pps, &mut bits);
            header.data_offset_bits = bits.bits();
            let is_b = header.slice_type == SliceType::B;
            let mut expected = mbs.iter();
            picture.parse(header, u16::try_from(n).unwrap(), &rbsp, |mb, info, log| {
                check(expected.next().unwrap(), is_b, (mb, info, log));
            });
            assert_eq!(expected.count(), 0, "macroblocks that were not decoded");
        }
    }
}

#[test]
fn slices_in_cavlc_are_parsed_to_the_same_macroblocks() {
    round_trip::<CavlcWriter>(300, false);
    round_trip::<CavlcWriter>(300, true);
}

#[test]
fn slices_in_cabac_are_parsed_to_the_same_macroblocks() {
    round_trip::<CabacWriter>(300, false);
    round_trip::<CabacWriter>(300, true);
}
