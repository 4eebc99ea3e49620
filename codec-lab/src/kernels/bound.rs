//! Computes a lower bound on the time of a kernel from the number of its loads and stores, and of
//! the register operations of a straightforward algorithm, on a core with the throughput in
//! [`PER_CYCLE`].
//!
//! The bound ignores instruction latency. A kernel that is too short to hide the latency of
//! dependent instructions cannot reach it.

/// Operations of each kind per cycle on current x86-64 server cores.
struct Throughput {
    loads: f64,
    stores: f64,
    /// Multiplications, sums of absolute differences, shifts, and all lane permutations.
    slow: f64,
    /// All register operations together.
    all: f64,
}

const PER_CYCLE: Throughput = Throughput { loads: 2.0, stores: 2.0, slow: 2.0, all: 4.0 };

/// The work of a kernel, in operations on whole registers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Work {
    loads: f64,
    stores: f64,
    slow: f64,
    fast: f64,
    /// Additional calls that a benchmark makes.
    pub more_calls: f64,
}

impl Work {
    fn plus(self, other: Self) -> Self {
        Self {
            loads: self.loads + other.loads,
            stores: self.stores + other.stores,
            slow: self.slow + other.slow,
            fast: self.fast + other.fast,
            more_calls: self.more_calls + other.more_calls,
        }
    }

    /// Cycles, and the kind of operation that limits the speed.
    #[must_use]
    pub fn cycles(self) -> (f64, &'static str) {
        let all = [
            (self.loads / PER_CYCLE.loads, "load"),
            (self.stores / PER_CYCLE.stores, "store"),
            (self.slow / PER_CYCLE.slow, "multiply/shuffle"),
            ((self.slow + self.fast) / PER_CYCLE.all, "ALU"),
        ];
        all.into_iter().fold((0.0, ""), |most, next| if next.0 > most.0 { next } else { most })
    }
}

/// Returns work that consists only of loads and stores.
fn memory(loads: f64, stores: f64) -> Work {
    Work { loads, stores, ..Work::default() }
}

/// Counts operations on `n` pixels, from the register bytes per pixel and the register width in
/// bytes.
#[derive(Clone, Copy)]
struct Lanes {
    width: f64,
}

impl Lanes {
    fn on(self, n: f64, slow: f64, fast: f64) -> Work {
        let registers = |bytes: f64| (n * bytes / self.width).max(1.0);
        Work { slow: registers(slow), fast: registers(fast), ..Work::default() }
    }

    /// Loads `rows` rows of `bytes` one by one into whole registers: each load also needs a lane
    /// insertion.
    fn gather(self, rows: f64, bytes: f64) -> Work {
        let merged = rows * (1.0 - bytes / self.width);
        Work { loads: rows, slow: merged.max(0.0), ..Work::default() }
    }

    /// Like [`Self::gather`], for stores.
    fn scatter(self, rows: f64, bytes: f64) -> Work {
        let moved = rows * (1.0 - bytes / self.width);
        Work { stores: rows, slow: moved.max(0.0), ..Work::default() }
    }

    fn block(self, n: f64) -> Work {
        memory(n / self.width, 0.0)
    }

    /// Squared error of pixels in registers: difference 3, widening 2, multiplication and sum.
    fn sse(self, n: f64) -> Work {
        self.on(n, 4.0, 5.0)
    }

    /// A bilinear pass: pairing, multiplication, rounding, shift, narrowing. Half positions are an
    /// average.
    fn bilinear(self, n: f64, fraction: u8) -> Work {
        match fraction {
            0 => Work::default(),
            4 => self.on(n, 0.0, 1.0),
            _ => self.on(n, 7.0, 2.0),
        }
    }

    /// A six-tap pass (odd fractions have four taps). Horizontally, every pair of taps needs its
    /// own shuffle; vertically, a pair of rows serves all outputs.
    fn sixtap(self, n: f64, fraction: u8, across: bool) -> Work {
        let pairs = match fraction {
            0 => return Work::default(),
            odd if odd % 2 == 1 => 2.0,
            _ => 3.0,
        };
        let shuffles = if across { pairs } else { 1.0 };
        self.on(n, 2.0 * (shuffles + pairs) + 3.0, 2.0 * pairs)
    }

    /// The difference and two passes of a forward transform.
    fn forward(self, n: f64) -> Work {
        self.on(n, 26.0, 14.0)
    }

    /// Magnitude, comparison, two multiplications, sign, order, test.
    fn quantise(self, n: f64) -> Work {
        self.on(n, 12.0, 10.0).plus(memory(2.0 * n / self.width, 4.0 * n / self.width))
    }

