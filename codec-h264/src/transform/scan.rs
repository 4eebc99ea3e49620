//! Zig-zag and field scans for blocks that are stored column by column.

use crate::tables::scan::{FIELD_SCAN_4X4, FIELD_SCAN_8X8, ZIGZAG_4X4, ZIGZAG_8X8};

/// The scans of frame or of field macroblocks: the position of each coefficient, in the order of the
/// scan, in a block that is stored column by column.
#[derive(Debug)]
pub struct Scans {
    /// 4x4 blocks.
    pub scan_4x4: [u8; 16],
    /// 8x8 blocks.
    pub scan_8x8: [u8; 64],
    /// The four interleaved scans of an 8x8 block in CAVLC.
    pub interleaved_8x8: [[u8; 16]; 4],
}

static FRAME: Scans = Scans::new(&ZIGZAG_4X4, &ZIGZAG_8X8);
static FIELD: Scans = Scans::new(&FIELD_SCAN_4X4, &FIELD_SCAN_8X8);

impl Scans {
    /// Returns the zig-zag scans, or the field scans.
    #[inline]
    #[must_use]
    pub fn of(is_field: bool) -> &'static Self {
        if is_field { &FIELD } else { &FRAME }
    }

    const fn new(raster_4x4: &[u8; 16], raster_8x8: &[u8; 64]) -> Self {
        let mut scans =
            Self { scan_4x4: [0; 16], scan_8x8: [0; 64], interleaved_8x8: [[0; 16]; 4] };
        let mut i = 0;
        while i < 16 {
            scans.scan_4x4[i] = raster_4x4[i] % 4 * 4 + raster_4x4[i] / 4;
            i += 1;
        }
        let mut i = 0;
        while i < 64 {
            let position = raster_8x8[i] % 8 * 8 + raster_8x8[i] / 8;
            scans.scan_8x8[i] = position;
            scans.interleaved_8x8[i % 4][i / 4] = position;
            i += 1;
        }
        scans
    }
}
