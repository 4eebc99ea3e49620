//! Complete encoder stages of a macroblock, at every SIMD level of this CPU:
//! `cargo bench -p codec-benches --bench motion`. Throughput is in pixels of luma.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a broken benchmark should stop")]

use std::hint::black_box;

use codec_core::analysis::Analyser;
use codec_core::frame::{FrameBuf, Picture, Size};
use codec_core::motion::{
    FullPel, IntegerSettings, MvCost, Pattern, PixelPos, QuarterPel, SearchRange, SubpelSearch,
    Target, VectorPrice, search_integer, search_subpel,
};
use codec_core::parallel::Serial;
use codec_simd::{Block16, BlockMask, BlockUv, Coeffs, Kernels, Level};
use codec_vp8::encoder::quant::QuantiserSet;
use codec_vp8::header::QuantIndices;
use codec_vp8::types::QIndex;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};

/// Soft blobs, about 16 pixels wide.
fn blobs(x: usize, y: usize) -> u8 {
    let corner = |x: usize, y: usize| {
        (x.wrapping_mul(0x9e37) ^ y.wrapping_mul(0x79b9)).wrapping_mul(0x85eb_ca6b) >> 24 & 255
    };
    let (col, row, fx, fy) = (x / 16, y / 16, x % 16, y % 16);
    let upper = corner(col, row) * (16 - fx) + corner(col + 1, row) * fx;
    let lower = corner(col, row + 1) * (16 - fx) + corner(col + 1, row + 1) * fx;
    u8::try_from((upper * (16 - fy) + lower * fy) / 256).unwrap()
}

/// A reference of 256x256 pixels, borders filled.
fn reference() -> FrameBuf {
    let mut frame = FrameBuf::new(Size::new(256, 256), 32);
    let [luma, ..] = frame.planes_mut();
    let stride = luma.layout().stride;
    for (y, row) in luma.into_data().chunks_mut(stride).enumerate() {
        for (x, pixel) in row.iter_mut().enumerate() {
            *pixel = blobs(x, y);
        }
    }
    frame
}

/// The block at (128, 128), 3.25 pixels to the right and 2.5 further down in the reference.
fn moved_block(refp: &FrameBuf) -> Block16 {
    let mut cur = Block16::default();
    let window = refp.plane(0).window(131, 130).expect("inside");
    Kernels::best().bilinear_16x16(window, 2, 4, cur.window_mut());
    for (n, pixel) in cur.0.as_flattened_mut().iter_mut().enumerate() {
        *pixel = pixel.saturating_add(u8::try_from(n * 7 % 5).unwrap());
    }
    cur
}

fn each_level(group: &mut BenchmarkGroup<'_, WallTime>, mut body: impl FnMut(&Kernels) -> u64) {
    for level in Level::ALL {
        if let Some(kernels) = Kernels::for_level(level) {
            group.bench_function(level.name(), |b| b.iter(|| body(black_box(kernels))));
        }
    }
}

fn search(c: &mut Criterion) {
    let refp = reference();
    let cur = moved_block(&refp);
    let mut table = MvCost::default();
    table.fill(|d| {
        let bits = 512 * (16 - u32::from(d.unsigned_abs()).leading_zeros().saturating_sub(16));
        (bits, bits)
    });
    let set = QuantiserSet::new(QIndex::saturating(40), &QuantIndices::default());
    let at = PixelPos::new(128, 128);
    let refp = refp.plane(0);
    let range = SearchRange::new(refp.layout(), at, 16, 64).expect("inside");
    let price = VectorPrice {
        table: &table,
        predicted: QuarterPel::new(8, 4),
        lambda_sad: set.lambda_sad,
        lambda_sse: set.mean_lambda,
    };
    let starts = [FullPel::new(2, 1), FullPel::ZERO, FullPel::new(-3, 5), FullPel::new(0, 4)];
    for (name, pattern, subpel) in [
        ("search/diamond-quarter", Pattern::Diamond, SubpelSearch::Quarter),
        ("search/hexagon-iterative", Pattern::Hexagon, SubpelSearch::Iterative),
        ("search/wide-iterative", Pattern::Wide, SubpelSearch::Iterative),
    ] {
        let mut group = c.benchmark_group(name);
        group.throughput(Throughput::Elements(16 * 16));
        let settings = IntegerSettings { pattern, ..IntegerSettings::default() };
        each_level(&mut group, |kernels| {
            let target = Target { kernels, cur: black_box(&cur), refp, at, range, price };
            let whole = search_integer(&target, black_box(&starts), settings);
            u64::from(search_subpel(&target, whole.vector, subpel).cost)
        });
    }
}