    /// A forward transform, quantisation and the squared error of the coefficients.
    fn transform_quantise(self, n: f64) -> Work {
        self.forward(n).plus(self.quantise(n)).plus(self.on(n, 2.0, 4.0))
    }

    /// Two passes of an inverse transform, and the addition of the prediction.
    fn inverse(self, n: f64) -> Work {
        self.on(n, 17.0, 14.0).plus(memory(2.0 * n / self.width, 0.0))
    }
}

/// The fractions at the end of a name: `sixtap_8x8/2_6`.
fn fractions(name: &str) -> (u8, u8) {
    let parsed = name.rsplit_once('/').and_then(|(_, tail)| {
        let (x, y) = tail.split_once('_')?;
        Some((x.parse().ok()?, y.parse().ok()?))
    });
    parsed.unwrap_or((0, 0))
}

/// Bytes that a call of the kernel `name` must read and write, each counted once.
#[must_use]
pub fn bytes_of(name: &str) -> Option<f64> {
    let (fx, fy) = fractions(name);
    let side = side_of(name);
    let n = side * side;
    // A filter reads beyond the block in directions with a fraction.
    let read = |more: f64| {
        let past = |fraction: u8| if fraction == 0 { 0.0 } else { more };
        (side + past(fx)) * (side + past(fy))
    };
    let kernel = name.split('/').next().unwrap_or(name);
    Some(match kernel {
        "sad_16x16" | "sad_16x16_quads" | "sad_8x8" | "sad_4x4" | "sse_16x16"
        | "sse_16x16_quads" | "sse_8x8" | "sse_4x4" | "errors_16x16" | "errors_8x8"
        | "satd_16x16" | "satd_8x8" | "satd_4x4" => 2.0 * n,
        "sad_mean_16x16" | "sad_mean_8x8" | "satd_mean_16x16" | "satd_mean_8x8" => 3.0 * n,
        "sad_16x16_x4" | "sad_8x8_x4" => 5.0 * n,
        "sse_uv" => 256.0,
        "moments_16x16" => n,
        "sse_bilinear_16x16" | "sse_bilinear_16x16_quads" | "sse_bilinear_8x8" => read(1.0) + n,
        "sse_half_ring_16x16" => 18.0 * 18.0 + n,
        "sse_row_1280" => 2560.0,
        "copy_16x16" | "copy_8x8" | "copy_4x4" => 2.0 * n,
        "sixtap_16x16" | "sixtap_8x8" | "sixtap_4x4" => read(5.0) + n,
        "sixtap_8x8_x2" => 2.0 * (read(5.0) + n),
        "bilinear_16x16" | "bilinear_8x8" | "bilinear_4x4" => read(1.0) + n,
        "intra_16x16" | "intra_8x8" => 2.0 * side + n,
        "intra_4x4" => 10.0 * (13.0 + n),
        "intra_4x4_all" => 13.0 + 11.0 * 16.0,
        "fdct_luma" | "quantise_16" => 512.0 + if kernel == "fdct_luma" { 512.0 } else { 1024.0 },
        "fdct_chroma" => 512.0,
        "fdct_4x4" | "forward_wht" | "inverse_wht" => 64.0,
        "transform_quantise_luma" => 512.0 + 1024.0,
        "transform_quantise_chroma" => 256.0 + 512.0,
        "transform_quantise_4x4" => 32.0 + 64.0,
        "coeff_sse_16" => 1024.0,
        "level_bits_16" => 512.0,
        "idct_add_4x4" => 32.0 + 2.0 * n,
        // Of DC-only blocks, only the DC is read.
        "idct_add_luma" if name.ends_with("dc") => 32.0 + 512.0,
        "idct_add_luma" | "idct_add_luma_y2" => 512.0 + 512.0,
        "idct_add_chroma" => 256.0 + 256.0,
        "halve_row_1280" => 2560.0 + 640.0,
        "split_uv_row_1280" => 2560.0,
        "temporal_sums_16x8" => 128.0 + 256.0,
        "temporal_blend_16x8" => 2.0 * (128.0 + 256.0) + 96.0,
        "smooth_16x8" => 180.0 + 128.0,
        "rgb24_to_luma_row_1280" => 3840.0 + 1280.0,
        "rgb32_to_luma_row_1280" => 5120.0 + 1280.0,
        "rgb24_to_chroma_rows_1280" => 2.0 * 3840.0 + 1280.0,
        "rgb32_to_chroma_rows_1280" => 2.0 * 5120.0 + 1280.0,
        "i420_to_rgb24_row_1280" => 2560.0 + 3840.0,
        "i420_to_rgb32_row_1280" => 2560.0 + 5120.0,
        // Read and written: the filtered window on both sides of the edges.
        "filter_mb_edge_h_16" | "filter_mb_edge_h_uv" => 2.0 * 8.0 * 16.0,
        "simple_edge_h_16" => 2.0 * 4.0 * 16.0,
        "filter_inner_edge_h_uv" | "filter_inner_edge_v_uv" | "filter_mb_edge_v_uv" => {
            2.0 * 2.0 * 64.0
        }
        // Two macroblocks of three planes, with the pixels to their left and above.
        "filter_mbs_x2" => 2.0 * 2.0 * (20.0 * 20.0 + 2.0 * 12.0 * 12.0),
        _ if kernel.starts_with("filter_") || kernel.starts_with("simple_") => 512.0,
        _ => {
            return super::h264::bytes_of(name)
                .or_else(|| super::vp9::bytes_of(name))
                .or_else(|| super::vmaf::bytes_of(name));
        }
    })
}

