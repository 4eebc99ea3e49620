//! Parses residual blocks. ITU-T H.264, clause 9.2.

use super::code_tables::{RUNS, TOKENS, TOKENS_6_BITS, TOKENS_CHROMA_DC, ZEROS, ZEROS_CHROMA_DC};
use super::window::BitWindow;
use crate::bits::BitReader;
use crate::transform::Dequant;

/// The table of `coeff_token`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CoeffTable {
    /// By `nC`, the mean number of coefficients in the neighbouring blocks.
    Neighbours(u8),
    /// Chroma DC.
    ChromaDc,
}

/// Decodes a block and returns the number of its coefficients; `None` for an invalid code.
///
/// The coefficient at scan position `i` is scaled and stored in `out[scan[i]]`; `scan` has one entry
/// for each coefficient of the block.
#[inline]
pub fn residual_block(
    bits: &mut BitReader<'_>,
    table: CoeffTable,
    scan: &[u8],
    dequant: &Dequant<'_>,
    out: &mut [i16],
) -> Option<u8> {
    let mut window = BitWindow::new(bits);
    let token = coeff_token(&mut window, table)?;
    if token >> 2 == 0 {
        bits.skip(window.used());
        return Some(0);
    }
    let (total, ones) = (usize::from(token >> 2), usize::from(token & 3));
    if total > scan.len() {
        return None;
    }
    let mut levels = [0; 16];
    read_levels(bits, &mut window, ones, levels.get_mut(..total)?)?;
    window.ensure(bits);
    let mut zeros_left =
        if total < scan.len() { total_zeros(&mut window, table, total)? } else { 0 };
    let mut at = total + zeros_left;
    if at > scan.len() {
        return None;
    }
    for (n, &level) in levels[..total].iter().enumerate() {
        at -= 1;
        let position = usize::from(scan[at]);
        if let Some(out) = out.get_mut(position) {
            *out = dequant.scale(level, position);
        }
        if zeros_left > 0 && n + 1 < total {
            window.ensure(bits);
            let run = run_before(&mut window, zeros_left)?;
            zeros_left = zeros_left.checked_sub(run)?;
            at -= run;
        }
    }
    bits.skip(window.used());
    u8::try_from(total).ok()
}

/// Returns four times the number of coefficients plus the number of trailing ones.
#[inline]
fn coeff_token(window: &mut BitWindow, table: CoeffTable) -> Option<u8> {
    let (len, token) = match table {
        CoeffTable::Neighbours(count @ 0..8) => {
            let table = &TOKENS[usize::from(count >= 2) + usize::from(count >= 4)];
            let first = window.peek(8);
            match table[first & 255] {
                (0, _) if first < 8 => table[256 + (window.peek(16) & 0x7ff)],
                entry => entry,
            }
        }
        CoeffTable::Neighbours(_) => TOKENS_6_BITS[window.peek(6) & 63],
        CoeffTable::ChromaDc => TOKENS_CHROMA_DC[window.peek(8) & 255],
    };
    window.skip(u32::from(len));
    (len > 0).then_some(token)
}

/// Reads the levels from the last coefficient to the first; `ones` of them are trailing ones.
#[inline]
fn read_levels(
    bits: &mut BitReader<'_>,
    window: &mut BitWindow,
    ones: usize,
    levels: &mut [i32],
) -> Option<()> {
    let total = levels.len();
    let signs = window.peek(3);
    for (n, level) in levels.iter_mut().take(ones).enumerate() {
        *level = if signs >> (2 - n) & 1 == 1 { -1 } else { 1 };
    }
    window.skip(u32::try_from(ones).ok()?);
    let mut suffix_len = u32::from(total > 10 && ones < 3);
    for (n, level) in levels.iter_mut().enumerate().skip(ones) {
        window.ensure(bits);
        let prefix = window.leading_zeros();
        if prefix > 25 {
            return None;
        }
        window.skip(prefix + 1);
        let mut code = prefix.min(15) << suffix_len;
        let size = match prefix {
            14 if suffix_len == 0 => 4,
            15.. => prefix - 3,
            _ => suffix_len,
        };
        if prefix >= 15 {
            window.ensure(bits);
            code += if suffix_len == 0 { 15 } else { 0 };
            if prefix >= 16 {
                code += (1 << (prefix - 3)) - 4096;
            }
        }
        code += window.take(size);
        if n == ones && ones < 3 {
            code += 2;
        }
        let magnitude = i32::try_from((code + 2) >> 1).ok()?;
        *level = if code & 1 == 0 { magnitude } else { -magnitude };
        suffix_len = suffix_len.max(1);
        if suffix_len < 6 && magnitude > 3 << (suffix_len - 1) {
            suffix_len += 1;
        }
    }
    Some(())
}

#[inline]
fn total_zeros(window: &mut BitWindow, table: CoeffTable, total: usize) -> Option<usize> {
    let (len, zeros) = match table {
        CoeffTable::ChromaDc => ZEROS_CHROMA_DC.get(total - 1)?[window.peek(3) & 7],
        CoeffTable::Neighbours(_) => ZEROS.get(total - 1)?[window.peek(9) & 511],
    };
    window.skip(u32::from(len));
    (len > 0).then_some(usize::from(zeros))
}

#[inline]
fn run_before(window: &mut BitWindow, zeros_left: usize) -> Option<usize> {
    let (len, run) = RUNS[zeros_left.min(7) - 1][window.peek(3) & 7];
    if len > 0 {
        window.skip(u32::from(len));
        return Some(usize::from(run));
    }
    let zeros = window.leading_zeros();
    if zeros >= 11 {
        return None;
    }
    window.skip(zeros + 1);
    Some(zeros as usize + 4)
}
