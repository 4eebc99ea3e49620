//! Checks of audio backends: rate control and every other feature must either be implemented
//! correctly, or be declared missing and rejected when requested.

use super::{CheckFn, Run, Subject, ensure, refuses};
use crate::{AudioCapabilities, AudioEncoderConfig, AudioRate, AudioUpdate, Bandwidth};
use codec_core::codec::{Bitrate, Knob, KnobKind};
use codec_core::conformance::Verdict;

pub(super) static ENCODER_CHECKS: &[(&str, CheckFn)] = &[
    ("rate: constant bitrate is constant", constant),
    ("rate: variable bitrate meets its average", variable),
    ("rate: a live bitrate change takes effect", live_bitrate),
    ("feature: complexity", complexity),
    ("feature: bandwidth", bandwidth),
    ("feature: in-band FEC", fec),
    ("feature: discontinuous transmission", dtx),
    ("settings: every knob matches its schema", knobs),
];

/// Returns the verdict on a feature that is declared missing.
fn gap(can: &AudioCapabilities) -> Result<Verdict, String> {
    ensure(!can.gap_reason.is_empty(), || "declared missing without a reason".to_owned())?;
    Ok(Verdict::Gap(can.gap_reason.to_owned()))
}

/// Returns a bitrate suitable for speech, within the supported range.
fn middling(can: &AudioCapabilities) -> Bitrate {
    let (least, most) = can.bitrate_range.unwrap_or((24_000, 24_000));
    Bitrate(24_000.clamp(least, most))
}

/// Encodes three seconds of audio with `config`.
fn coded(subject: &Subject<'_>, config: &AudioEncoderConfig) -> Result<Run, String> {
    let mut run = Run::new(subject.open(config)?, config.format);
    run.push(3 * config.format.rate as usize)?;
    run.finish()?;
    Ok(run)
}

fn constant(subject: &Subject<'_>) -> Result<Verdict, String> {
    let (open, can) = subject.encoder()?;
    let mut config = subject.config();
    config.rate = Some(AudioRate::Cbr(middling(can)));
    if !can.cbr {
        refuses("constant bitrate", open(&config))?;
        return gap(can);
    }
    let run = coded(subject, &config)?;
    let sizes: Vec<usize> = run.packets.iter().map(|packet| packet.data.len()).collect();
    ensure(sizes.windows(2).all(|pair| pair[0] == pair[1]), || {
        format!(
            "packet sizes range from {:?} to {:?} bytes",
            sizes.iter().min(),
            sizes.iter().max()
        )
    })?;
    average(&run, middling(can), 3)?;
    outside(subject, AudioRate::Cbr)
}

/// Checks that bitrates outside the range are rejected.
fn outside(subject: &Subject<'_>, mode: fn(Bitrate) -> AudioRate) -> Result<Verdict, String> {
    let (open, can) = subject.encoder()?;
    let (least, most) = can.bitrate_range.unwrap_or((1, u64::MAX - 1));
    for bits in [least.saturating_sub(1), most.saturating_add(1)] {
        let mut config = subject.config();
        config.rate = Some(mode(Bitrate(bits)));
        refuses(&format!("{bits} bit/s"), open(&config))?;
    }
    Ok(Verdict::Passed)
}

fn average(run: &Run, target: Bitrate, tolerance_pct: u64) -> Result<(), String> {
    let samples: u64 = run.packets.iter().map(|packet| packet.duration).sum();
    let bits = 8 * run.bytes() as u64 * u64::from(run.format.rate) / samples.max(1);
    let share = 100 * bits / target.0.max(1);
    let range = 100 - tolerance_pct..=100 + tolerance_pct;
    ensure(range.contains(&share), || format!("bitrate is {share} % of {target}"))
}

fn variable(subject: &Subject<'_>) -> Result<Verdict, String> {
    let (open, can) = subject.encoder()?;
    let mut config = subject.config();
    config.rate = Some(AudioRate::Vbr(middling(can)));
    if !can.vbr {
        refuses("variable bitrate", open(&config))?;
        return gap(can);
    }
    // Simple content may need fewer bits than the target, and sustained notes may need more.
    average(&coded(subject, &config)?, middling(can), 50)?;
    config.rate = Some(AudioRate::ConstrainedVbr(middling(can)));
    average(&coded(subject, &config)?, middling(can), 20)?;
    outside(subject, AudioRate::Vbr)
}

fn live_bitrate(subject: &Subject<'_>) -> Result<Verdict, String> {
    let (_, can) = subject.encoder()?;
    let mut config = subject.config();
    let (low, high) = (middling(can), Bitrate(2 * middling(can).0));
    if !can.live_bitrate {
        let mut run = Run::new(subject.open(&config)?, config.format);
        run.push(2000)?;
        refuses("a new bitrate", run.encoder.apply(AudioUpdate::Bitrate(high)))?;
        run.push(2000)?;
        return gap(can);
    }
    config.rate = Some(AudioRate::ConstrainedVbr(low));
    let second = config.format.rate as usize;
    let mut run = Run::new(subject.open(&config)?, config.format);
    run.push(2 * second)?;
    let before = run.packets.len();
    run.encoder.apply(AudioUpdate::Bitrate(high)).map_err(|error| error.to_string())?;
    run.push(2 * second)?;
    refuses("a bitrate of 0", run.encoder.apply(AudioUpdate::Bitrate(Bitrate(0))))?;
    let late = run.packets.split_off(before + (run.packets.len() - before) / 4);
    run.packets.truncate(before);
    average(&run, low, 25)?;
    run.packets = late;
    average(&run, high, 25)?;
    Ok(Verdict::Passed)
}

