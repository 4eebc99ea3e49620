//! Every kernel at every SIMD level of this CPU, on data in the L1 cache. `codec bench kernels` has
//! the same cases; it takes a few seconds, and compares the times with those of scalar code and with a
//! computed minimum time. Throughput is in bytes that a call must read and write, each counted once.
//!
//! `CODEC_SIMD=avx2` selects one level; `cargo bench -p codec-benches --bench kernels -- sad`
//! selects kernels by name.
#![expect(clippy::panic, reason = "a broken benchmark should stop")]

use std::hint::black_box;
use std::time::Duration;

use codec_lab::kernels::{Visitor, bytes_of, for_each};
use codec_simd::{Kernels, Level};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn levels() -> Vec<&'static Kernels> {
    let name = std::env::var("CODEC_SIMD").ok();
    let only = name.as_deref().map(|name| {
        Level::choose(Some(name)).unwrap_or_else(|error| panic!("CODEC_SIMD: {error}"))
    });
    let wanted = |level: &Level| only.is_none_or(|only| only == *level);
    Level::ALL.into_iter().filter(wanted).filter_map(Kernels::for_level).collect()
}

/// Runs each kernel at each level.
struct Runner<'a> {
    criterion: &'a mut Criterion,
    levels: Vec<&'static Kernels>,
}

impl Visitor for Runner<'_> {
    fn case(&mut self, name: &str, mut call: impl FnMut(&Kernels)) {
        let mut group = self.criterion.benchmark_group(name);
        if let Some(bytes) = bytes_of(name) {
            group.throughput(Throughput::Bytes(whole(bytes)));
        }
        for kernels in &self.levels {
            group.bench_function(kernels.level().name(), |b| b.iter(|| call(black_box(kernels))));
        }
        group.finish();
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few thousand")]
fn whole(bytes: f64) -> u64 {
    bytes as u64
}

fn kernels(criterion: &mut Criterion) {
    for_each(&mut Runner { criterion, levels: levels() });
}

fn short() -> Criterion {
    Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(30))
        .measurement_time(Duration::from_millis(120))
        .without_plots()
}

criterion_group! {
    name = all;
    config = short();
    targets = kernels
}
criterion_main!(all);
