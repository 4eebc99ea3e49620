//! Byte shuffle tables for the 4x4 intra modes (RFC 6386, section 12.3): from which edge pixel each
//! predicted pixel is taken.

use crate::types::SubblockMode;

/// Source positions of the pixels of each 4x4 mode, four rows of four: the smoothed edge, the edge
/// between pixels, the mean, and the TrueMotion block. A byte of 128 or 0 selects nothing.
pub(crate) struct Origins {
    pub(crate) smooth: [u8; 16],
    pub(crate) half: [u8; 16],
    pub(crate) dc: [u8; 16],
    pub(crate) true_motion: [u8; 16],
}

impl Origins {
    #[inline]
    pub(crate) const fn of(mode: SubblockMode) -> &'static Self {
        static TABLE: [Origins; 10] = ORIGINS;
        &TABLE[mode as usize]
    }
}

/// Position of the corner in the edge, which runs from the bottom left to the above-right.
pub(crate) const CORNER: i8 = 4;
/// Position of the second copy of the bottom left pixel, with an equal neighbour to its right.
const BOTTOM: i8 = 14;

/// The source of the pixel (`x`, `y`) in a directional mode: whether it is smoothed, and its
/// position in the edge. RFC 6386, section 12.3.
const fn origin(mode: SubblockMode, x: i8, y: i8) -> (bool, i8) {
    let (above, left) = (CORNER + 1, CORNER - 1);
    match mode {
        SubblockMode::Dc | SubblockMode::TrueMotion => (false, i8::MIN),
        SubblockMode::Vertical => (true, above + x),
        SubblockMode::Horizontal => (true, left - y),
        SubblockMode::LeftDown => (true, above + x + y + 1),
        SubblockMode::RightDown => (true, CORNER + x - y),
        SubblockMode::VerticalRight => {
            let line = 2 * x - y;
            match line {
                ..-1 => (true, CORNER + 1 - y),
                -1 => (true, CORNER),
                _ if line % 2 == 0 => (false, CORNER + line / 2),
                _ => (true, CORNER + line / 2 + 1),
            }
        }
        SubblockMode::HorizontalDown => {
            let line = 2 * y - x;
            match line {
                ..-1 => (true, CORNER - 1 + x),
                -1 => (true, CORNER),
                _ if line % 2 == 0 => (false, CORNER - 1 - line / 2),
                _ => (true, CORNER - 1 - line / 2),
            }
        }
        SubblockMode::VerticalLeft => match (x, y) {
            // The standard's two exceptions.
            (3, 2) => (true, above + 5),
            (3, 3) => (true, above + 6),
            _ if y % 2 == 0 => (false, above + x + y / 2),
            _ => (true, above + x + y / 2 + 1),
        },
        SubblockMode::HorizontalUp => {
            let line = x + 2 * y;
            match line {
                6.. => (false, BOTTOM),
                _ => (line % 2 == 1, left - 1 - line / 2),
            }
        }
    }
}

const ORIGINS: [Origins; 10] = {
    const NONE: [u8; 16] = [128; 16];
    let mut all =
        [const { Origins { smooth: NONE, half: NONE, dc: NONE, true_motion: [0; 16] } }; 10];
    let mut mode = 0;
    while mode < 10 {
        let of = &mut all[mode];
        let (mut i, mut at) = (0, 0);
        while i < 16 {
            match SubblockMode::ALL[mode] {
                SubblockMode::Dc => of.dc[i] = 0,
                SubblockMode::TrueMotion => of.true_motion[i] = 255,
                mode => match origin(mode, at % 4, at / 4) {
                    (true, place) => of.smooth[i] = place.cast_unsigned(),
                    (false, place) => of.half[i] = place.cast_unsigned(),
                },
            }
            i += 1;
            at += 1;
        }
        mode += 1;
    }
    all
};
