//! Sound: equal packets give equal samples, losses, damage and what comes after it.

use super::{CheckFn, Subject, decode_all, ensure, receive};
use crate::{AudioDecoderConfig, AudioPacket, Recovery};
use codec_core::conformance::Verdict;
use codec_core::error::Error;

pub(super) static CHECKS: &[(&str, CheckFn)] = &[
    ("decoder: equal packets give equal sound, after `reset` too", determinism),
    ("decoder: reports tell how much comes out", reports),
    ("decoder: packets above the limit are refused", limits),
    ("decoder: what is lost is made up, or refused", concealment),
    ("decoder: no damage makes it panic, and `reset` mends it", noise),
];

/// Sample frames of the sound that is coded.
const FRAMES: usize = 24_000;

fn determinism(subject: &Subject<'_>) -> Result<Verdict, String> {
    let (packets, private) = subject.packets(FRAMES)?;
    let mut decoder = subject.open_decoder(private.clone())?;
    let first = decode_all(&mut *decoder, &packets)?;
    let mut other = subject.open_decoder(private)?;
    ensure(decode_all(&mut *other, &packets)? == first, || {
        "a second decoder gives other sound".to_owned()
    })?;
    decoder.reset();
    ensure(decode_all(&mut *decoder, &packets)? == first, || {
        "after `reset` the sound is another".to_owned()
    })?;
    Ok(Verdict::Passed)
}

fn reports(subject: &Subject<'_>) -> Result<Verdict, String> {
    let (packets, private) = subject.packets(FRAMES)?;
    let mut decoder = subject.open_decoder(private)?;
    let (mut told, mut samples) = (0, Vec::new());
    for AudioPacket { data, pts, .. } in &packets {
        let report = decoder.decode(data, *pts).map_err(|error| error.to_string())?;
        told += report.frames;
        ensure(report.recovered == 0, || "whole packets are told as made up".to_owned())?;
        receive(&mut *decoder, &mut samples)?;
    }
    decoder.finish();
    receive(&mut *decoder, &mut samples)?;
    let found = (samples.len() / decoder.format().channels().max(1)) as u64;
    ensure(told == found, || format!("{told} samples are told, {found} come out"))?;
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
        format!("above `max_frame_bytes` the outcome is {outcome:?}")
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
            format!("concealment, which is declared missing, gives {outcome:?}")
        })?;
        decode_all(&mut *decoder, &packets[4..])?;
        ensure(!can.lacks.is_empty(), || "it is declared missing without a reason".to_owned())?;
        return Ok(Verdict::Gap(can.lacks.to_owned()));
    }
    let report = outcome.map_err(|error| error.to_string())?;
    let mut samples = Vec::new();
    receive(&mut *decoder, &mut samples)?;
    ensure(samples.len() == frames && report.recovered == report.frames, || {
        format!("{frames} samples were lost, {} come out, told as {report:?}", samples.len())
    })?;
    let from_next = Recovery::FromNext(&next.data);
    decoder.recover(frames, from_next, lost.pts).map_err(|error| error.to_string())?;
    receive(&mut *decoder, &mut samples)?;
    ensure(samples.len() == 2 * frames, || "no copy of a frame comes out".to_owned())?;
    decode_all(&mut *decoder, &packets[4..])?;
    Ok(Verdict::Passed)
}

/// Bits turned over, bytes lost, chance bytes.
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
            // Whatever it says; a changed byte may also be a valid one.
            let _ = decoder.decode(&data, packet.pts);
            samples.clear();
            receive(&mut *decoder, &mut samples)?;
        }
    }
    decoder.reset();
    ensure(decode_all(&mut *decoder, &packets)? == clean, || {
        "after damage and `reset` the sound is another".to_owned()
    })?;
    Ok(Verdict::Passed)
}
