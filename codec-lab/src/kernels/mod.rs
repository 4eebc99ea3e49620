//! Benchmarks of SIMD kernels: their cases, the measurement of their times, and a lower bound of
//! each time.

mod bound;
mod cases;
mod h264;
mod time;
mod vmaf;
mod vp9;

pub use bound::{Work, bytes_of, work_of};
pub use cases::Visitor;
pub use time::{call_ns, cycle_ns, min_ns, width_bytes};

/// Passes all cases to the visitor.
pub fn for_each(visitor: &mut impl Visitor) {
    cases::cases(visitor);
    h264::cases(visitor);
    vp9::cases(visitor);
    vmaf::cases(visitor);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use codec_simd::Kernels;

    use super::*;

    #[derive(Default)]
    struct Names(BTreeSet<String>);

    impl Visitor for Names {
        fn case(&mut self, name: &str, _: impl FnMut(&Kernels)) {
            self.0.insert(name.to_owned());
        }
    }

    /// Whether a case times the kernel: its name matches, with a length (`sse_row_1280`) or
    /// without.
    fn times(case: &str, kernel: &str) -> bool {
        let base = case.split('/').next().unwrap_or(case);
        let rest = base.strip_prefix(kernel);
        rest.is_some_and(|rest| {
            rest.is_empty() || rest.strip_prefix('_').is_some_and(|n| n.parse::<u32>().is_ok())
        })
    }

    #[test]
    fn every_kernel_of_the_table_is_timed_and_has_a_throughput() {
        let mut names = Names::default();
        for_each(&mut names);
        for kernel in Kernels::NAMES {
            let timed = names.0.iter().any(|case| times(case, kernel));
            assert!(timed, "{kernel} has no case");
        }
        for case in &names.0 {
            assert!(Kernels::NAMES.iter().any(|kernel| times(case, kernel)), "{case}: no kernel");
            assert!(bytes_of(case).is_some(), "{case}: no throughput");
        }
    }
}
