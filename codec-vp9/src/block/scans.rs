//! Scan orders with the neighbours that give each coefficient its context.

use codec_simd::vp9::{Vp9TxKind, Vp9TxSize};

use crate::tables::scan;

use Direction::{Column, Default, Row};

/// One position of a scan.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Position {
    /// Position of the coefficient, in column order.
    pub(crate) at: u16,
    /// Positions of the two coefficients whose magnitudes give the context.
    pub(crate) neighbours: [u16; 2],
    /// Band of the probabilities: 0 to 5.
    pub(crate) band: u8,
}

#[derive(Clone, Copy)]
enum Direction {
    Default,
    Column,
    Row,
}

/// Number of scan positions of bands 0 to 4; band 5 has the rest.
const BANDS_4X4: [usize; 5] = [1, 2, 3, 4, 3];
const BANDS_LARGE: [usize; 5] = [1, 2, 3, 4, 11];

/// Returns the band of a scan position.
const fn band(index: usize, bands: &[usize; 5]) -> u8 {
    let (mut band, mut end) = (0, bands[0]);
    while band < 5 && index >= end {
        band += 1;
        if band < 5 {
            end += bands[band as usize];
        }
    }
    band
}

/// Adds the neighbours to a scan of `width` columns: the coefficients above and on the left. Column
/// scans use the one above twice, row scans the one on the left; at the borders the one that exists
/// is used twice.
const fn with_neighbours<const N: usize>(
    order: &[u16; N],
    width: u16,
    direction: Direction,
) -> [Position; N] {
    let bands = if N == 16 { &BANDS_4X4 } else { &BANDS_LARGE };
    let mut scan = [Position { at: 0, neighbours: [0; 2], band: 0 }; N];
    let mut index = 1;
    while index < N {
        let at = order[index];
        let has_above = at >= width;
        let has_left = !at.is_multiple_of(width);
        let above = if has_above { at - width } else { at - 1 };
        let left = if has_left { at - 1 } else { at - width };
        let neighbours = match direction {
            Default => [above, left],
            Column => [above, above],
            Row => [left, left],
        };
        let [first, second] = neighbours;
        let neighbours = [in_column_order(first, width), in_column_order(second, width)];
        let band = band(index, bands);
        scan[index] = Position { at: in_column_order(at, width), neighbours, band };
        index += 1;
    }
    scan
}

/// A position in row order to one in column order.
const fn in_column_order(at: u16, width: u16) -> u16 {
    at % width * width + at / width
}

static DEFAULT_4: [Position; 16] = with_neighbours(&scan::DEFAULT_4X4, 4, Default);
static COLUMN_4: [Position; 16] = with_neighbours(&scan::COLUMN_4X4, 4, Column);
static ROW_4: [Position; 16] = with_neighbours(&scan::ROW_4X4, 4, Row);
static DEFAULT_8: [Position; 64] = with_neighbours(&scan::DEFAULT_8X8, 8, Default);
static COLUMN_8: [Position; 64] = with_neighbours(&scan::COLUMN_8X8, 8, Column);
static ROW_8: [Position; 64] = with_neighbours(&scan::ROW_8X8, 8, Row);
static DEFAULT_16: [Position; 256] = with_neighbours(&scan::DEFAULT_16X16, 16, Default);
static COLUMN_16: [Position; 256] = with_neighbours(&scan::COLUMN_16X16, 16, Column);
static ROW_16: [Position; 256] = with_neighbours(&scan::ROW_16X16, 16, Row);
static DEFAULT_32: [Position; 1024] = with_neighbours(&scan::DEFAULT_32X32, 32, Default);

/// Returns the scan of a transform.
pub(crate) fn scan(size: Vp9TxSize, kind: Vp9TxKind) -> &'static [Position] {
    use Vp9TxKind::{AdstColumns, AdstRows};
    use Vp9TxSize::{Tx4, Tx8, Tx16, Tx32};
    match (size, kind) {
        (Tx4, AdstColumns) => &ROW_4,
        (Tx4, AdstRows) => &COLUMN_4,
        (Tx4, _) => &DEFAULT_4,
        (Tx8, AdstColumns) => &ROW_8,
        (Tx8, AdstRows) => &COLUMN_8,
        (Tx8, _) => &DEFAULT_8,
        (Tx16, AdstColumns) => &ROW_16,
        (Tx16, AdstRows) => &COLUMN_16,
        (Tx16, _) => &DEFAULT_16,
        (Tx32, _) => &DEFAULT_32,
    }
}
