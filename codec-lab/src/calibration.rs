//! A fixed workload, run between frames or encodings, that measures the current speed of the
//! machine.
//!
//! Other load on the machine competes for caches and cores and lowers the clock rate. It often
//! changes times by more than the differences to be measured. Times that are divided by the time of
//! this workload depend much less on other load. Like an encoder, the workload computes sums over
//! pixels and follows a chain of table look-ups with unpredictable branches.

use std::hint::black_box;

use crate::cpu_clock::ThreadTime;

/// Version of the work: times in units of different versions are not comparable.
pub(crate) const VERSION: u32 = 1;

/// Bytes of each of the two compared blocks.
const BLOCK: usize = 64 << 10;
/// Links of the chain.
const CHAIN: u32 = 24_000;

/// The work and its accumulated time.
#[derive(Debug)]
pub(crate) struct Calibration {
    blocks: [Vec<u8>; 2],
    table: [u8; 4096],
    state: u32,
    slices: u32,
    ns: f64,
}

impl Calibration {
    pub(crate) fn new() -> Self {
        let mut state = 1_u32;
        let mut byte = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        };
        let mut block = || (0..BLOCK).map(|_| byte()).collect::<Vec<u8>>();
        let blocks = [block(), block()];
        let mut table = [0; 4096];
        table.copy_from_slice(&blocks[0][..4096]);
        Self { blocks, table, state: 1, slices: 0, ns: 0.0 }
    }

    /// Runs one slice of the work, about a third of a millisecond.
    pub(crate) fn slice(&mut self) {
        let start = ThreadTime::now();
        let [a, b] = &self.blocks;
        let mut sum = 0_u32;
        for _ in 0..12 {
            let rows = black_box(a).chunks_exact(16).zip(black_box(b).chunks_exact(16));
            for (a, b) in rows {
                let row: u32 = a.iter().zip(b).map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
                sum = sum.wrapping_add(row);
            }
        }
        let mut state = self.state ^ (sum & 1);
        for _ in 0..CHAIN {
            let probability = self.table[(state >> 20) as usize];
            let [split, ..] = state.to_le_bytes();
            state = if split < probability {
                state.wrapping_mul(0x0019_660d).wrapping_add(u32::from(probability))
            } else {
                state.rotate_left(7).wrapping_add(0x3c6e_f35f)
            };
        }
        self.state = black_box(state);
        self.slices += 1;
        self.ns += start.elapsed().as_secs_f64() * 1e9;
    }

    /// CPU nanoseconds of all slices since the last call, and the mean per slice (0 without any).
    pub(crate) fn take(&mut self) -> (f64, f64) {
        let (all, slices) = (self.ns, self.slices);
        (self.ns, self.slices) = (0.0, 0);
        (all, if slices == 0 { 0.0 } else { all / f64::from(slices) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slice_times_are_returned_once() {
        let mut calibration = Calibration::new();
        assert_eq!(calibration.take(), (0.0, 0.0));
        calibration.slice();
        calibration.slice();
        let (all, mean) = calibration.take();
        assert!(all > 0.0 && (mean - all / 2.0).abs() < 1.0);
        assert_eq!(calibration.take(), (0.0, 0.0));
    }
}
