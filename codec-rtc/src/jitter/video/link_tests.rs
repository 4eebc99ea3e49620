//! The frame buffer with NACK and FEC over a link with loss, delay and reordering, in virtual time.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::*;
use crate::fec::mask::Pattern;
use crate::fec::{Encoder, FecLimits, flexfec};
use crate::link::{Loss, LossProcess};
use crate::packet::vp8::{Descriptor, PictureId};
use crate::recovery::{NackConfig, NackGenerator, PacketOrigin};
use crate::rng::Rng;
use crate::rtp::{self, Header, Packet};

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Link and recovery settings.
#[derive(Clone, Copy)]
struct Call {
    delay: u64,
    jitter: u64,
    loss: Loss,
    /// Share of packets delayed by another 30 ms.
    late: f64,
    /// Repair packets per frame of seven packets.
    repairs: usize,
    delay_config: DelayConfig,
}

const CALL: Call = Call {
    delay: 25,
    jitter: 5,
    loss: Loss::None,
    late: 0.0,
    repairs: 0,
    delay_config: DelayConfig {
        bounds: PlayoutDelay { min: Duration::ZERO, max: Duration::from_secs(1) },
        quantile: 0.95,
        recovery_share: 0.5,
        max_decrease: 0.03,
    },
};

#[derive(Clone, Copy, Debug, Default)]
struct Outcome {
    decoded: u64,
    freezes: u64,
    frozen: Duration,
    /// Time from the first packet until the frame was emitted, and until it was due for rendering.
    buffered_ms: u128,
    shown_ms: u128,
    needless: u64,
    /// Milliseconds during which a key frame was requested.
    key_ms: u64,
}

const SECONDS: u64 = 30;
const PACKETS: u16 = 7;

/// Packets of a frame and its repair packets.
fn packets(
    frame: u16,
    repairs: usize,
    sent: &mut BTreeMap<u16, Vec<u8>>,
) -> Vec<(Vec<u8>, PacketOrigin)> {
    let mut leaving = Vec::new();
    let mut encoder = Encoder::flexfec();
    for index in 0..PACKETS {
        let sequence = frame * PACKETS + index;
        let header = Header {
            marker: index + 1 == PACKETS,
            payload_type: 96,
            sequence,
            timestamp: u32::from(frame) * 3000,
            ssrc: 1,
        };
        let mut bytes = Vec::new();
        rtp::write(&header, &mut bytes);
        let picture_id = Some(PictureId::Long(frame));
        let partition_start = index == 0;
        let descriptor =
            Descriptor { start_of_partition: partition_start, picture_id, ..Descriptor::default() };
        descriptor.write(&mut bytes).unwrap();
        bytes.extend([u8::from(frame > 0), 7, 7]);
        encoder.push(&bytes).unwrap();
        sent.insert(sequence, bytes.clone());
        leaving.push((bytes, PacketOrigin::Media));
    }
    let mut payloads = Vec::new();
    encoder.protect(PACKETS.into(), repairs, Pattern::Overlapping, &mut payloads);
    leaving.extend(payloads.into_iter().map(|payload| (payload, PacketOrigin::Fec)));
    leaving
}

