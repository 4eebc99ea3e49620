//! Encoder checks for audio: packet order, timestamps, metadata, errors and flush.

use super::{CheckFn, Run, START, Subject, decode_all, ensure, refuses};
use crate::{AudioFormat, AudioView, ChannelLayout, FrameDuration, Samples};
use codec_core::conformance::Verdict;

pub(super) static CHECKS: &[(&str, CheckFn)] = &[
    ("encoder: packets have consecutive timestamps and report padding", order),
    ("encoder: every sample is decoded", round_trip),
    ("encoder: levels match the input", levels),
    ("encoder: equal audio gives equal bytes for any chunk size", determinism),
    ("encoder: `finish` resets the encoder", flush),
    ("encoder: rejected audio changes nothing", recovery),
    ("encoder: rates, channels and durations match the capabilities", formats),
];

/// Sample frames of one second plus a remainder that fills no packet.
fn a_second(format: AudioFormat) -> usize {
    format.rate as usize + 37
}

fn order(subject: &Subject<'_>) -> Result<Verdict, String> {
    let config = subject.config();
    let mut run = Run::new(subject.open(&config)?, config.format);
    let frames = a_second(config.format);
    run.push(frames)?;
    run.finish()?;
    let lookahead = run.encoder.lookahead();
    let first = run.packets.first().ok_or("no packet produced")?.pts;
    let expected = START - i64::from(lookahead);
    ensure(first == expected, || {
        format!("the first packet has timestamp {first}, expected {expected}")
    })?;
    let mut next = first;
    for (index, packet) in run.packets.iter().enumerate() {
        ensure(packet.pts == next, || {
            format!("packet {index} has timestamp {}, expected {next}", packet.pts)
        })?;
        ensure(packet.meta.packet_id == index as u64, || {
            format!("packet {index} has number {}", packet.meta.packet_id)
        })?;
        next = next.saturating_add_unsigned(packet.duration);
    }
    let total: u64 = run.packets.iter().map(|packet| packet.duration).sum();
    let made_up: u64 = run.packets.iter().map(|packet| packet.trim_end).sum();
    let due = frames as u64 + u64::from(lookahead);
    ensure(total - made_up == due, || {
        format!("{total} samples minus {made_up} of padding do not equal the {due} encoded")
    })?;
    Ok(Verdict::Passed)
}

fn round_trip(subject: &Subject<'_>) -> Result<Verdict, String> {
    let config = subject.config();
    let frames = a_second(config.format);
    let mut run = Run::new(subject.open(&config)?, config.format);
    run.push(frames)?;
    run.finish()?;
    let mut decoder = subject.open_decoder(run.encoder.codec_private())?;
    let mut decoded = decode_all(&mut *decoder, &run.packets)?;
    let total: u64 = run.packets.iter().map(|packet| packet.duration).sum();
    ensure(decoded.len() as u64 == total, || {
        format!("the packets report {total} samples, {} received", decoded.len())
    })?;
    decoded.drain(..run.encoder.lookahead() as usize);
    decoded.truncate(frames);
    let source = super::test_signal(config.format, 0, frames);
    if subject.encoder()?.1.lossless {
        ensure(decoded == source, || "declared lossless, but is not".to_owned())?;
        return Ok(Verdict::Passed);
    }
    let power = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>();
    let signal = power(&mut source.iter().map(|&v| f64::from(v)));
    let noise = power(&mut source.iter().zip(&decoded).map(|(&a, &b)| f64::from(a) - f64::from(b)));
    let snr = 10.0 * (signal / noise.max(1.0)).log10();
    ensure(snr > 3.0, || format!("decoded audio differs from the input: SNR {snr:.1} dB"))?;
    Ok(Verdict::Passed)
}

fn levels(subject: &Subject<'_>) -> Result<Verdict, String> {
    let config = subject.config();
    let level = |value: i16| -> Result<u8, String> {
        let mut run = Run::new(subject.open(&config)?, config.format);
        let samples: Vec<i16> = (0..config.format.rate)
            .map(|at| if at / 20 % 2 == 0 { value } else { -value })
            .collect();
        let view = AudioView::new(config.format, Samples::S16(&samples));
        let view = view.map_err(|error| error.to_string())?;
        run.encoder.encode(&view, 0).map_err(|error| error.to_string())?;
        run.finish()?;
        let middle = run.packets.get(run.packets.len() / 2).ok_or("no packet produced")?;
        Ok(middle.meta.level_dbov)
    };
    let found = [level(32_000)?, level(3_200)?, level(0)?];
    // RFC 6464: a full-scale square wave is 0 dBov; silence is 127.
    let ok = found[0] <= 1 && (19..=21).contains(&found[1]) && found[2] == 127;
    ensure(ok, || format!("levels of 0, -20 dBov and silence are reported as {found:?}"))?;
    Ok(Verdict::Passed)
}

