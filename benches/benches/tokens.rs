//! The arithmetic coder and VP8's tokens: `cargo bench -p codec-benches --bench tokens`. Throughput is
//! in coefficients, and in binary decisions.
#![expect(clippy::unwrap_used, reason = "a broken benchmark had better stop")]

use std::hint::black_box;

use codec_benches::{noise, short};
use codec_core::entropy::{BoolDecoder, BoolEncoder, BoolSink};
use codec_vp8::residual::{PlaneType, TokenProbs, parse_block, token_cost_q8, write_block_tokens};
use codec_vp8::tables::DEFAULT_COEFF_PROBS;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const BLOCKS: usize = 400;

/// Levels in scan order and their end positions: few and small ones, as at usual rates.
fn blocks() -> Vec<([i16; 16], usize)> {
    let noise = noise(BLOCKS * 17, 3);
    let block = |bytes: &[u8]| {
        let eob = usize::from(bytes[16] % 9);
        let mut levels = [0; 16];
        for (level, byte) in levels.iter_mut().zip(bytes).take(eob) {
            *level = [0, 1, -1, 0, 2, -3, 1, 9][usize::from(byte % 8)];
        }
        if eob > 0 && levels[eob - 1] == 0 {
            levels[eob - 1] = 1;
        }
        (levels, eob)
    };
    noise.chunks_exact(17).map(block).collect()
}

fn tokens(criterion: &mut Criterion) {
    let blocks = blocks();
    let probs = &DEFAULT_COEFF_PROBS[PlaneType::Luma as usize];
    let write = |buffer: Vec<u8>| {
        let mut encoder = BoolEncoder::new(buffer);
        for (levels, eob) in &blocks {
            write_block_tokens(&mut encoder, levels, 0, *eob, 0, probs);
        }
        encoder.finish()
    };
    let data = write(Vec::new());
    let mut group = criterion.benchmark_group("tokens");
    group.throughput(Throughput::Elements(16 * BLOCKS as u64));
    group.bench_function("write", |b| b.iter(|| write(black_box(Vec::with_capacity(8192)))));
    group.bench_function("price", |b| {
        b.iter(|| -> u64 {
            let price = |(levels, eob): &([i16; 16], usize)| {
                token_cost_q8(black_box(levels), 0, *eob, 0, probs)
            };
            blocks.iter().map(price).sum()
        });
    });
    let spread = TokenProbs::new(&DEFAULT_COEFF_PROBS);
    group.bench_function("parse", |b| {
        b.iter(|| {
            let mut reader = BoolDecoder::new(black_box(&data));
            let mut out = [0; 16];
            let mut ends = 0;
            for _ in 0..BLOCKS {
                out.fill(0);
                let plane = spread.plane(PlaneType::Luma);
                ends += parse_block(&mut reader, plane, 0, 0, [30, 34], &mut out);
            }
            ends
        });
    });
    group.finish();
}

fn decisions(criterion: &mut Criterion) {
    let noise = noise(20_000, 9);
    // Decisions that mostly match their probability.
    let cases: Vec<(bool, u8)> =
        noise.chunks_exact(2).map(|pair| (pair[0] > pair[1], pair[1].max(1))).collect();
    let write = || {
        let mut encoder = BoolEncoder::new(Vec::with_capacity(8192));
        for &(bit, prob) in &cases {
            encoder.put_bool(bit, prob);
        }
        encoder.finish()
    };
    let data = write();
    let mut group = criterion.benchmark_group("bool-coder");
    group.throughput(Throughput::Elements(u64::try_from(cases.len()).unwrap()));
    group.bench_function("write", |b| b.iter(write));
    group.bench_function("read", |b| {
        b.iter(|| {
            let mut reader = BoolDecoder::new(black_box(&data));
            cases.iter().filter(|(_, prob)| reader.get_bool(*prob)).count()
        });
    });
    group.finish();
}

criterion_group! {
    name = all;
    config = short();
    targets = tokens, decisions
}
criterion_main!(all);
