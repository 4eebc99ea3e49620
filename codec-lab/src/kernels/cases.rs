//! Benchmark cases for all kernels except those of H.264, VP9 and VMAF, on pixels in the L1 cache.

use std::hint::black_box;

use codec_simd::{
    Block16, BlockMask, BlockUv, Coeffs, EdgeLimits, Edges, Edges4, IntraMode, Kernels, MbLimits,
    PixelWeight, Quantiser, RgbWeights, SubblockMode, TemporalWeights, Window, WindowMut,
    YuvWeights, YuvWindows,
};

/// Receives the cases. Calls are generic, because a call through a pointer would take 50 % longer
/// for the smallest kernels.
pub trait Visitor {
    /// One case: its name, and a call at a level.
    fn case(&mut self, name: &str, call: impl FnMut(&Kernels));

    /// Returns the number of the round. In each round the planes have other offsets within their
    /// pages, because the relative alignment changes the time of small kernels by a few cycles. The
    /// offsets are the same in every process.
    fn round(&self) -> usize {
        0
    }
}

/// Passes the cases of all kernels except H.264, VP9 and VMAF to the visitor.
pub(super) fn cases(visitor: &mut impl Visitor) {
    cost(visitor);
    predict(visitor);
    transform(visitor);
    loop_filter(visitor);
    pixels(visitor);
    noise(visitor);
    color(visitor);
}

/// Bytes per row.
const STRIDE: usize = 160;
/// Bytes per cache line.
const LINE: usize = 64;
/// Bytes per page: addresses that are equal modulo this conflict in the cache.
const PAGE: usize = 4096;
/// Cache lines between planes in the first round, and the increase in each later round. The sum is
/// always odd, so that no two planes start at the same line of a page.
const APART: usize = 11;
const FURTHER: usize = 10;

/// A plane of noise around a ramp.
#[derive(Debug)]
pub(super) struct Pixels {
    bytes: Vec<u8>,
    /// Start of the plane, aligned to a cache line and equal in every process.
    start: usize,
}

impl Pixels {
    /// Noise from `seed`; `place` numbers the planes that are used together, from 1.
    pub(super) fn new(seed: u32, place: usize, round: usize) -> Self {
        let mut state = seed;
        let mut pixel = |i: usize| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let [.., noise] = state.to_le_bytes();
            let [ramp, ..] = (i % STRIDE + i / STRIDE).to_le_bytes();
            ramp.saturating_add(noise >> 3)
        };
        let mut bytes = vec![0; STRIDE * 96 + 2 * PAGE];
        let line = place * (APART + FURTHER * round) % (PAGE / LINE);
        let start = bytes.as_ptr().align_offset(PAGE).min(PAGE) + line * LINE;
        let plane = bytes[start..].iter_mut().take(STRIDE * 96);
        plane.enumerate().for_each(|(i, byte)| *byte = pixel(i));
        Self { bytes, start }
    }

    fn data(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    #[expect(clippy::unwrap_used, reason = "the plane is larger than any request")]
    pub(super) fn at<const W: usize, const H: usize>(
        &self,
        x: usize,
        y: usize,
    ) -> Window<'_, W, H> {
        Window::new(&self.data()[y * STRIDE + x..], STRIDE).unwrap()
    }

    /// The samples from a position on, and their stride.
    pub(super) fn samples(&self, x: usize, y: usize) -> (&[u8], usize) {
        (&self.data()[y * STRIDE + x..], STRIDE)
    }

    /// As [`Self::samples`], for writing.
    pub(super) fn samples_mut(&mut self, x: usize, y: usize) -> (&mut [u8], usize) {
        (&mut self.bytes[self.start..][y * STRIDE + x..], STRIDE)
    }

    pub(super) fn row<const W: usize>(&self, x: usize, y: usize) -> [u8; W] {
        *self.at::<W, 1>(x, y).row(0)
    }

    #[expect(clippy::unwrap_used, reason = "the plane is larger than any request")]
    pub(super) fn at_mut<const W: usize, const H: usize>(
        &mut self,
        x: usize,
        y: usize,
    ) -> WindowMut<'_, W, H> {
        WindowMut::new(&mut self.bytes[self.start..][y * STRIDE + x..], STRIDE).unwrap()
    }
}