/// The block width in a kernel's name.
fn side_of(name: &str) -> f64 {
    if name.contains("16x16") {
        16.0
    } else if name.contains("8x8") {
        8.0
    } else {
        4.0
    }
}

/// The work of the benchmarked kernel `name` with registers of `width` bytes.
#[must_use]
pub fn work_of(name: &str, width: f64) -> Option<Work> {
    let l = Lanes { width };
    let (fx, fy) = fractions(name);
    let side = side_of(name);
    let n = side * side;
    // Source macroblocks are contiguous; other data is in rows.
    let cur = if side > 8.0 { l.block(n) } else { memory(side, 0.0) };
    let rows = memory(side, 0.0);
    let kernel = name.split('/').next().unwrap_or(name);
    let by_two_passes = |pass: fn(Lanes, f64, u8, bool) -> Work, more: f64| {
        let high = if fy == 0 { side } else { side + more };
        let across = pass(l, high * side, fx, true);
        (across.plus(pass(l, n, fy, false)), high)
    };
    let bilinear = |l: Lanes, n: f64, fraction: u8, _: bool| l.bilinear(n, fraction);
    Some(match kernel {
        "sad_16x16" | "sad_16x16_quads" | "sad_8x8" | "sad_4x4" => {
            cur.plus(rows).plus(l.on(n, 1.0, 1.0))
        }
        "sad_16x16_x4" | "sad_8x8_x4" => {
            cur.plus(memory(4.0 * side, 0.0)).plus(l.on(4.0 * n, 1.0, 1.0))
        }
        "sse_16x16" | "sse_16x16_quads" | "sse_8x8" | "sse_4x4" => cur.plus(rows).plus(l.sse(n)),
        // The differences are added as well.
        "errors_16x16" | "errors_8x8" => cur.plus(rows).plus(l.sse(n)).plus(l.on(n, 2.0, 1.0)),
        "sad_mean_16x16" | "sad_mean_8x8" => cur.plus(rows).plus(rows).plus(l.on(n, 1.0, 2.0)),
        "satd_mean_16x16" | "satd_mean_8x8" => cur.plus(rows).plus(rows).plus(l.on(n, 10.0, 15.0)),
        "sse_uv" => l.block(256.0).plus(l.sse(128.0)),
        "moments_16x16" => l.block(n).plus(l.on(n, 5.0, 3.0)),
        "satd_16x16" | "satd_8x8" | "satd_4x4" => cur.plus(rows).plus(l.on(n, 10.0, 14.0)),
        "sse_bilinear_16x16" | "sse_bilinear_16x16_quads" | "sse_bilinear_8x8" => {
            let (passes, high) = by_two_passes(bilinear, 1.0);
            passes.plus(l.gather(high, side)).plus(cur).plus(l.sse(n))
        }
        "sse_half_ring_16x16" => {
            let sums = (0..8).fold(Work::default(), |sum, _| sum.plus(l.sse(n)));
            l.gather(36.0, side).plus(cur).plus(sums).plus(l.on(4.0 * n, 0.0, 1.0))
        }
        "sse_row_1280" => l.block(2560.0).plus(l.sse(1280.0)),
        "copy_16x16" | "copy_8x8" | "copy_4x4" => memory(side, side),
        "sixtap_16x16" | "sixtap_8x8" | "sixtap_4x4" => {
            let more = if fy % 2 == 1 { 3.0 } else { 5.0 };
            let (passes, high) = by_two_passes(Lanes::sixtap, more);
            passes.plus(l.gather(high, 16.0)).plus(l.scatter(side, side))
        }
        "sixtap_8x8_x2" => {
            let one = work_of(&name.replace("_x2", ""), width)?;
            one.plus(one)
        }
        "bilinear_16x16" | "bilinear_8x8" | "bilinear_4x4" => {
            let (passes, high) = by_two_passes(bilinear, 1.0);
            passes.plus(l.gather(high, side)).plus(l.scatter(side, side))
        }
        "intra_16x16" | "intra_8x8" => memory(2.0, side),
        "intra_4x4" => Work { more_calls: 9.0, ..memory(20.0, 40.0) },
        "intra_4x4_all" => memory(6.0, 160.0 / width).plus(l.sse(160.0)),
        "fdct_luma" => l.block(512.0).plus(l.forward(256.0)).plus(memory(0.0, 512.0 / width)),
        "fdct_chroma" => l.block(256.0).plus(l.forward(128.0)).plus(memory(0.0, 256.0 / width)),
        "fdct_4x4" => memory(8.0, 1.0).plus(l.forward(16.0)),
        "forward_wht" | "inverse_wht" => memory(1.0, 1.0).plus(l.on(16.0, 8.0, 16.0)),
        "quantise_16" => l.quantise(256.0),
        "transform_quantise_luma" => l.block(512.0).plus(l.transform_quantise(256.0)),
        "transform_quantise_chroma" => l.block(256.0).plus(l.transform_quantise(128.0)),
        "transform_quantise_4x4" => memory(8.0, 0.0).plus(l.forward(16.0)).plus(l.quantise(16.0)),
        "coeff_sse_16" => l.block(1024.0).plus(l.on(256.0, 2.0, 4.0)),
        "idct_add_4x4" => memory(4.0, 4.0).plus(l.inverse(16.0)),
        "idct_add_luma" if name.ends_with("dc") => {
            l.gather(16.0, 16.0).plus(l.scatter(16.0, 16.0)).plus(l.on(256.0, 2.0, 2.0))
        }
        "idct_add_luma" | "idct_add_luma_y2" => {
            l.gather(16.0, 16.0).plus(l.scatter(16.0, 16.0)).plus(l.inverse(256.0))
        }
        "idct_add_chroma" => l.gather(16.0, 8.0).plus(l.scatter(16.0, 8.0)).plus(l.inverse(128.0)),
        // An edge of sixteen pixels: about 60 byte operations and 20 that widen, multiply or
        // narrow. Vertical edges need two transpositions of the rows. The benchmark also copies the
        // pixels.
        "filter_mb_edge_h_16" => edges(1.0, 8.0 + 8.0, 6.0 + 8.0, 0.0),
        "filter_mb_edge_h_uv" => edges(1.0, 16.0 + 16.0, 12.0 + 16.0, 28.0),
        "filter_mb_edge_v_16" | "filter_mb_edge_v_uv" => edges(1.0, 16.0 + 16.0, 16.0 + 16.0, 64.0),
        "filter_inner_edges_h_16" => edges(3.0, 16.0 + 16.0, 12.0 + 16.0, 0.0),
        "filter_inner_edges_v_16" => edges(3.0, 16.0 + 16.0, 16.0 + 16.0, 128.0),
        // Per macroblock: 8 edges of luma, 4 of chroma; 76 rows or parts of rows read, 66 written;
        // transpositions of the rows and of the columns to the left. All pixels are copied before.
        "filter_mbs_x2" => edges(24.0, 2.0 * 76.0 + 384.0, 2.0 * 66.0 + 384.0, 480.0),
        "filter_inner_edge_h_uv" => edges(1.0, 16.0 + 16.0, 8.0 + 16.0, 24.0),
        "filter_inner_edge_v_uv" => edges(1.0, 16.0 + 16.0, 16.0 + 16.0, 64.0),
        "halve_row_1280" => {
            l.block(2560.0).plus(memory(0.0, 640.0 / width)).plus(l.on(2560.0, 1.5, 1.0))
        }
        "split_uv_row_1280" => {
            l.block(1280.0).plus(memory(0.0, 1280.0 / width)).plus(l.on(1280.0, 1.5, 0.5))
        }
        // Words of the history: widening, shifts, and sums of two kinds.
        "temporal_sums_16x8" => memory(8.0, 0.0).plus(l.block(256.0)).plus(l.on(128.0, 6.0, 8.0)),
        // Widening, two multiplications, rounding and packing; difference, weight and sum.
        "temporal_blend_16x8" => memory(8.0, 8.0)
            .plus(memory(256.0 / width, 256.0 / width))
            .plus(l.on(128.0, 13.0, 12.0)),
        // Nine byte operations for each neighbour, then widening, a multiplication and packing.
        "smooth_16x8" => l.gather(26.0, 16.0).plus(l.block(128.0)).plus(l.on(128.0, 11.0, 40.0)),
        _ => return None,
    })
}

/// `count` edges of the normal loop filter, sixteen pixels each.
fn edges(count: f64, loads: f64, stores: f64, moves: f64) -> Work {
    Work { loads, stores, slow: 20.0 * count + moves, fast: 60.0 * count, ..Work::default() }
}
