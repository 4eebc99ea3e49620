//! Table of a codec's quantiser steps, searchable by logarithm.

use crate::fixed::log2_q16;

/// Logarithms of the steps of all indices, in ascending order.
#[derive(Clone, Debug)]
pub(crate) struct Steps {
    logs_q16: Vec<i32>,
}

impl Steps {
    /// Creates the table from `steps`: one per index, at most 256, non-decreasing.
    pub(crate) fn new(steps: &[u16]) -> Self {
        let steps = if steps.is_empty() { &[1] } else { steps };
        let logs_q16 = steps.iter().take(256).map(|&s| log2_q16(u64::from(s))).collect();
        Self { logs_q16 }
    }

    /// Returns the logarithm of the step of `qindex`, clamped to the last index.
    pub(crate) fn log_q16(&self, qindex: u8) -> i32 {
        self.logs_q16[usize::from(qindex).min(self.logs_q16.len() - 1)]
    }

    /// Returns the last index.
    pub(crate) fn last(&self) -> u8 {
        u8::try_from(self.logs_q16.len() - 1).unwrap_or(u8::MAX)
    }

    /// Returns the index with the nearest step.
    pub(crate) fn nearest(&self, log_q16: i32) -> u8 {
        let above = self.logs_q16.partition_point(|&log| log < log_q16);
        let distance = |index: usize| self.logs_q16[index].abs_diff(log_q16);
        let index = match above {
            0 => 0,
            n if n >= self.logs_q16.len() => self.logs_q16.len() - 1,
            n if distance(n - 1) <= distance(n) => n - 1,
            n => n,
        };
        u8::try_from(index).unwrap_or(u8::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_step_is_clamped_at_the_ends() {
        let steps = Steps::new(&[4, 8, 16, 32]);
        assert_eq!(steps.nearest(log2_q16(1)), 0);
        assert_eq!(steps.nearest(log2_q16(9)), 1);
        assert_eq!(steps.nearest(log2_q16(15)), 2);
        assert_eq!(steps.nearest(log2_q16(1000)), 3);
        assert_eq!(Steps::new(&[]).nearest(5), 0);
    }
}