fn cost(visitor: &mut impl Visitor) {
    let (plane, other) = (Pixels::new(1, 1, visitor.round()), Pixels::new(2, 2, visitor.round()));
    let mut cur = Block16::default();
    cur.window_mut().copy_from(other.at(3, 5));
    let (mut uv, mut uv_ref) = (BlockUv::default(), BlockUv::default());
    WindowMut::packed(&mut uv.0).copy_from(other.at(3, 5));
    WindowMut::packed(&mut uv_ref.0).copy_from(plane.at(3, 5));
    let refs = [plane.at(9, 9), plane.at(10, 9), plane.at(9, 10), plane.at(21, 14)];
    let refs_8 = [plane.at(9, 9), plane.at(10, 9), plane.at(9, 10), plane.at(21, 14)];
    let cur_8 = other.at(7, 7);
    visitor.case("sad_16x16", |k| _ = black_box(k.sad_16x16(&cur, refs[3])));
    visitor.case("sad_16x16_x4", |k| _ = black_box(k.sad_16x16_x4(&cur, refs)));
    visitor.case("sad_16x16_quads", |k| _ = black_box(k.sad_16x16_quads(&cur, refs[3])));
    visitor.case("sad_8x8", |k| _ = black_box(k.sad_8x8(cur_8, refs_8[3])));
    visitor.case("sad_8x8_x4", |k| _ = black_box(k.sad_8x8_x4(cur_8, refs_8)));
    visitor.case("sad_4x4", |k| _ = black_box(k.sad_4x4(other.at(7, 7), plane.at(9, 9))));
    visitor.case("sse_16x16", |k| _ = black_box(k.sse_16x16(&cur, refs[3])));
    visitor.case("sse_16x16_quads", |k| _ = black_box(k.sse_16x16_quads(&cur, refs[3])));
    visitor.case("sse_8x8", |k| _ = black_box(k.sse_8x8(cur_8, refs_8[3])));
    visitor.case("sse_4x4", |k| _ = black_box(k.sse_4x4(other.at(7, 7), plane.at(9, 9))));
    visitor.case("errors_16x16", |k| _ = black_box(k.errors_16x16(&cur, refs[3])));
    visitor.case("errors_8x8", |k| _ = black_box(k.errors_8x8(cur_8, refs_8[3])));
    visitor.case("sse_uv", |k| _ = black_box(k.sse_uv(&uv, &uv_ref)));
    visitor.case("moments_16x16", |k| _ = black_box(k.moments_16x16(&cur)));
    visitor.case("sad_mean_16x16", |k| {
        _ = black_box(k.sad_mean_16x16(&cur, [refs[0], refs[3]]));
    });
    visitor.case("sad_mean_8x8", |k| {
        _ = black_box(k.sad_mean_8x8(cur_8, [refs_8[0], refs_8[3]]));
    });
    visitor.case("satd_mean_16x16", |k| {
        _ = black_box(k.satd_mean_16x16(&cur, [refs[0], refs[3]]));
    });
    visitor.case("satd_mean_8x8", |k| {
        _ = black_box(k.satd_mean_8x8(cur_8, [refs_8[0], refs_8[3]]));
    });
    visitor.case("satd_16x16", |k| _ = black_box(k.satd_16x16(&cur, refs[3])));
    visitor.case("satd_8x8", |k| _ = black_box(k.satd_8x8(cur_8, refs_8[3])));
    visitor.case("satd_4x4", |k| _ = black_box(k.satd_4x4(other.at(7, 7), plane.at(9, 9))));
    for (fx, fy) in [(4, 4), (2, 0), (0, 6), (2, 6)] {
        let name = |size| format!("sse_bilinear_{size}x{size}/{fx}_{fy}");
        visitor.case(&name(16), |k| {
            black_box(k.sse_bilinear_16x16(&cur, plane.at(9, 9), fx, fy));
        });
        visitor.case(&format!("sse_bilinear_16x16_quads/{fx}_{fy}"), |k| {
            black_box(k.sse_bilinear_16x16_quads(&cur, plane.at(9, 9), fx, fy));
        });
        visitor.case(&name(8), |k| {
            black_box(k.sse_bilinear_8x8(cur_8, plane.at(9, 9), fx, fy));
        });
    }
    visitor.case("sse_half_ring_16x16", |k| {
        black_box(k.sse_half_ring_16x16(&cur, plane.at(9, 9)));
    });
    let (row, row_ref) = (&plane.data()[..1280], &other.data()[..1280]);
    visitor.case("sse_row_1280", |k| _ = black_box(k.sse_row(row, row_ref)));
}

