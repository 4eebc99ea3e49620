//! Prediction of VP8: every level returns the same results as the scalar kernels, at every
//! sub-pixel position and in every mode.

use crate::harness::{Rng, Source, Target, agree};
use codec_simd::{Edges, Edges4, IntraMode, SubblockMode, Window, WindowMut};

/// All pairs of fractions from 0 to 7.
fn fractions() -> impl Iterator<Item = (u8, u8)> {
    (0..64).map(|f| (f % 8, f / 8))
}

#[test]
fn copies() {
    agree(|kernels, rng| {
        let (mut t16, mut t8, mut t4) = (Target::new(rng), Target::new(rng), Target::new(rng));
        kernels.copy_16x16(Source::new(rng).window(), t16.window_mut());
        kernels.copy_8x8(Source::new(rng).window(), t8.window_mut());
        kernels.copy_4x4(Source::new(rng).window(), t4.window_mut());
        (t16.finish(), t8.finish(), t4.finish())
    });
}

/// Defines a test of one interpolation kernel at all fractions with the same pixels.
macro_rules! interpolation {
    ($($kernel:ident;)*) => {
        $(
            #[test]
            fn $kernel() {
                agree(|kernels, rng| {
                    let refp = Source::new(rng);
                    let at = |(fx, fy)| {
                        let mut dst = Target::new(rng);
                        kernels.$kernel(refp.window(), fx, fy, dst.window_mut());
                        dst.finish()
                    };
                    fractions().map(at).collect::<Vec<_>>()
                });
            }
        )*
    };
}

interpolation! {
    sixtap_16x16;
    sixtap_8x8;
    sixtap_4x4;
    bilinear_16x16;
    bilinear_8x8;
    bilinear_4x4;
}

#[test]
fn sixtap_8x8_x2() {
    agree(|kernels, rng| {
        let (a, b) = (Source::new(rng), Source::new(rng));
        let at = |(fx, fy)| {
            let (mut to_a, mut to_b) = (Target::new(rng), Target::new(rng));
            let dsts = [to_a.window_mut(), to_b.window_mut()];
            kernels.sixtap_8x8_x2([a.window(), b.window()], fx, fy, dsts);
            (to_a.finish(), to_b.finish())
        };
        fractions().map(at).collect::<Vec<_>>()
    });
}

fn edges<const N: usize>(rng: &mut Rng) -> Edges<N> {
    Edges {
        above: rng.bytes(),
        left: rng.bytes(),
        top_left: rng.byte(),
        has_above: rng.coin(),
        has_left: rng.coin(),
    }
}

#[test]
fn intra_modes_of_whole_blocks() {
    agree(|kernels, rng| {
        IntraMode::ALL.map(|mode| {
            let (mut luma, mut chroma) = (Target::new(rng), Target::new(rng));
            kernels.intra_16x16(mode, &edges(rng), luma.window_mut());
            kernels.intra_8x8(mode, &edges(rng), chroma.window_mut());
            (luma.finish(), chroma.finish())
        })
    });
}

#[test]
fn intra_modes_of_sub_blocks() {
    agree(|kernels, rng| {
        SubblockMode::ALL.map(|mode| {
            let mut dst = Target::new(rng);
            let edges = Edges4 { above: rng.bytes(), left: rng.bytes(), top_left: rng.byte() };
            kernels.intra_4x4(mode, &edges, dst.window_mut());
            dst.finish()
        })
    });
}

#[test]
fn all_intra_modes_of_a_sub_block() {
    agree(|kernels, rng| {
        let cur = Source::new(rng);
        let edges = Edges4 { above: rng.bytes(), left: rng.bytes(), top_left: rng.byte() };
        let mut predictions = [[[0; 4]; 4]; 10];
        let errors = kernels.intra_4x4_all(cur.window(), &edges, &mut predictions);
        for (n, mode) in SubblockMode::ALL.into_iter().enumerate() {
            let mut alone = [[0; 4]; 4];
            kernels.intra_4x4(mode, &edges, WindowMut::packed(&mut alone));
            assert_eq!(predictions[n], alone, "{mode:?}");
            assert_eq!(errors[n], kernels.sse_4x4(cur.window(), Window::packed(&alone)));
        }
        (predictions, errors)
    });
}
