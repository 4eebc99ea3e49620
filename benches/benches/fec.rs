//! FlexFEC and ULPFEC: generating the repair packets of a group of media packets, and recovering lost
//! packets: `cargo bench -p codec-benches --bench fec`. Throughput is in bytes of the protected media.
#![expect(clippy::unwrap_used, reason = "a broken benchmark should stop")]

use codec_benches::{noise, short};
use codec_rtc::fec::mask::Pattern;
use codec_rtc::fec::{Encoder, FecLimits, flexfec, ulpfec};
use codec_rtc::rtp::{self, Extension, Header, Packet};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

const SSRC: u32 = 7;
const GROUP: usize = 20;
const REPAIRS: usize = 4;

fn packet(sequence: u16) -> Vec<u8> {
    let header = Header { payload_type: 96, sequence, timestamp: 3000, ssrc: SSRC, marker: false };
    let payload = noise(1100, u32::from(sequence) + 1);
    let mut out = Vec::new();
    let packet = Packet { header, csrcs: &[], extension: None::<Extension<'_>>, payload: &payload };
    rtp::write_packet(&packet, 0, &mut out).unwrap();
    out
}

fn media() -> Vec<Vec<u8>> {
    (0..u16::try_from(GROUP).unwrap()).map(packet).collect()
}

fn throughput(media: &[Vec<u8>]) -> Throughput {
    Throughput::Bytes(media.iter().map(|packet| packet.len() as u64).sum())
}

/// A burst of four packets is lost: one from each interleaved group.
fn survivors(media: &[Vec<u8>]) -> impl Iterator<Item = &Vec<u8>> {
    let arrives = |at: usize| !(8..8 + REPAIRS).contains(&at);
    media.iter().enumerate().filter(move |(at, _)| arrives(*at)).map(|(_, packet)| packet)
}

fn flex(criterion: &mut Criterion) {
    let media = media();
    let protect = || {
        let mut encoder = Encoder::flexfec();
        let mut repairs = Vec::new();
        media.iter().for_each(|packet| encoder.push(packet).unwrap());
        encoder.protect(GROUP, REPAIRS, Pattern::Interleaved, &mut repairs);
        repairs
    };
    let repairs = protect();
    let sources = SSRC.to_be_bytes();
    let mut group = criterion.benchmark_group("flexfec");
    group.throughput(throughput(&media));
    group.bench_function("protect-20-by-4", |b| b.iter(protect));
    group.bench_function("recover-4-of-20", |b| {
        b.iter_batched_ref(
            || flexfec::Decoder::new(SSRC, FecLimits::default()),
            |decoder| {
                let mut made = Vec::new();
                for packet in survivors(&media) {
                    decoder.push_media(packet, &mut made).unwrap();
                }
                for payload in &repairs {
                    let packet = Packet {
                        header: Header { payload_type: 97, ssrc: SSRC + 1, ..Header::default() },
                        csrcs: &sources,
                        extension: None,
                        payload,
                    };
                    decoder.push_repair(&packet, &mut made).unwrap();
                }
                assert_eq!(made.len(), REPAIRS);
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

fn ulp(criterion: &mut Criterion) {
    let media = media();
    let protect = || {
        let mut encoder = Encoder::ulpfec();
        let mut repairs = Vec::new();
        media.iter().for_each(|packet| encoder.push(packet).unwrap());
        encoder.protect(GROUP, REPAIRS, Pattern::Interleaved, &mut repairs);
        repairs
    };
    let repairs = protect();
    let mut group = criterion.benchmark_group("ulpfec");
    group.throughput(throughput(&media));
    group.bench_function("protect-20-by-4", |b| b.iter(protect));
    group.bench_function("recover-4-of-20", |b| {
        b.iter_batched_ref(
            || ulpfec::Decoder::new(SSRC, FecLimits::default()),
            |decoder| {
                let mut made = Vec::new();
                for packet in survivors(&media) {
                    decoder.push_media(packet, &mut made).unwrap();
                }
                for payload in &repairs {
                    decoder.push_repair(payload, &mut made).unwrap();
                }
                assert_eq!(made.len(), REPAIRS);
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

criterion_group! {
    name = all;
    config = short();
    targets = flex, ulp
}
criterion_main!(all);
