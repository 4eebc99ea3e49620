//! Tests of both formats: every single loss, bursts, residual loss at a given overhead, forged
//! packets.

use super::mask::{Pattern, masks};
use super::{FecLimits, flexfec, ulpfec};
use crate::fec;
use crate::link::{Loss, LossProcess};
use crate::rng::Rng;
use crate::rtp::{self, Extension, Header, Packet};

const SSRC: u32 = 0x1234_5678;

/// Creates a packet of random length, with marker, padding, CSRCs and extension in some.
fn packet(sequence: u16, rng: &mut Rng) -> Vec<u8> {
    let header = Header {
        marker: rng.below(3) == 0,
        payload_type: 96,
        sequence,
        timestamp: 90_000_u32.wrapping_mul(sequence.into()),
        ssrc: SSRC,
    };
    let payload: Vec<u8> = (0..1 + rng.below(1180)).map(|_| rng.byte()).collect();
    let csrcs = [1, 2, 3, 4, 5, 6, 7, 8];
    let extension = Extension { profile: 0xbede, data: &[0x10, 0xaa, 0, 0] };
    let packet = Packet {
        header,
        csrcs: if rng.below(4) == 0 { &csrcs } else { &[] },
        extension: (rng.below(2) == 0).then_some(extension),
        payload: &payload,
    };
    let padding = if rng.below(4) == 0 { 7 } else { 0 };
    let mut bytes = Vec::new();
    rtp::write_packet(&packet, padding, &mut bytes).unwrap();
    bytes
}

fn group(first: u16, packets: u16) -> Vec<Vec<u8>> {
    let mut rng = Rng::new(u64::from(first) << 16 | u64::from(packets));
    (0..packets).map(|at| packet(first.wrapping_add(at), &mut rng)).collect()
}

/// Either decoder.
enum Decoder {
    Ulp(ulpfec::Decoder),
    Flex(flexfec::Decoder),
}

#[derive(Clone, Copy, Debug)]
enum Format {
    Ulp,
    Flex,
}

impl Format {
    fn protect(self, media: &[Vec<u8>], repairs: usize, pattern: Pattern) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        match self {
            Self::Ulp => {
                let mut encoder = fec::Encoder::ulpfec();
                media.iter().for_each(|packet| encoder.push(packet).unwrap());
                encoder.protect(media.len(), repairs, pattern, &mut out);
            }
            Self::Flex => {
                let mut encoder = fec::Encoder::flexfec();
                media.iter().for_each(|packet| encoder.push(packet).unwrap());
                encoder.protect(media.len(), repairs, pattern, &mut out);
            }
        }
        out
    }

    fn decoder(self) -> Decoder {
        let limits = FecLimits::default();
        match self {
            Self::Ulp => Decoder::Ulp(ulpfec::Decoder::new(SSRC, limits)),
            Self::Flex => Decoder::Flex(flexfec::Decoder::new(SSRC, limits)),
        }
    }
}

impl Decoder {
    fn media(&mut self, packet: &[u8], out: &mut Vec<Vec<u8>>) {
        match self {
            Self::Ulp(it) => it.push_media(packet, out).unwrap(),
            Self::Flex(it) => it.push_media(packet, out).unwrap(),
        }
    }

    fn repair(&mut self, payload: &[u8], out: &mut Vec<Vec<u8>>) -> bool {
        match self {
            Self::Ulp(it) => it.push_repair(payload, out).is_ok(),
            Self::Flex(it) => {
                let csrcs = SSRC.to_be_bytes();
                let header = Header { payload_type: 100, ssrc: 9, ..Header::default() };
                let packet = Packet { header, csrcs: &csrcs, extension: None, payload };
                it.push_repair(&packet, out).is_ok()
            }
        }
    }
}

/// Packets recovered by a receiver that misses those with `true`, with repair packets first or
/// last.
fn recovered(
    format: Format,
    media: &[Vec<u8>],
    repairs: &[Vec<u8>],
    lost: impl Fn(usize) -> bool,
    repairs_first: bool,
) -> Vec<Vec<u8>> {
    let mut decoder = format.decoder();
    let mut out = Vec::new();
    if repairs_first {
        repairs.iter().for_each(|payload| assert!(decoder.repair(payload, &mut out)));
    }
    for (at, packet) in media.iter().enumerate() {
        if !lost(at) {
            decoder.media(packet, &mut out);
        }
    }
    if !repairs_first {
        repairs.iter().for_each(|payload| assert!(decoder.repair(payload, &mut out)));
    }
    out
}