/// Requests a feature in the configuration; a missing feature must be rejected.
fn asked(
    subject: &Subject<'_>,
    has: bool,
    what: &str,
    change: impl FnOnce(&mut AudioEncoderConfig),
) -> Result<Option<Run>, String> {
    let mut config = subject.config();
    change(&mut config);
    if has {
        return coded(subject, &config).map(Some);
    }
    refuses(what, (subject.encoder()?.0)(&config))?;
    Ok(None)
}

fn complexity(subject: &Subject<'_>) -> Result<Verdict, String> {
    let (open, can) = subject.encoder()?;
    for complexity in [0, 5, 10] {
        let set = |config: &mut AudioEncoderConfig| config.complexity = complexity;
        if asked(subject, can.complexity, "a complexity", set)?.is_none() {
            return gap(can);
        }
    }
    let mut config = subject.config();
    config.complexity = 11;
    refuses("complexity 11", open(&config))?;
    Ok(Verdict::Passed)
}

fn bandwidth(subject: &Subject<'_>) -> Result<Verdict, String> {
    let can = subject.encoder()?.1;
    let narrow = |config: &mut AudioEncoderConfig| config.bandwidth = Some(Bandwidth::Narrow);
    let Some(run) = asked(subject, can.bandwidth, "a bandwidth", narrow)? else {
        return gap(can);
    };
    let reported = run.packets.iter().map(|packet| packet.meta.bandwidth);
    ensure(reported.clone().all(|reported| reported == Some(Bandwidth::Narrow)), || {
        format!("requested narrow bandwidth, packets report {:?}", reported.max())
    })?;
    Ok(Verdict::Passed)
}

fn fec(subject: &Subject<'_>) -> Result<Verdict, String> {
    let can = subject.encoder()?.1;
    let set = |config: &mut AudioEncoderConfig| {
        (config.fec, config.expected_loss_pct) = (true, 20);
        config.rate = can.bitrate_range.map(|_| AudioRate::ConstrainedVbr(middling(can)));
    };
    match asked(subject, can.fec, "in-band FEC", set)? {
        None => gap(can),
        Some(run) => {
            ensure(run.packets.iter().any(|packet| packet.meta.fec), || {
                "no packet carries in-band FEC".to_owned()
            })?;
            Ok(Verdict::Passed)
        }
    }
}

fn dtx(subject: &Subject<'_>) -> Result<Verdict, String> {
    let can = subject.encoder()?.1;
    let mut config = subject.config();
    config.dtx = true;
    if !can.dtx {
        refuses("discontinuous transmission", (subject.encoder()?.0)(&config))?;
        return gap(can);
    }
    let mut run = Run::new(subject.open(&config)?, config.format);
    let silence = vec![0; 2 * config.format.rate as usize];
    let samples = crate::Samples::S16(&silence);
    let view = crate::AudioView::new(config.format, samples);
    let view = view.map_err(|error| error.to_string())?;
    run.encoder.encode(&view, 0).map_err(|error| error.to_string())?;
    run.finish()?;
    let silent = run.packets.iter().filter(|packet| packet.meta.dtx).count();
    ensure(2 * silent > run.packets.len(), || {
        format!(
            "only {silent} of {} packets in two seconds of silence are marked as DTX",
            run.packets.len()
        )
    })?;
    Ok(Verdict::Passed)
}

fn knobs(subject: &Subject<'_>) -> Result<Verdict, String> {
    let (open, can) = subject.encoder()?;
    let with = |name: &str, value: i64| {
        let mut config = subject.config();
        config.knobs = vec![(name.to_owned(), value)];
        config
    };
    for Knob { name, kind, default, .. } in can.knobs {
        let (min, max) = match kind {
            KnobKind::Range { min, max } => (*min, *max),
            KnobKind::Switch => (0, 1),
            KnobKind::Choice(values) => {
                let least = values.iter().map(|&(value, _)| value).min().unwrap_or(0);
                (least, values.iter().map(|&(value, _)| value).max().unwrap_or(0))
            }
        };
        for value in [min, max, *default] {
            open(&with(name, value)).map_err(|error| format!("{name}={value}: {error}"))?;
        }
        for value in [min.checked_sub(1), max.checked_add(1)].into_iter().flatten() {
            refuses(&format!("{name}={value}"), open(&with(name, value)))?;
        }
    }
    refuses("an unknown knob", open(&with("no such knob", 0)))?;
    let mut run = Run::new(subject.open(&subject.config())?, subject.config().format);
    let unknown = AudioUpdate::Knob("no such knob".to_owned(), 0);
    refuses("an unknown knob while running", run.encoder.apply(unknown))?;
    run.push(2000)?;
    Ok(Verdict::Passed)
}
