//! Rate control checks for video: bitrate of each second and of the whole video, live bitrate
//! changes, reported drops and fixed quantisers.

use super::encoding::refuses;
use super::{CheckFn, Run, Subject, ensure};
use crate::codec::{Bitrate, DropPolicy, EncoderConfig, Feature, FrameKind, RateControl, Update};
use crate::conformance::report::Verdict;
use crate::frame::Size;

pub(super) static CHECKS: &[(&str, CheckFn)] = &[
    ("rate: constant bitrate stays in its window", constant),
    ("rate: variable bitrate meets its average", variable),
    ("rate: a live bitrate change takes effect without a key frame", live),
    ("rate: a fixed quantiser is exact", fixed),
    ("rate: higher quality takes more bits", quality),
    ("rate: every drop is reported", drops),
];

/// Size of the test frames.
const SIZE: Size = Size { width: 176, height: 144 };
/// Noise level at which the bitrates below need a medium quantiser.
const NOISE: u8 = 6;
/// Frame rate in frames per second.
const FPS: usize = 30;

fn at(subject: &Subject<'_>, rate: RateControl) -> EncoderConfig {
    let mut config = subject.config();
    config.size = SIZE;
    config.rate.mode = rate;
    config
}

/// Returns the bitrate of `pictures` frames of `bits` in total, in percent of `target`.
fn percent(bits: u64, pictures: usize, target: Bitrate) -> u64 {
    100 * bits * FPS as u64 / (target.0.max(1) * pictures.max(1) as u64)
}

/// The first second may contain the key frame and the search for the quantiser. After that, each
/// second must be within a third of the target and the whole within a fifth, which a decoder buffer
/// of one second tolerates.
fn constant(subject: &Subject<'_>) -> Result<Verdict, String> {
    if let Some(why) = subject.encoder()?.1.gap(Feature::Cbr) {
        refuses(
            "constant bitrate",
            open(subject, &at(subject, RateControl::Cbr(Bitrate::kbps(200)))),
        )?;
        return Ok(Verdict::Gap(why.to_owned()));
    }
    for kbps in [150, 400] {
        let target = Bitrate::kbps(kbps);
        let mut run = Run::new(subject.open(&at(subject, RateControl::Cbr(target)))?, SIZE, NOISE);
        run.encode_many(4 * 30)?;
        run.finish()?;
        for second in 1..4 {
            let share = percent(run.bits(second * FPS, (second + 1) * FPS), FPS, target);
            ensure((67..=133).contains(&share), || {
                format!("the bitrate of second {second} is {share} % of {target}")
            })?;
        }
        let share = percent(run.bits(0, 4 * FPS), 4 * FPS, target);
        ensure((80..=125).contains(&share), || {
            format!("the bitrate of four seconds is {share} % of {target}")
        })?;
    }
    Ok(Verdict::Passed)
}

fn variable(subject: &Subject<'_>) -> Result<Verdict, String> {
    let target = Bitrate::kbps(250);
    if let Some(why) = subject.encoder()?.1.gap(Feature::Vbr) {
        refuses("variable bitrate", open(subject, &at(subject, RateControl::Vbr(target))))?;
        return Ok(Verdict::Gap(why.to_owned()));
    }
    let mut run = Run::new(subject.open(&at(subject, RateControl::Vbr(target)))?, SIZE, NOISE);
    run.encode_many(4 * 30)?;
    run.finish()?;
    let share = percent(run.bits(0, usize::MAX), 4 * FPS, target);
    ensure((60..=130).contains(&share), || {
        format!("the bitrate of four seconds is {share} % of {target}")
    })?;
    Ok(Verdict::Passed)
}

/// Changes from a low rate to more than twice that and back.
fn live(subject: &Subject<'_>) -> Result<Verdict, String> {
    let (low, high) = (Bitrate::kbps(150), Bitrate::kbps(350));
    let (_, can) = subject.encoder()?;
    if let Some(why) = can.gap(Feature::LiveBitrate) {
        let mut run = Run::new(subject.open(&subject.config())?, super::SIZE, NOISE);
        run.encode_many(3)?;
        refuses("a new bitrate", run.encoder.apply(Update::Bitrate(high)))?;
        run.encode_many(3)?;
        return Ok(Verdict::Gap(why.to_owned()));
    }
    let mode = match can.gap(Feature::Cbr) {
        None => RateControl::Cbr(low),
        Some(_) => RateControl::Vbr(low),
    };
    let mut run = Run::new(subject.open(&at(subject, mode))?, SIZE, NOISE);
    run.encode_many(45)?;
    for rate in [high, low] {
        run.encoder.apply(Update::Bitrate(rate)).map_err(|error| error.to_string())?;
        run.encode_many(45)?;
    }
    refuses("a bitrate of 0", run.encoder.apply(Update::Bitrate(Bitrate(0))))?;
    run.finish()?;
    let keys = run.packets.iter().filter(|packet| packet.meta.kind == FrameKind::Key).count();
    ensure(keys == 1 || can.reference_slots == 0, || {
        format!("{keys} key frames: the bitrate change inserted one")
    })?;
    // Measured half a second after each change.
    for (from, rate) in [(60, high), (105, low)] {
        let share = percent(run.bits(from, from + 30), 30, rate);
        ensure((67..=133).contains(&share), || {
            format!("half a second after the change, the bitrate is {share} % of {rate}")
        })?;
    }
    Ok(Verdict::Passed)
}

