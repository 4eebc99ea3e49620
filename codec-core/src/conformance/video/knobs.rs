//! Checks that codec-specific settings match their schema, and that common settings are accepted
//! only in their ranges.

use super::encoding::refuses;
use super::{CheckFn, NOISE, Run, SIZE, Subject, ensure};
use crate::codec::{
    Bitrate, EncoderConfig, Feature, Knob, KnobKind, RateControl, Scalability, Update,
};
use crate::conformance::report::Verdict;
use crate::frame::Rational;

pub(super) static CHECKS: &[(&str, CheckFn)] = &[
    ("settings: every knob accepts its bounds and rejects values outside", knobs),
    ("settings: live knobs change while running, others are rejected", live),
    ("settings: speeds 0 to 10 work, 11 is rejected", speeds),
    ("settings: inconsistent settings are rejected", nonsense),
    ("settings: the capabilities match the features declared missing", flags),
];

/// Returns the bounds of a knob's values, and values outside.
fn ends(knob: &Knob) -> Result<([i64; 2], Vec<i64>), String> {
    let (min, max) = match knob.kind {
        KnobKind::Range { min, max } => (min, max),
        KnobKind::Switch => (0, 1),
        KnobKind::Choice(values) => {
            let least = values.iter().map(|&(value, _)| value).min();
            let most = values.iter().map(|&(value, _)| value).max();
            let ends = least.zip(most);
            ends.ok_or_else(|| format!("{} has no values", knob.name))?
        }
    };
    let outside = [min.checked_sub(1), max.checked_add(1)].into_iter().flatten();
    Ok(([min, max], outside.collect()))
}

fn knobs(subject: &Subject<'_>) -> Result<Verdict, String> {
    let (open, can) = subject.encoder()?;
    for knob in can.knobs {
        let name = knob.name;
        ensure(knob.allows(knob.default), || format!("{name}: the default is not allowed"))?;
        let (inside, outside) = ends(knob)?;
        for value in inside.into_iter().chain([knob.default]) {
            let mut config = subject.config();
            config.knobs = vec![(name.to_owned(), value)];
            let encoder = open(&config).map_err(|error| format!("{name}={value}: {error}"))?;
            let mut run = Run::new(encoder, SIZE, NOISE);
            run.encode_many(3)?;
            run.finish()?;
            ensure(run.packets.len() + run.dropped.len() >= 3, || {
                format!("{name}={value}: frames are missing")
            })?;
        }
        for value in outside {
            let mut config = subject.config();
            config.knobs = vec![(name.to_owned(), value)];
            refuses(&format!("{name}={value}"), open(&config))?;
        }
    }
    let mut unknown = subject.config();
    unknown.knobs = vec![("no such knob".to_owned(), 0)];
    refuses("an unknown knob", open(&unknown))?;
    Ok(Verdict::Passed)
}

fn live(subject: &Subject<'_>) -> Result<Verdict, String> {
    let (_, can) = subject.encoder()?;
    let mut run = Run::new(subject.open(&subject.config())?, SIZE, NOISE);
    run.encode_many(2)?;
    for knob in can.knobs {
        let name = knob.name;
        let (inside, outside) = ends(knob)?;
        for value in inside.into_iter().chain([knob.default]) {
            let outcome = run.encoder.apply(Update::Knob(name.to_owned(), value));
            if knob.live {
                outcome.map_err(|error| format!("{name}={value}, which is live: {error}"))?;
            } else {
                refuses(&format!("{name}={value}, which is not live,"), outcome)?;
            }
        }
        for value in outside {
            let outcome = run.encoder.apply(Update::Knob(name.to_owned(), value));
            refuses(&format!("{name}={value} while running"), outcome)?;
        }
        run.encode()?;
    }
    let outcome = run.encoder.apply(Update::Knob("no such knob".to_owned(), 0));
    refuses("an unknown knob while running", outcome)?;
    run.encode()?;
    run.finish()?;
    Ok(Verdict::Passed)
}

fn speeds(subject: &Subject<'_>) -> Result<Verdict, String> {
    let (open, can) = subject.encoder()?;
    for speed in [0, 5, 10] {
        let mut config = subject.config();
        config.speed = speed;
        let mut run = Run::new(subject.open(&config)?, SIZE, NOISE);
        run.encode_many(2)?;
        run.finish()?;
        let speeds: Vec<u8> = run.packets.iter().map(|packet| packet.meta.speed).collect();
        ensure(speeds.iter().all(|&reported| reported == speed), || {
            format!("requested speed {speed}, packets report {speeds:?}")
        })?;
    }
    let mut config = subject.config();
    config.speed = 11;
    refuses("speed 11", open(&config))?;
    let mut run = Run::new(subject.open(&subject.config())?, SIZE, NOISE);
    if can.gap(Feature::LiveSpeed).is_none() {
        run.encode()?;
        refuses("speed 11 while running", run.encoder.apply(Update::Speed(11)))?;
    }
    run.encode()?;
    Ok(Verdict::Passed)
}

/// A change that makes settings invalid.
type Change = fn(&mut EncoderConfig);

fn nonsense(subject: &Subject<'_>) -> Result<Verdict, String> {
    let (open, can) = subject.encoder()?;
    let cases: [(&str, Change); 5] = [
        ("a frame rate of 0", |config| config.framerate = Rational::new(0, 1)),
        ("a frame rate of 1/0", |config| config.framerate = Rational::new(1, 0)),
        ("a time base of 0", |config| config.timebase = Rational::new(0, 1)),
        ("a bitrate of 0", |config| config.rate.mode = RateControl::Cbr(Bitrate(0))),
        ("0 frames between key frames", |config| config.keys.max_interval = Some(0)),
    ];
    for (what, change) in cases {
        let mut config = subject.config();
        change(&mut config);
        refuses(what, open(&config))?;
    }
    let (best, worst) = can.qindex_range;
    if can.gap(Feature::QindexRange).is_none() && best < worst {
        let mut config = subject.config();
        (config.rate.min_qindex, config.rate.max_qindex) = (Some(worst), Some(best));
        refuses("a minimum quantiser index above the maximum", open(&config))?;
    }
    Ok(Verdict::Passed)
}

fn flags(subject: &Subject<'_>) -> Result<Verdict, String> {
    let (_, can) = subject.encoder()?;
    let (best, worst) = can.qindex_range;
    ensure(best <= worst, || format!("invalid quantiser range {best}..{worst}"))?;
    let has = |wanted: fn(Scalability) -> bool| can.scalability.iter().any(|&mode| wanted(mode));
    for (flag, has, feature) in [
        ("live_bitrate", can.live_bitrate, Feature::LiveBitrate),
        ("live_resolution", can.live_resolution, Feature::LiveResolution),
        ("reports_qindex", can.reports_qindex, Feature::ReportsQindex),
        ("scalability", has(|mode| mode.temporal_layers() > 1), Feature::TemporalLayers),
        ("scalability", has(|mode| mode.spatial_layers() > 1), Feature::SpatialLayers),
    ] {
        ensure(has != can.gap(feature).is_some(), || {
            format!(
                "`{flag}` is {has}, but the feature is{} declared missing",
                if has { "" } else { " not" }
            )
        })?;
    }
    for gap in can.gaps {
        ensure(!gap.reason.is_empty(), || format!("no reason for: {}", gap.feature.name()))?;
    }
    match can.gap(Feature::ReportsQindex) {
        Some(why) => Ok(Verdict::Gap(format!("quantiser index of each packet: {why}"))),
        None => Ok(Verdict::Passed),
    }
}