fn determinism(subject: &Subject<'_>) -> Result<Verdict, String> {
    let config = subject.config();
    let frames = a_second(config.format);
    let coded = |piece: usize| -> Result<Vec<_>, String> {
        let mut run = Run::new(subject.open(&config)?, config.format);
        while run.pushed < frames {
            run.push(piece.min(frames - run.pushed))?;
        }
        run.finish()?;
        Ok(run.packets)
    };
    let whole = coded(frames)?;
    ensure(coded(frames)? == whole, || "a second run gives different packets".to_owned())?;
    ensure(coded(1009)? == whole, || "another chunk size gives different packets".to_owned())?;
    Ok(Verdict::Passed)
}

fn flush(subject: &Subject<'_>) -> Result<Verdict, String> {
    let config = subject.config();
    let mut run = Run::new(subject.open(&config)?, config.format);
    run.finish()?;
    ensure(run.packets.is_empty(), || "packets produced without input".to_owned())?;
    let mut decoder = None;
    for round in 0..3 {
        let before = run.packets.len();
        run.push(2000)?;
        run.finish()?;
        let new = run.packets.get(before..).unwrap_or_default();
        let total: u64 = new.iter().map(|packet| packet.duration - packet.trim_end).sum();
        ensure(total >= 2000, || format!("round {round}: {total} of 2000 samples received"))?;
        let decoder = match &mut decoder {
            Some(decoder) => decoder,
            None => decoder.insert(subject.open_decoder(run.encoder.codec_private())?),
        };
        decode_all(&mut **decoder, new)?;
    }
    Ok(Verdict::Passed)
}

fn recovery(subject: &Subject<'_>) -> Result<Verdict, String> {
    let config = subject.config();
    let mut clean = Run::new(subject.open(&config)?, config.format);
    clean.push(5000)?;
    clean.finish()?;
    let mut run = Run::new(subject.open(&config)?, config.format);
    run.push(2000)?;
    let other = AudioFormat::new(config.format.rate * 2, ChannelLayout::Stereo);
    let samples = [0; 200];
    let view = AudioView::new(other, Samples::S16(&samples)).map_err(|error| error.to_string())?;
    refuses("audio in another format", run.encoder.encode(&view, START + 2000))?;
    run.push(3000)?;
    run.finish()?;
    ensure(run.packets == clean.packets, || {
        "the packets differ from those of a run without rejected input".to_owned()
    })?;
    Ok(Verdict::Passed)
}

fn formats(subject: &Subject<'_>) -> Result<Verdict, String> {
    let (open, can) = subject.encoder()?;
    let works = |config: &crate::AudioEncoderConfig| -> Result<(), String> {
        let mut run = Run::new(subject.open(config)?, config.format);
        run.push(config.format.rate as usize / 8)?;
        run.finish()?;
        ensure(!run.packets.is_empty(), || "no packet produced".to_owned())
    };
    for &rate in can.rates {
        let mut config = subject.config();
        config.format.rate = rate;
        works(&config).map_err(|why| format!("{rate} Hz: {why}"))?;
    }
    for count in (1..=usize::from(can.max_channels).min(8)).filter_map(ChannelLayout::of) {
        let mut config = subject.config();
        config.format.layout = count;
        works(&config).map_err(|why| format!("{} channels: {why}", config.format.channels()))?;
    }
    for &us in can.frame_us {
        let mut config = subject.config();
        config.frame = FrameDuration(us);
        works(&config).map_err(|why| format!("packets of {us} us: {why}"))?;
    }
    let mut none = subject.config();
    none.format.rate = 0;
    refuses("a rate of 0", open(&none))?;
    if !can.rates.is_empty() {
        none.format.rate = 8_001;
        refuses("a rate of 8001 Hz, which the capabilities do not list,", open(&none))?;
    }
    let mut odd = subject.config();
    odd.frame = FrameDuration(0);
    refuses("a packet duration of 0", open(&odd))?;
    if !can.frame_us.is_empty() {
        odd.frame = FrameDuration(3_000);
        refuses("a packet duration of 3 ms, which the capabilities do not list,", open(&odd))?;
    }
    Ok(Verdict::Passed)
}
