//! Compares the scalar kernels with the formulas of RFC 6386, which are written out here.
#![expect(clippy::unwrap_used, reason = "in tests a panic is the report")]

use codec_simd::{
    Block16, Edges, Edges4, IntraMode, Kernels, Level, SubblockMode, Window, WindowMut,
};

fn scalar() -> &'static Kernels {
    Kernels::for_level(Level::Scalar).unwrap()
}

fn avg2(a: u8, b: u8) -> u8 {
    u8::try_from((u16::from(a) + u16::from(b)).div_ceil(2)).unwrap()
}

fn avg3(a: u8, b: u8, c: u8) -> u8 {
    u8::try_from((u16::from(a) + 2 * u16::from(b) + u16::from(c) + 2) >> 2).unwrap()
}

/// RFC 6386, section 12.3: the listing, row by row.
fn listed(mode: SubblockMode, a: [u8; 8], l: [u8; 4], p: u8) -> [[u8; 4]; 4] {
    let e = [l[3], l[2], l[1], l[0], p, a[0], a[1], a[2], a[3]];
    let a3 = |i: usize| if i == 0 { avg3(p, a[0], a[1]) } else { avg3(a[i - 1], a[i], a[i + 1]) };
    let a2 = |i: usize| avg2(a[i], a[i + 1]);
    let e3 = |i: usize| avg3(e[i - 1], e[i], e[i + 1]);
    let e2 = |i: usize| avg2(e[i], e[i + 1]);
    let last = avg3(a[6], a[7], a[7]);
    match mode {
        SubblockMode::Dc => {
            let sum: u32 = a[..4].iter().chain(&l).map(|&v| u32::from(v)).sum();
            [[u8::try_from((sum + 4) / 8).unwrap(); 4]; 4]
        }
        SubblockMode::TrueMotion => l.map(|l| {
            [a[0], a[1], a[2], a[3]].map(|a| {
                u8::try_from((i32::from(l) + i32::from(a) - i32::from(p)).clamp(0, 255)).unwrap()
            })
        }),
        SubblockMode::Vertical => [[a3(0), a3(1), a3(2), a3(3)]; 4],
        SubblockMode::Horizontal => [
            [avg3(p, l[0], l[1]); 4],
            [avg3(l[0], l[1], l[2]); 4],
            [avg3(l[1], l[2], l[3]); 4],
            [avg3(l[2], l[3], l[3]); 4],
        ],
        SubblockMode::LeftDown => [
            [a3(1), a3(2), a3(3), a3(4)],
            [a3(2), a3(3), a3(4), a3(5)],
            [a3(3), a3(4), a3(5), a3(6)],
            [a3(4), a3(5), a3(6), last],
        ],
        SubblockMode::RightDown => [
            [e3(4), e3(5), e3(6), e3(7)],
            [e3(3), e3(4), e3(5), e3(6)],
            [e3(2), e3(3), e3(4), e3(5)],
            [e3(1), e3(2), e3(3), e3(4)],
        ],
        SubblockMode::VerticalRight => [
            [e2(4), e2(5), e2(6), e2(7)],
            [e3(4), e3(5), e3(6), e3(7)],
            [e3(3), e2(4), e2(5), e2(6)],
            [e3(2), e3(4), e3(5), e3(6)],
        ],
        SubblockMode::VerticalLeft => [
            [a2(0), a2(1), a2(2), a2(3)],
            [a3(1), a3(2), a3(3), a3(4)],
            [a2(1), a2(2), a2(3), a3(5)],
            [a3(2), a3(3), a3(4), a3(6)],
        ],
        SubblockMode::HorizontalDown => [
            [e2(3), e3(4), e3(5), e3(6)],
            [e2(2), e3(3), e2(3), e3(4)],
            [e2(1), e3(2), e2(2), e3(3)],
            [e2(0), e3(1), e2(1), e3(2)],
        ],
        SubblockMode::HorizontalUp => {
            let (h, s) = (|i: usize| avg2(l[i], l[i + 1]), avg3(l[2], l[3], l[3]));
            let t = |i: usize| avg3(l[i - 1], l[i], l[i + 1]);
            [
                [h(0), t(1), h(1), t(2)],
                [h(1), t(2), h(2), s],
                [h(2), s, l[3], l[3]],
                [l[3], l[3], l[3], l[3]],
            ]
        }
    }
}

#[test]
fn sub_block_modes_follow_the_listing() {
    let edges = [
        Edges4 { above: [9, 250, 3, 77, 130, 0, 255, 18], left: [200, 1, 91, 40], top_left: 61 },
        Edges4 { above: [0, 255, 0, 255, 0, 255, 0, 255], left: [255, 0, 0, 255], top_left: 255 },
    ];
    for edges in &edges {
        for mode in SubblockMode::ALL {
            let mut got = [[0; 4]; 4];
            scalar().intra_4x4(mode, edges, WindowMut::packed(&mut got));
            assert_eq!(got, listed(mode, edges.above, edges.left, edges.top_left), "{mode:?}");
        }
    }
}

#[test]
fn dc_takes_the_edges_that_exist() {
    let mut edges =
        Edges { above: [10; 8], left: [21; 8], top_left: 0, has_above: true, has_left: true };
    let mut dc = |above, left| {
        (edges.has_above, edges.has_left) = (above, left);
        let mut got = [[0; 8]; 8];
        scalar().intra_8x8(IntraMode::Dc, &edges, WindowMut::packed(&mut got));
        assert_eq!(got, [[got[0][0]; 8]; 8]);
        got[0][0]
    };
    let means = [dc(true, true), dc(true, false), dc(false, true), dc(false, false)];
    assert_eq!(means, [16, 10, 21, 128]);
}

#[test]
fn six_taps_overshoot_and_clamp_at_a_step() {
    // Rows of 0 0 0 255 255 255 ...: the half-pixel position between the zeros and beyond.
    let rows: [[u8; 21]; 21] = [std::array::from_fn(|x| if x < 8 { 0 } else { 255 }); 21];
    let mut got = Block16::default();
    scalar().sixtap_16x16(Window::packed(&rows), 4, 0, got.window_mut());
    // Taps 3 -16 77 77 -16 3: cumulated from the right 3, -13, 64, 141, 125, 128.
    let expected = [0, 0, 0, 6, 0, 128, 255, 249, 255, 255, 255, 255, 255, 255, 255, 255];
    assert_eq!(got.0, [expected; 16]);
    let turned: [[u8; 21]; 21] = std::array::from_fn(|y| [rows[0][y]; 21]);
    scalar().sixtap_16x16(Window::packed(&turned), 0, 4, got.window_mut());
    assert_eq!(got.0, expected.map(|row| [row; 16]));
}

#[test]
fn hadamard_of_a_flat_difference_is_its_mean() {
    let (black, white) = (Block16::default(), Block16([[255; 16]; 16]));
    assert_eq!(scalar().satd_16x16(&white, black.window()), 16 * 16 * 255 / 2);
    assert_eq!(scalar().satd_4x4(white.sub(0, 0), black.sub(12, 12)), 16 * 255 / 2);
}
