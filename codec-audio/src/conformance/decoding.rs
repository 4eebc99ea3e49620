//! Checks of audio decoders: determinism, the number of samples that `decode` reports, limits, concealment and
//! damaged packets.

use super::{CheckFn, Subject, decode_all, ensure, receive};
use crate::{AudioDecoderConfig, AudioPacket, Recovery};
use codec_core::conformance::Verdict;
use codec_core::error::Error;

pub(super) static CHECKS: &[(&str, CheckFn)] = &[
    ("decoder: equal packets give equal audio, also after `reset`", determinism),
    ("decoder: reports state the number of samples", reports),
    ("decoder: packets above the limit are rejected", limits),
    ("decoder: losses are concealed, or concealment is rejected", concealment),
    ("decoder: damage causes no panic, and `reset` recovers", noise),
];

/// Number of sample frames that are coded.
const FRAMES: usize = 24_000;

fn determinism(subject: &Subject<'_>) -> Result<Verdict, String> {
    let (packets, private) = subject.packets(FRAMES)?;
    let mut decoder = subject.open_decoder(private.clone())?;
    let first = decode_all(&mut *decoder, &packets)?;
    let mut other = subject.open_decoder(private)?;
    ensure(decode_all(&mut *other, &packets)? == first, || {
        "a second decoder gives different audio".to_owned()
    })?;
    decoder.reset();
    ensure(decode_all(&mut *decoder, &packets)? == first, || {
        "the audio differs after `reset`".to_owned()
    })?;
    Ok(Verdict::Passed)
}

fn reports(subject: &Subject<'_>) -> Result<Verdict, String> {
    let (packets, private) = subject.packets(FRAMES)?;
    let mut decoder = subject.open_decoder(private)?;
    let (mut reported, mut samples) = (0, Vec::new());
    for AudioPacket { data, pts, .. } in &packets {
        let report = decoder.decode(data, *pts).map_err(|error| error.to_string())?;
        reported += report.frames;
        ensure(report.recovered == 0, || "intact packets are reported as concealed".to_owned())?;
        receive(&mut *decoder, &mut samples)?;
    }
    decoder.finish();
    receive(&mut *decoder, &mut samples)?;
    let found = (samples.len() / decoder.format().channels().max(1)) as u64;
    ensure(reported == found, || format!("{reported} samples reported, {found} received"))?;
    Ok(Verdict::Passed)
}

fn limits(subject: &Subject<'_>) -> Result<Verdict, String> {
    let (packets, private) = subject.packets(FRAMES)?;
    let packet = packets.first().ok_or("no packet")?;
    let mut config = AudioDecoderConfig::new(subject.codec, subject.config().format);
    config.codec_private = private;
    config.limits.max_frame_bytes = packet.data.len() as u64 - 1;
    let mut decoder = (subject.decoder()?.0)(&config).map_err(|error| error.to_string())?;
    let outcome = decoder.decode(&packet.data, 0);
    ensure(matches!(outcome, Err(Error::Limit(_))), || {
        format!("decoding a packet above the limit `max_frame_bytes` returned {outcome:?}")
    })?;
    Ok(Verdict::Passed)
}

fn concealment(subject: &Subject<'_>) -> Result<Verdict, String> {
    let (_, can) = subject.decoder()?;
    let (packets, private) = subject.packets(FRAMES)?;
    let mut decoder = subject.open_decoder(private)?;
    let [_, _, _, lost, next, ..] = &packets[..] else {
        return Err("too few packets".to_owned());
    };
    decode_all(&mut *decoder, &packets[..3])?;
    let frames = usize::try_from(lost.duration).unwrap_or(0);
    let outcome = decoder.recover(frames, Recovery::Conceal, lost.pts);
    if !can.concealment {
        ensure(matches!(outcome, Err(Error::Unsupported(_))), || {
            format!("concealment is declared missing, but `recover` returned {outcome:?}")
        })?;
        decode_all(&mut *decoder, &packets[4..])?;
        ensure(!can.gap_reason.is_empty(), || "declared missing without a reason".to_owned())?;
        return Ok(Verdict::Gap(can.gap_reason.to_owned()));
    }
    let report = outcome.map_err(|error| error.to_string())?;
    let mut samples = Vec::new();
    receive(&mut *decoder, &mut samples)?;
    ensure(samples.len() == frames && report.recovered == report.frames, || {
        format!("{frames} samples lost, {} received, reported as {report:?}", samples.len())
    })?;
    let from_next = Recovery::FromNext(&next.data);
    decoder.recover(frames, from_next, lost.pts).map_err(|error| error.to_string())?;
    receive(&mut *decoder, &mut samples)?;
    ensure(samples.len() == 2 * frames, || "no frame was recovered by FEC".to_owned())?;
    decode_all(&mut *decoder, &packets[4..])?;
    Ok(Verdict::Passed)
}

/// Feeds packets with flipped bits, missing bytes and random bytes.
fn noise(subject: &Subject<'_>) -> Result<Verdict, String> {
    let (packets, private) = subject.packets(FRAMES)?;
    let mut decoder = subject.open_decoder(private)?;
    let clean = decode_all(&mut *decoder, &packets)?;
    let mut seed = 0x1234_5677_u32;
    let mut random = move |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 17;
        seed ^= seed << 5;
        seed as usize % below.max(1)
    };
    let mut samples = Vec::new();
    for _ in 0..40 {
        for packet in &packets {
            let mut data = packet.data.clone();
            match random(4) {
                0 => data.truncate(random(data.len() + 1)),
                1 => data.clear(),
                2 => {
                    for _ in 0..=random(6) {
                        let at = random(data.len());
                        if let Some(byte) = data.get_mut(at) {
                            *byte ^= 1 << random(8);
                        }
                    }
                }
                _ => data.iter_mut().for_each(|byte| *byte = random(256).to_le_bytes()[0]),
            }
            // Any result is allowed; a changed byte may also be valid.
            let _ = decoder.decode(&data, packet.pts);
            samples.clear();
            receive(&mut *decoder, &mut samples)?;
        }
    }
    decoder.reset();
    ensure(decode_all(&mut *decoder, &packets)? == clean, || {
        "the audio differs after damage and `reset`".to_owned()
    })?;
    Ok(Verdict::Passed)
}
