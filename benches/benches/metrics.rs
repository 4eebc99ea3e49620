//! Each metric of a pair of frames, and of a pair of still images: `cargo bench -p codec-benches
//! --bench metrics`. Throughput is in pixels.
#![expect(clippy::unwrap_used, reason = "a broken benchmark should stop")]

use codec_benches::{short, talking_head};
use codec_core::frame::{Picture, Size};
use codec_measure::metrics::{MetricId, RgbImage, Scorer, to_rgb};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const SIZE: Size = Size { width: 640, height: 360 };

fn frames(criterion: &mut Criterion) {
    let pictures = talking_head(SIZE, 2).unwrap();
    let [a, b] = [0, 1].map(|index| Picture::i420_packed(SIZE, &pictures[index]).unwrap());
    let mut rgb = [Vec::new(), Vec::new()];
    for (picture, out) in [a, b].iter().zip(&mut rgb) {
        to_rgb(picture, picture.info.color, out);
    }
    let mut video = criterion.benchmark_group("metrics/video");
    video.throughput(Throughput::Elements(SIZE.pixels()));
    for metric in MetricId::ALL.into_iter().filter(|metric| metric.is_built()) {
        let mut scorer = Scorer::new(&[metric], SIZE, 30.0).unwrap();
        video.bench_function(metric.id(), |bencher| {
            bencher.iter(|| scorer.score(&a, &b, &[]).unwrap()[0]);
        });
    }
    video.finish();
    let [a, b] = [&rgb[0], &rgb[1]].map(|samples| RgbImage::new(SIZE, samples).unwrap());
    let mut stills = criterion.benchmark_group("metrics/stills");
    stills.throughput(Throughput::Elements(SIZE.pixels()));
    for metric in [MetricId::PsnrRgb, MetricId::PsnrY, MetricId::Ciede2000] {
        let mut scorer = Scorer::new(&[metric], SIZE, 1.0).unwrap();
        stills.bench_function(metric.id(), |bencher| {
            bencher.iter(|| scorer.score_rgb(a, b).unwrap()[0]);
        });
    }
    stills.finish();
}

criterion_group! {
    name = all;
    config = short();
    targets = frames
}
criterion_main!(all);