fn fixed(subject: &Subject<'_>) -> Result<Verdict, String> {
    let (_, can) = subject.encoder()?;
    let (best, worst) = can.qindex_range;
    if let Some(why) = can.gap(Feature::FixedQ) {
        refuses("a fixed quantiser", open(subject, &at(subject, RateControl::FixedQ(best))))?;
        return Ok(Verdict::Gap(why.to_owned()));
    }
    if let Some(past) = worst.checked_add(1) {
        refuses(
            "a quantiser index above the maximum",
            open(subject, &at(subject, RateControl::FixedQ(past))),
        )?;
    }
    let mut last = u64::MAX;
    let settings = |qindex: u8| {
        let mut config = at(subject, RateControl::FixedQ(qindex));
        (config.rate.min_qindex, config.rate.max_qindex) = (Some(best), Some(worst));
        config
    };
    let mut middle = best + (worst - best) / 2;
    if can.gap(Feature::EveryQindex).is_some() {
        // The next supported index.
        let known = (middle..worst).find(|&qindex| open(subject, &settings(qindex)).is_ok());
        middle = known.ok_or("cannot set any index above the middle")?;
    }
    for qindex in [best, middle, worst] {
        let config = settings(qindex);
        let mut run = Run::new(subject.open(&config)?, SIZE, NOISE);
        run.encode_many(6)?;
        run.finish()?;
        if can.reports_qindex {
            let found: Vec<u8> = run.packets.iter().map(|packet| packet.meta.qindex).collect();
            ensure(found.iter().all(|&found| found == qindex), || {
                format!("requested index {qindex}, packets report {found:?}")
            })?;
        }
        let bits = run.bits(0, usize::MAX);
        ensure(bits < last, || {
            format!("index {qindex} takes {bits} bits, a lower index {last} bits")
        })?;
        last = bits;
    }
    Ok(Verdict::Passed)
}

fn quality(subject: &Subject<'_>) -> Result<Verdict, String> {
    if let Some(why) = subject.encoder()?.1.gap(Feature::Quality) {
        refuses("constant quality", open(subject, &at(subject, RateControl::Quality(50))))?;
        return Ok(Verdict::Gap(why.to_owned()));
    }
    refuses("quality 101", open(subject, &at(subject, RateControl::Quality(101))))?;
    let mut last = 0;
    for quality in [0, 50, 100] {
        let mut config = at(subject, RateControl::Quality(quality));
        let (best, worst) = subject.encoder()?.1.qindex_range;
        if subject.encoder()?.1.gap(Feature::QindexRange).is_none() {
            (config.rate.min_qindex, config.rate.max_qindex) = (Some(best), Some(worst));
        }
        let mut run = Run::new(subject.open(&config)?, SIZE, NOISE);
        run.encode_many(6)?;
        run.finish()?;
        let bits = run.bits(0, usize::MAX);
        ensure(bits > last, || {
            format!("quality {quality} takes {bits} bits, a lower quality {last} bits")
        })?;
        last = bits;
    }
    Ok(Verdict::Passed)
}

/// Uses a bitrate far too low for the content.
fn drops(subject: &Subject<'_>) -> Result<Verdict, String> {
    let mut config = at(subject, RateControl::Cbr(Bitrate::kbps(6)));
    config.rate.drops = DropPolicy::BelowBufferPct(60);
    if let Some(why) = subject.encoder()?.1.gap(Feature::Drops) {
        refuses("frame dropping", open(subject, &config))?;
        return Ok(Verdict::Gap(why.to_owned()));
    }
    let mut run = Run::new(subject.open(&config)?, SIZE, 24);
    run.encode_many(90)?;
    run.finish()?;
    let shown = run.packets.iter().filter(|packet| packet.meta.shown).count();
    let (coded, dropped) = (shown, run.dropped.len());
    ensure(coded + dropped == 90, || {
        format!("of 90 frames {coded} were coded and {dropped} were reported as dropped")
    })?;
    ensure(dropped > 0, || "no frame is dropped at a bitrate far too low".to_owned())?;
    Ok(Verdict::Passed)
}

fn open(
    subject: &Subject<'_>,
    config: &EncoderConfig,
) -> Result<Box<dyn crate::codec::VideoEncoder>, crate::Error> {
    let (open, _) = subject.encoder().map_err(crate::error::NoBackend::new)?;
    open(config)
}