fn predict(visitor: &mut impl Visitor) {
    let plane = Pixels::new(1, 1, visitor.round());
    let mut out = Pixels::new(3, 3, visitor.round());
    let mut second = Pixels::new(4, 4, visitor.round());
    visitor.case("copy_16x16", |k| k.copy_16x16(plane.at(9, 9), out.at_mut(16, 16)));
    visitor.case("copy_8x8", |k| k.copy_8x8(plane.at(9, 9), out.at_mut(16, 16)));
    visitor.case("copy_4x4", |k| k.copy_4x4(plane.at(9, 9), out.at_mut(16, 16)));
    for (fx, fy) in [(2, 0), (0, 2), (2, 6), (1, 3)] {
        let name = |kernel: &str| format!("{kernel}/{fx}_{fy}");
        visitor.case(&name("sixtap_16x16"), |k| {
            k.sixtap_16x16(plane.at(9, 9), fx, fy, out.at_mut(16, 16));
        });
        visitor.case(&name("sixtap_8x8"), |k| {
            k.sixtap_8x8(plane.at(9, 9), fx, fy, out.at_mut(16, 16));
        });
        visitor.case(&name("sixtap_8x8_x2"), |k| {
            let refs = [plane.at(9, 9), plane.at(33, 12)];
            k.sixtap_8x8_x2(refs, fx, fy, [out.at_mut(16, 16), second.at_mut(16, 16)]);
        });
        visitor.case(&name("sixtap_4x4"), |k| {
            k.sixtap_4x4(plane.at(9, 9), fx, fy, out.at_mut(16, 16));
        });
    }
    for (fx, fy) in [(4, 4), (2, 0), (0, 6), (2, 6)] {
        let name = |kernel: &str| format!("{kernel}/{fx}_{fy}");
        visitor.case(&name("bilinear_16x16"), |k| {
            k.bilinear_16x16(plane.at(9, 9), fx, fy, out.at_mut(16, 16));
        });
        visitor.case(&name("bilinear_8x8"), |k| {
            k.bilinear_8x8(plane.at(9, 9), fx, fy, out.at_mut(16, 16));
        });
        visitor.case(&name("bilinear_4x4"), |k| {
            k.bilinear_4x4(plane.at(9, 9), fx, fy, out.at_mut(16, 16));
        });
    }
    intra(visitor, &plane, &mut out);
}

fn intra(visitor: &mut impl Visitor, plane: &Pixels, out: &mut Pixels) {
    let luma = Edges {
        above: plane.row(9, 9),
        left: plane.row(19, 9),
        top_left: 90,
        has_above: true,
        has_left: true,
    };
    let chroma = Edges {
        above: plane.row(9, 9),
        left: plane.row(19, 9),
        top_left: 90,
        has_above: true,
        has_left: true,
    };
    for mode in IntraMode::ALL {
        visitor.case(&format!("intra_16x16/{mode:?}"), |k| {
            k.intra_16x16(mode, &luma, out.at_mut(16, 16));
        });
        visitor.case(&format!("intra_8x8/{mode:?}"), |k| {
            k.intra_8x8(mode, &chroma, out.at_mut(16, 16));
        });
    }
    let edges = Edges4 { above: plane.row(9, 9), left: plane.row(19, 9), top_left: 90 };
    visitor.case("intra_4x4/all_ten", |k| {
        for mode in SubblockMode::ALL {
            k.intra_4x4(black_box(mode), &edges, out.at_mut(16, 16));
        }
    });
    let mut predictions = [[[0; 4]; 4]; 10];
    visitor.case("intra_4x4_all", |k| {
        black_box(k.intra_4x4_all(plane.at(30, 30), &edges, &mut predictions));
    });
}