/// Bits of the blocks whose end is after `from`.
fn ends_after(eobs: &[u8], from: u8) -> u32 {
    eobs.iter().rev().fold(0, |mask, &eob| mask << 1 | u32::from(eob > from))
}

/// Residual of a whole macroblock, 25 blocks with Y2: transform, quantise, and back to pixels.
fn residual(c: &mut Criterion) {
    let refp = reference();
    let cur = moved_block(&refp);
    let mut pred = Block16::default();
    pred.window_mut().copy_from(refp.plane(0).window(130, 130).expect("inside"));
    let (mut cur_uv, mut pred_uv) = (BlockUv::default(), BlockUv::default());
    for (uv, at) in [(&mut cur_uv, (70, 64)), (&mut pred_uv, (68, 65))] {
        let (mut u, mut v) = uv.planes_mut();
        u.copy_from(refp.plane(0).window(at.0, at.1).expect("inside"));
        v.copy_from(refp.plane(0).window(at.0 + 20, at.1).expect("inside"));
    }
    let set = QuantiserSet::new(QIndex::saturating(30), &QuantIndices::default());
    let mut group = c.benchmark_group("transform-quantise-reconstruct");
    group.throughput(Throughput::Elements(16 * 16));
    each_level(&mut group, |kernels| {
        let (mut levels, mut back) = (Coeffs::<16>::default(), Coeffs::<16>::default());
        let (mut uv_levels, mut uv_back) = (Coeffs::<8>::default(), Coeffs::<8>::default());
        let (mut y2_levels, mut y2_back) = (Coeffs::<1>::default(), Coeffs::<1>::default());
        let (mut eobs, mut uv_eobs, mut y2_eob, mut dcs) = ([0; 16], [0; 8], [0; 1], [0; 16]);
        let (cur, pred) = (black_box(&cur), black_box(&pred));
        let (to, from) = (&mut levels.0, &mut back.0);
        kernels.transform_quantise_luma(cur, pred, &set.y1_ac, to, from, &mut eobs, &mut dcs);
        let y2 = [kernels.forward_wht(&dcs)];
        kernels.quantise(&y2, &set.y2, &mut y2_levels.0, &mut y2_back.0, &mut y2_eob);
        let (to, from) = (&mut uv_levels.0, &mut uv_back.0);
        let (cur, uv) = (black_box(&cur_uv), black_box(&pred_uv));
        kernels.transform_quantise_chroma(cur, uv, &set.uv, to, from, &mut uv_eobs);
        let (mut recon, mut recon_uv) = (pred.clone(), uv.clone());
        let dcs = kernels.inverse_wht(&y2_back.0[0]);
        kernels.idct_add_luma_y2(&back.0, &dcs, ends_after(&eobs, 1), recon.window_mut());
        let mask = BlockMask { any: ends_after(&uv_eobs, 0), ac: ends_after(&uv_eobs, 1) };
        let (u, v) = recon_uv.planes_mut();
        kernels.idct_add_chroma(&uv_back.0, mask, u, v);
        u64::from(black_box(&recon).0[15][15]) + u64::from(black_box(&recon_uv).0[0][0])
    });
}

/// Pre-analysis of a moving frame of 8 x 8 macroblocks.
fn analysis(c: &mut Criterion) {
    let size = Size::new(128, 128);
    let chroma = vec![128; 64 * 64];
    let pictures = [0, 3].map(|by| -> Vec<u8> {
        (0..128 * 128).map(|n| blobs(n % 128 + by, n / 128 + by)).collect()
    });
    let mut group = c.benchmark_group("analysis-64-macroblocks");
    group.throughput(Throughput::Elements(size.pixels()));
    let mut analyser = Analyser::new();
    let mut turn = 0;
    each_level(&mut group, |kernels| {
        turn ^= 1;
        let picture = Picture::i420(size, (&pictures[turn], 128), (&chroma, 64), (&chroma, 64))
            .expect("fits");
        analyser.analyse(&picture, kernels, &Serial).inter_cost
    });
}

criterion_group!(benches, search, residual, analysis);
criterion_main!(benches);