#[test]
fn every_single_loss_is_recovered_bit_exactly() {
    for format in [Format::Ulp, Format::Flex] {
        for (first, packets) in [(65_530, 12), (7, 1), (100, 3), (40_000, 48)] {
            let media = group(first, packets);
            for repairs in [1, 2, 3] {
                for pattern in [Pattern::Interleaved, Pattern::Overlapping] {
                    let repair = format.protect(&media, repairs, pattern);
                    for lost in 0..media.len() {
                        for repairs_first in [false, true] {
                            let found =
                                recovered(format, &media, &repair, |at| at == lost, repairs_first);
                            // Some may be recovered before they arrive.
                            assert!(found.contains(&media[lost]), "{format:?} {packets} {lost}");
                            assert!(found.iter().all(|packet| media.contains(packet)));
                            assert!(repairs_first || found.len() == 1);
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn interleaving_recovers_bursts_up_to_the_number_of_repair_packets() {
    for format in [Format::Ulp, Format::Flex] {
        let media = group(1000, 20);
        for repairs in 1..=6 {
            let repair = format.protect(&media, repairs, Pattern::Interleaved);
            for from in 0..=media.len() - repairs {
                let lost = |at: usize| (from..from + repairs).contains(&at);
                let mut found = recovered(format, &media, &repair, lost, true);
                found.sort_by_key(|packet| rtp::sequence_of(packet));
                assert_eq!(found, media[from..from + repairs]);
            }
        }
    }
}

#[test]
fn masks_span_110_sequence_numbers_including_repair_packets() {
    let media = group(65_000, 110);
    let repair = Format::Flex.protect(&media, 4, Pattern::Interleaved);
    let found = recovered(Format::Flex, &media, &repair, |at| (50..54).contains(&at), false);
    assert_eq!(found.len(), 4);
    // ULPFEC masks cover 48 sequence numbers, some used by the repair packets themselves.
    let mut rng = Rng::new(1);
    let media: Vec<_> = (0..48).map(|at| packet(at * 2, &mut rng)).collect();
    let repair = Format::Ulp.protect(&media, 1, Pattern::Interleaved);
    assert!(recovered(Format::Ulp, &media, &repair, |at| at == 0, false).is_empty());
    assert_eq!(recovered(Format::Ulp, &media, &repair, |at| at == 30, false).len(), 1);
}

#[test]
fn recovered_packets_are_used_for_further_recovery() {
    let media = group(50, 6);
    // A mask over all packets and one over the first three recover two losses one after the other.
    let mut repair = Format::Ulp.protect(&media, 1, Pattern::Interleaved);
    repair.extend(Format::Ulp.protect(&media[..3], 1, Pattern::Interleaved));
    let found = recovered(Format::Ulp, &media, &repair, |at| at == 1 || at == 4, false);
    assert_eq!(found, [media[1].clone(), media[4].clone()]);
}

/// Share of packets missing after recovery, with groups of `packets` followed by `repairs`; repair
/// packets are also lost.
fn residual(loss: Loss, packets: u16, repairs: usize, pattern: Pattern) -> f64 {
    let mut process = LossProcess::new(loss, Rng::new(42)).unwrap();
    let masks = masks(packets.into(), repairs, pattern);
    let (mut missing, mut all) = (0, 0);
    for _ in 0..20_000 {
        let mut lost =
            (0..packets).fold(0_u128, |lost, at| lost | u128::from(process.next_is_lost()) << at);
        let came: Vec<u128> = masks.iter().copied().filter(|_| !process.next_is_lost()).collect();
        // The algorithm of the decoder, on masks only.
        while let Some(mask) = came.iter().find(|&&mask| (mask & lost).count_ones() == 1) {
            lost &= !mask;
        }
        missing += lost.count_ones();
        all += u32::from(packets);
    }
    f64::from(missing) / f64::from(all)
}

#[test]
fn residual_loss_at_a_given_overhead() {
    // Percentage of packets missing after recovery, by loss, packets and repair packets per group;
    // interleaved, then overlapping.
    let bursts = |mean| Loss::Bursts { mean, burst: 4.0 };
    let table = [
        (Loss::Random(0.05), 5, 1, [1.05, 1.05]),
        (Loss::Random(0.05), 12, 3, [0.95, 0.54]),
        (Loss::Random(0.10), 6, 2, [2.73, 2.12]),
        (Loss::Random(0.10), 12, 4, [2.72, 1.51]),
        (bursts(0.05), 12, 3, [3.24, 3.67]),
        (bursts(0.10), 12, 4, [5.53, 6.65]),
        (bursts(0.10), 48, 16, [2.77, 2.92]),
    ];
    for (loss, packets, repairs, expected) in table {
        for (pattern, expected) in [Pattern::Interleaved, Pattern::Overlapping].iter().zip(expected)
        {
            let found = 100.0 * residual(loss, packets, repairs, *pattern);
            let near = (found - expected).abs() < 0.01;
            assert!(near, "{loss:?} {packets}+{repairs} {pattern:?}: {found:.2} %");
        }
    }
}

#[test]
fn forged_repair_packets_stay_within_bounds() {
    let mut rng = Rng::new(3);
    let media = group(65_520, 40);
    for format in [Format::Ulp, Format::Flex] {
        let mut decoder = format.decoder();
        let repair = format.protect(&media, 3, Pattern::Interleaved);
        let mut out = Vec::new();
        for round in 0..3000 {
            let mut forged = rng.pick(&repair).clone();
            for _ in 0..1 + rng.below(8) {
                let at = rng.index(forged.len().min(30));
                forged[at] = rng.byte();
            }
            forged.truncate(rng.index(forged.len() + 1));
            decoder.repair(&forged, &mut out);
            if round % 3 == 0 {
                decoder.media(&media[rng.index(media.len())], &mut out);
            }
        }
        for packet in &out {
            assert!(packet.len() <= 2048 && rtp::parse(packet).is_ok());
        }
        assert!(out.len() < 4000);
    }
}

#[test]
fn flexfec_accepts_retransmissions_and_rejects_other_ssrcs() {
    let media = group(10, 3);
    let mut decoder = flexfec::Decoder::new(SSRC, FecLimits::default());
    let mut out = Vec::new();
    let header = Header { payload_type: 100, ssrc: 9, ..Header::default() };
    let whole = Packet { header, csrcs: &[], extension: None, payload: &media[1] };
    decoder.push_repair(&whole, &mut out).unwrap();
    assert_eq!(out, media[1..2]);
    let repair = Format::Flex.protect(&media, 1, Pattern::Interleaved);
    for csrcs in [&[][..], &[0, 0, 0, 1], &[0x12, 0x34, 0x56, 0x78, 0, 0, 0, 1]] {
        let packet = Packet { header, csrcs, extension: None, payload: &repair[0] };
        assert!(decoder.push_repair(&packet, &mut out).is_err());
    }
}