fn transform(visitor: &mut impl Visitor) {
    let (plane, other) = (Pixels::new(1, 1, visitor.round()), Pixels::new(2, 2, visitor.round()));
    let (mut cur, mut pred) = (Block16::default(), Block16::default());
    cur.window_mut().copy_from(plane.at(3, 5));
    pred.window_mut().copy_from(other.at(3, 5));
    let (mut uv, mut uv_pred) = (BlockUv::default(), BlockUv::default());
    WindowMut::packed(&mut uv.0).copy_from(plane.at(3, 5));
    WindowMut::packed(&mut uv_pred.0).copy_from(other.at(3, 5));
    let mut luma = Coeffs::<16>::default();
    let mut chroma = Coeffs::<8>::default();
    let mut one = [0; 16];
    visitor.case("fdct_luma", |k| k.fdct_luma(&cur, &pred, &mut luma.0));
    visitor.case("fdct_chroma", |k| k.fdct_chroma(&uv, &uv_pred, &mut chroma.0));
    visitor.case("fdct_4x4", |k| k.fdct_4x4(plane.at(3, 5), other.at(9, 9), &mut one));
    visitor.case("forward_wht", |k| _ = black_box(k.forward_wht(&luma.0[0])));
    let quantiser =
        Quantiser { zbin: [20; 16], round: [12; 16], recip: [2184; 16], step: [30; 16] };
    let (mut levels, mut dequantised) = (Coeffs::<16>::default(), Coeffs::<16>::default());
    let mut eobs = [0; 16];
    visitor.case("quantise_16", |k| {
        k.quantise(&luma.0, &quantiser, &mut levels.0, &mut dequantised.0, &mut eobs);
    });
    let mut dcs = [0; 16];
    visitor.case("transform_quantise_luma", |k| {
        let (levels, back) = (&mut levels.0, &mut dequantised.0);
        let sse =
            k.transform_quantise_luma(&cur, &pred, &quantiser, levels, back, &mut eobs, &mut dcs);
        black_box(sse);
    });
    let (mut uv_levels, mut uv_back) = (Coeffs::<8>::default(), Coeffs::<8>::default());
    let mut uv_eobs = [0; 8];
    visitor.case("transform_quantise_chroma", |k| {
        let (levels, back) = (&mut uv_levels.0, &mut uv_back.0);
        let sse =
            k.transform_quantise_chroma(&uv, &uv_pred, &quantiser, levels, back, &mut uv_eobs);
        black_box(sse);
    });
    visitor.case("transform_quantise_4x4", |k| {
        let (levels, back, eob) = (&mut uv_levels.0[0], &mut uv_back.0[0], &mut uv_eobs[0]);
        let (cur, pred) = (plane.at(3, 5), other.at(9, 9));
        k.transform_quantise_4x4(cur, pred, &quantiser, levels, back, eob);
    });
    visitor.case("coeff_sse_16", |k| _ = black_box(k.coeff_sse(&luma.0, &dequantised.0)));
    visitor.case("level_bits_16", |k| _ = black_box(k.level_bits(&levels.0)));
    visitor.case("inverse_wht", |k| _ = black_box(k.inverse_wht(&luma.0[0])));
    let mut out = Pixels::new(3, 3, visitor.round());
    visitor.case("idct_add_4x4", |k| k.idct_add_4x4(&luma.0[1], out.at_mut(16, 16)));
    for (name, mask) in [("full", 0xffff), ("half", 0x5a5a), ("dc", 0)] {
        let mask = BlockMask { any: 0xffff, ac: mask };
        visitor.case(&format!("idct_add_luma/{name}"), |k| {
            k.idct_add_luma(&dequantised.0, mask, out.at_mut(16, 16));
        });
    }
    visitor.case("idct_add_luma_y2", |k| {
        k.idct_add_luma_y2(&dequantised.0, &dcs, 0xffff, out.at_mut(16, 16));
    });
    let mut other = Pixels::new(4, 4, visitor.round());
    let mask = BlockMask { any: 0xff, ac: 0xff };
    visitor.case("idct_add_chroma", |k| {
        k.idct_add_chroma(&chroma.0, mask, out.at_mut(16, 16), other.at_mut(16, 16));
    });
}