/// Runs 30 s at 30 frames per second, seven packets per frame, each frame referencing the previous
/// one.
fn run(call: Call, seed: u64) -> Outcome {
    let mut rng = Rng::stream(seed, 1);
    let mut losses = LossProcess::new(call.loss, Rng::stream(seed, 2)).unwrap();
    let config = FrameBufferConfig { delay: call.delay_config, ..FrameBufferConfig::default() };
    let mut buffer = FrameBuffer::new(config);
    let rtt = ms(2 * call.delay + call.jitter);
    buffer.set_recovery(RecoveryOptions { rtt, ..RecoveryOptions::default() });
    let mut nacker = NackGenerator::new(NackConfig::default());
    nacker.set_rtt(rtt);
    let mut fec = flexfec::Decoder::new(1, FecLimits::default());
    let mut sent: BTreeMap<u16, Vec<u8>> = BTreeMap::new();
    // Packets in transit to the receiver, and requests in transit to the sender.
    let mut arrivals: BTreeMap<(Duration, u64), (Vec<u8>, PacketOrigin)> = BTreeMap::new();
    let mut requests: VecDeque<(Duration, Vec<u16>)> = VecDeque::new();
    let mut pictures: VecDeque<Duration> = VecDeque::new();
    let (mut serial, mut frame, mut key_requests) = (0_u64, 0_u16, 0);
    for tick in 0..SECONDS * 1000 {
        let now = ms(tick);
        let mut leaving: Vec<(Vec<u8>, PacketOrigin)> = Vec::new();
        if tick * 30 / 1000 >= u64::from(frame) {
            leaving.extend(packets(frame, call.repairs, &mut sent));
            frame += 1;
        }
        while requests.front().is_some_and(|(at, _)| *at <= now) {
            let (_, numbers) = requests.pop_front().unwrap();
            let answer = |number| (sent[&number].clone(), PacketOrigin::Retransmitted);
            leaving.extend(numbers.into_iter().map(answer));
        }
        for (bytes, came) in leaving {
            let late = if rng.unit() < call.late { 30 } else { 0 };
            let delay = ms(call.delay + rng.below(call.jitter + 1) + late);
            if !losses.next_is_lost() {
                arrivals.insert((now + delay, serial), (bytes, came));
            }
            serial += 1;
        }
        while arrivals.first_key_value().is_some_and(|((at, _), _)| *at <= now) {
            let (_, (bytes, came)) = arrivals.pop_first().unwrap();
            let mut made = Vec::new();
            if came == PacketOrigin::Fec {
                let header = Header { payload_type: 100, ssrc: 2, ..Header::default() };
                let csrcs = 1_u32.to_be_bytes();
                let packet = Packet { header, csrcs: &csrcs, extension: None, payload: &bytes };
                fec.push_repair(&packet, &mut made).unwrap();
            } else {
                let info =
                    PacketInfo { recovered: came != PacketOrigin::Media, ..PacketInfo::default() };
                nacker.push(now, rtp::sequence_of(&bytes).unwrap(), came);
                buffer.push(now, &bytes, info).unwrap();
                fec.push_media(&bytes, &mut made).unwrap();
            }
            for bytes in made {
                nacker.push(now, rtp::sequence_of(&bytes).unwrap(), PacketOrigin::Fec);
                let info = PacketInfo { recovered: true, ..PacketInfo::default() };
                buffer.push(now, &bytes, info).unwrap();
            }
        }
        while let Some(frame) = buffer.poll_frame(now) {
            buffer.decoded(now, frame.number, ms(1));
            pictures.push_back(frame.render_at.max(now));
            nacker.remove_before(buffer.next_sequence().unwrap());
        }
        let mut numbers = Vec::new();
        nacker.poll(now, &mut numbers);
        if !numbers.is_empty() {
            requests.push_back((now + ms(call.delay), numbers));
        }
        let due = pictures.iter().take_while(|at| **at <= now).count();
        if pictures.drain(..due).count() > 0 && tick > 5000 {
            buffer.rendered(now);
        }
        key_requests += u64::from(buffer.needs_key_frame(now) && frame > 3);
    }
    let stats = buffer.stats();
    let frames = u128::from(stats.jitter_buffer_emitted_count);
    Outcome {
        decoded: stats.frames_decoded,
        freezes: stats.freeze_count,
        frozen: stats.total_freezes_duration,
        buffered_ms: stats.jitter_buffer_delay.as_millis() / frames,
        shown_ms: (stats.jitter_buffer_delay + stats.render_wait).as_millis() / frames,
        needless: nacker.counters().unnecessary,
        key_ms: key_requests,
    }
}

/// Sums over several seeds; freezes are counted from 5 s on.
fn runs(call: Call) -> Outcome {
    const SEEDS: u64 = 4;
    let all: Vec<Outcome> = (0..SEEDS).map(|seed| run(call, seed)).collect();
    Outcome {
        decoded: all.iter().map(|it| it.decoded).min().unwrap(),
        freezes: all.iter().map(|it| it.freezes).sum(),
        frozen: all.iter().map(|it| it.frozen).sum(),
        buffered_ms: all.iter().map(|it| it.buffered_ms).sum::<u128>() / u128::from(SEEDS),
        shown_ms: all.iter().map(|it| it.shown_ms).sum::<u128>() / u128::from(SEEDS),
        needless: all.iter().map(|it| it.needless).sum(),
        key_ms: all.iter().map(|it| it.key_ms).sum(),
    }
}

#[test]
fn freezes_and_delay_stay_within_limits() {
    let random = |loss| Loss::Random(loss);
    let far = Call { delay: 100, jitter: 10, ..CALL };
    // Maximum freezes in 100 s, milliseconds from the first packet until decoding and until
    // rendering, and needless retransmission requests.
    for (name, call, freezes, buffered_ms, shown_ms, needless) in [
        ("no loss", CALL, 0, 5, 9, 12),
        ("2 %", Call { loss: random(0.02), ..CALL }, 0, 20, 45, 12),
        ("5 %", Call { loss: random(0.05), ..CALL }, 2, 35, 55, 12),
        ("10 %", Call { loss: random(0.10), ..CALL }, 8, 60, 75, 14),
        ("bursts", Call { loss: Loss::Bursts { mean: 0.05, burst: 4.0 }, ..CALL }, 3, 20, 50, 12),
        ("5 %, 100 ms", Call { loss: random(0.05), ..far }, 55, 190, 215, 16),
        ("reordered", Call { jitter: 0, late: 0.05, ..CALL }, 0, 10, 36, 8),
        ("5 %, FEC", Call { loss: random(0.05), repairs: 2, ..CALL }, 0, 8, 12, 12),
        ("10 %, FEC", Call { loss: random(0.10), repairs: 3, ..CALL }, 4, 12, 16, 12),
        ("5 %, 100 ms, FEC", Call { loss: random(0.05), repairs: 3, ..far }, 14, 25, 100, 16),
    ] {
        let found = runs(call);
        eprintln!("{name}: {found:?}");
        assert!(found.decoded >= SECONDS * 30 - 12, "{name}: {found:?}");
        assert!(found.freezes <= freezes, "{name}: {found:?}");
        assert!(
            found.buffered_ms <= buffered_ms && found.shown_ms <= shown_ms,
            "{name}: {found:?}"
        );
        assert!(found.needless <= needless && found.key_ms < 200, "{name}: {found:?}");
    }
}
