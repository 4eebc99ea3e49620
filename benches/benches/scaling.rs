//! Scaling as in `--resize`: `cargo bench -p codec-benches --bench scaling`. Throughput is in
//! pixels of the source.
#![expect(clippy::unwrap_used, reason = "a broken benchmark should stop")]

use codec_benches::{noise, short};
use codec_core::frame::Size;
use codec_media::scaling::PlaneScaler;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn planes(criterion: &mut Criterion) {
    let cases = [
        ("half", Size::new(1280, 720), Size::new(640, 360)),
        ("third", Size::new(1920, 1080), Size::new(640, 360)),
        ("double", Size::new(640, 360), Size::new(1280, 720)),
    ];
    let mut group = criterion.benchmark_group("scaling");
    for (name, from, to) in cases {
        let source = noise(usize::try_from(from.pixels()).unwrap(), 5);
        let mut target = vec![0; usize::try_from(to.pixels()).unwrap()];
        let mut scaler = PlaneScaler::default();
        group.throughput(Throughput::Elements(from.pixels()));
        group.bench_function(name, |b| {
            b.iter(|| scaler.scale((&source, from), (&mut target, to)).unwrap());
        });
    }
    group.finish();
}

criterion_group! {
    name = all;
    config = short();
    targets = planes
}
criterion_main!(all);