fn loop_filter(visitor: &mut impl Visitor) {
    let limits = EdgeLimits { edge: 60, interior: 20, hev: 1 };
    // Filtering in place smooths the pixels, so each call starts from a fresh copy.
    let round = visitor.round();
    let fresh = Pixels::new(1, 1, round);
    let copy = |place| Pixels::new(1, place, round);
    let (mut a, mut b, mut d, mut e) = (copy(2), copy(3), copy(4), copy(5));
    macro_rules! luma {
        ($($kernel:ident($limit:expr);)*) => {
            $(visitor.case(stringify!($kernel), |k| {
                a.at_mut::<16, 16>(16, 16).copy_from(fresh.at(16, 16));
                k.$kernel(a.at_mut(16, 16), $limit);
            });)*
        };
    }
    macro_rules! across {
        ($($kernel:ident($rows:literal, $limit:expr);)*) => {
            $(visitor.case(stringify!($kernel), |k| {
                a.at_mut::<16, $rows>(16, 16).copy_from(fresh.at(16, 16));
                b.at_mut::<16, $rows>(16, 16).copy_from(fresh.at(16, 16 + $rows));
                k.$kernel(a.at_mut(16, 16), b.at_mut(16, 16), $limit);
            });)*
        };
    }
    luma! {
        filter_mb_edge_v_16(limits);
        filter_inner_edges_h_16(limits);
        filter_inner_edges_v_16(limits);
        simple_edge_v_16(60);
        simple_inner_edges_h_16(60);
        simple_inner_edges_v_16(60);
    }
    across! {
        filter_mb_edge_h_16(4, limits);
        simple_edge_h_16(2, 60);
        filter_mb_edge_v_uv(8, limits);
        filter_inner_edge_h_uv(8, limits);
        filter_inner_edge_v_uv(8, limits);
    }
    visitor.case("filter_mb_edge_h_uv", |k| {
        for plane in [&mut a, &mut b, &mut d, &mut e] {
            plane.at_mut::<8, 4>(16, 16).copy_from(fresh.at(16, 16));
        }
        k.filter_mb_edge_h_uv(
            a.at_mut(16, 16),
            b.at_mut(16, 16),
            d.at_mut(16, 16),
            e.at_mut(16, 16),
            limits,
        );
    });
    let mut planes: [_; 12] = std::array::from_fn(copy);
    let both = MbLimits { left: limits, upper: limits, inner: limits };
    visitor.case("filter_mbs_x2", |k| {
        for plane in &mut planes {
            plane.at_mut::<20, 16>(16, 16).copy_from(fresh.at(16, 16));
        }
        let [y0, u0, v0, y1, u1, v1, y2, u2, v2, y3, u3, v3] = planes.each_mut();
        macro_rules! windows {
            ($y:ident, $u:ident, $v:ident) => {
                YuvWindows { y: $y.at_mut(16, 16), u: $u.at_mut(16, 16), v: $v.at_mut(16, 16) }
            };
        }
        k.filter_mbs_x2(
            [windows!(y0, u0, v0), windows!(y1, u1, v1)],
            [windows!(y2, u2, v2), windows!(y3, u3, v3)],
            [&both, &both],
        );
    });
}

fn pixels(visitor: &mut impl Visitor) {
    let plane = Pixels::new(1, 1, visitor.round());
    let (a, b) = (&plane.data()[..1280], &plane.data()[1280..2560]);
    let (mut u, mut v) = (vec![0; 640], vec![0; 640]);
    visitor.case("halve_row_1280", |k| k.halve_row(a, b, &mut u));
    visitor.case("split_uv_row_1280", |k| k.split_uv_row(a, &mut u, &mut v));
}

fn noise(visitor: &mut impl Visitor) {
    let plane = Pixels::new(1, 1, visitor.round());
    let mut history = [[64 << 7; 16]; 8];
    let weight = PixelWeight::new(1440, 3277);
    let weights = TemporalWeights::new([&weight; 4]);
    let (mut smoothed, mut blended) = ([[0; 16]; 8], [[0; 16]; 8]);
    visitor.case("temporal_sums_16x8", |k| {
        black_box(k.temporal_sums_16x8(plane.at(16, 16), &history));
    });
    visitor.case("temporal_blend_16x8", |k| {
        let dst = WindowMut::packed(&mut blended);
        k.temporal_blend_16x8(plane.at(16, 16), &mut history, &weights, dst);
    });
    visitor.case("smooth_16x8", |k| k.smooth_16x8(plane.at(16, 16), &[12; 16], &mut smoothed));
}

fn color(visitor: &mut impl Visitor) {
    let plane = Pixels::new(1, 1, visitor.round());
    let (a, b) = (&plane.data()[..5120], &plane.data()[1280..6400]);
    let to = RgbWeights::new(0.2126, 0.0722, false, [0, 1, 2]);
    let from = YuvWeights::new(0.2126, 0.0722, false, [0, 1, 2]);
    let (mut luma, mut u, mut v, mut rgb) =
        (vec![0; 1280], vec![0; 640], vec![0; 640], vec![0; 5120]);
    visitor.case("rgb24_to_luma_row_1280", |k| k.rgb24_to_luma_row(&a[..3840], &to, &mut luma));
    visitor.case("rgb32_to_luma_row_1280", |k| k.rgb32_to_luma_row(a, &to, &mut luma));
    visitor.case("rgb24_to_chroma_rows_1280", |k| {
        k.rgb24_to_chroma_rows(&a[..3840], &b[..3840], &to, &mut u, &mut v);
    });
    visitor.case("rgb32_to_chroma_rows_1280", |k| {
        k.rgb32_to_chroma_rows(a, b, &to, &mut u, &mut v);
    });
    let (y, u, v) = (&a[..1280], &b[..640], &b[640..1280]);
    visitor.case("i420_to_rgb24_row_1280", |k| {
        k.i420_to_rgb24_row(y, u, v, &from, &mut rgb[..3840]);
    });
    visitor.case("i420_to_rgb32_row_1280", |k| k.i420_to_rgb32_row(y, u, v, &from, &mut rgb));
}
