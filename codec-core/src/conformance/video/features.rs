//! Checks that every optional feature is either implemented, or declared missing with a reason and
//! rejected when requested.

use std::sync::Arc;

use super::encoding::refuses;
use super::{NOISE, Run, SIZE, Subject, ensure};
use crate::analysis::{FrameAnalysis, MbAnalysis};
use crate::codec::{
    Buffering, Clock, Conceal, Content, Deadline, DecoderConfig, Denoise, DropPolicy,
    EncoderConfig, Feature, FrameKind, FrameRequest, ImportanceMap, RateControl, Region,
    Scalability, SlotSet, Tune, Update, WindowCap,
};
use crate::conformance::report::{Report, Verdict};
use crate::conformance::scene::Scene;
use crate::frame::{Rational, Size};

/// How to request a feature.
enum Ask {
    /// In the configuration.
    Setting(fn(&mut EncoderConfig)),
    /// By a live update.
    Live(fn() -> Update),
    /// In a frame request.
    Request(fn(&mut FrameRequest)),
}

#[derive(Debug)]
struct StoppedClock;

impl Clock for StoppedClock {
    fn now_us(&self) -> u64 {
        0
    }
}

/// Returns the ways to request a feature; features without any have separate checks.
fn asks(feature: Feature) -> &'static [Ask] {
    use Ask::{Live, Request, Setting};
    match feature {
        Feature::QindexRange => &[Setting(|config| {
            (config.rate.min_qindex, config.rate.max_qindex) = (Some(20), Some(40));
        })],
        Feature::FrameShares => &[
            Setting(|config| config.rate.undershoot_pct = 50),
            Setting(|config| config.rate.overshoot_pct = 50),
            Setting(|config| config.rate.max_key_frame_pct = Some(300)),
        ],
        Feature::Caps => &[
            Setting(|config| config.rate.max_frame_bytes = Some(20_000)),
            Setting(|config| {
                config.rate.window_cap = Some(WindowCap { window_ms: 1000, max_bytes: 200_000 });
            }),
        ],
        Feature::Buffering => &[Setting(|config| {
            config.rate.buffering = Buffering { initial_ms: 400, optimal_ms: 500, size_ms: 800 };
        })],
        Feature::LiveRate => &[Live(|| Update::Rate(RateControl::Quality(40)))],
        Feature::LiveQindexRange => &[
            Live(|| Update::QindexRange(Some(20), Some(40))),
            Live(|| Update::QindexRange(None, None)),
        ],
        Feature::LiveFrameRate => &[Live(|| Update::FrameRate(Rational::new(15, 1)))],
        Feature::LiveSpeed => &[Live(|| Update::Speed(9))],
        Feature::Drops => &[Live(|| Update::Drops(DropPolicy::BelowBufferPct(30)))],
        Feature::SceneCuts => &[Setting(|config| config.keys.at_scene_cuts = true)],
        Feature::PeriodicKeyFrames => &[Setting(|config| config.keys.max_interval = Some(4))],
        Feature::References => &[
            Request(|request| request.references = Some(SlotSet::LAST)),
            Request(|request| request.updates = Some(SlotSet::LAST)),
        ],
        Feature::Importance => &[Request(|request| request.importance = important_center(-10))],
        Feature::GivenAnalysis => &[Request(|request| request.analysis = Some(blank_analysis()))],
        Feature::ScreenContent => &[
            Setting(|config| config.content = Content::Screen),
            Live(|| Update::Content(Content::Screen)),
        ],
        Feature::Denoise => &[
            Setting(|config| config.denoise = Denoise::Auto),
            Setting(|config| config.denoise = Denoise::Level(5)),
            Live(|| Update::Denoise(Denoise::Auto)),
            Live(|| Update::Denoise(Denoise::Level(5))),
        ],
        Feature::Tune => &[
            Setting(|config| config.tune = Some(Tune::Psnr)),
            Setting(|config| config.tune = Some(Tune::Visual)),
            Live(|| Update::Tune(Tune::Visual)),
        ],
        Feature::ErrorResilience => &[Setting(|config| config.error_resilient = true)],
        Feature::Deadline => &[Setting(|config| {
            config.deadline = Some(Deadline { max_us: 8000, clock: Arc::new(StoppedClock) });
        })],
        Feature::IntraRefresh => &[Setting(|config| config.intra_refresh = 1)],
        Feature::ReportsPsnr => &[Setting(|config| config.report_psnr = true)],
        Feature::ReportsDigest => &[Setting(|config| config.report_digest = true)],
        _ => &[],
    }
}

/// Checks every feature of the encoder.
pub(super) fn check_encoder(subject: &Subject<'_>, report: &mut Report) {
    for &feature in Feature::ALL {
        let asks = asks(feature);
        if !asks.is_empty() {
            report.run(&format!("feature: {}", feature.name()), || ask_all(subject, feature, asks));
        }
    }
    report.run("feature: temporal layers", || layers(subject, Feature::TemporalLayers));
    report.run("feature: spatial layers", || layers(subject, Feature::SpatialLayers));
    report.run("feature: importance has an effect", || importance(subject));
    report.run("feature: removal of camera noise has an effect", || denoise(subject));
    report.run("feature: tuning for PSNR or visual quality has an effect", || tune(subject));
    report.run("feature: live resolution changes", || resolution(subject));
    for feature in [Feature::ReportsReferences, Feature::Pool, Feature::SimdLevel] {
        // These features are not requested, so they cannot be rejected.
        let why = subject.encoder.and_then(|(_, can)| can.gap(feature));
        report.run(&format!("feature: {}", feature.name()), || {
            Ok(why.map_or(Verdict::Passed, |why| Verdict::Gap(why.to_owned())))
        });
    }
}

fn ask_all(subject: &Subject<'_>, feature: Feature, asks: &[Ask]) -> Result<Verdict, String> {
    let gap = subject.encoder()?.1.gap(feature);
    for ask in asks {
        let asked = asked(subject, ask)?;
        match gap {
            Some(_) => refuses("the feature, declared missing,", asked)?,
            None => asked.map_err(|error| {
                format!("the feature is not declared missing, but the request failed: {error}")
            })?,
        }
    }
    Ok(gap.map_or(Verdict::Passed, |why| Verdict::Gap(why.to_owned())))
}

/// Requests a feature and returns the encoder's response; the outer error is one of the check
/// itself, or of later frames.
fn asked(subject: &Subject<'_>, ask: &Ask) -> Result<Result<(), crate::Error>, String> {
    let mut config = subject.config();
    if let Ask::Setting(change) = ask {
        change(&mut config);
        let encoder = match (subject.encoder()?.0)(&config) {
            Ok(encoder) => encoder,
            Err(error) => return Ok(Err(error)),
        };
        let mut run = Run::new(encoder, SIZE, NOISE);
        run.encode_many(6)?;
        run.finish()?;
        if let Some(interval) = config.keys.max_interval {
            let key = |at: usize| run.packets.get(at).map(|packet| packet.meta.kind);
            ensure(key(interval as usize) == Some(FrameKind::Key), || {
                format!("no key frame {interval} frames after the first")
            })?;
        }
        return Ok(Ok(()));
    }
    let mut run = Run::new(subject.open(&config)?, SIZE, NOISE);
    run.encode_many(2)?;
    let outcome = match ask {
        Ask::Live(update) => run.encoder.apply(update()).map(|_| ()),
        Ask::Request(change) => {
            let mut request = FrameRequest::at(run.pts);
            change(&mut request);
            let mut scene = Scene::new(SIZE, NOISE);
            let picture = scene.picture(2).map_err(|error| error.to_string())?;
            let outcome = run.encoder.encode(&picture, &request).map(|_| ());
            if outcome.is_ok() {
                run.pts += super::STEP;
            }
            outcome
        }
        Ask::Setting(_) => Ok(()),
    };
    run.encode_many(3)?;
    run.finish()?;
    Ok(outcome)
}

/// Returns an analysis without motion.
fn blank_analysis() -> Arc<FrameAnalysis> {
    let (mb_cols, rows) = SIZE.macroblocks();
    let macroblocks = vec![MbAnalysis::default(); mb_cols * rows];
    Arc::new(FrameAnalysis { size: SIZE, mb_cols, macroblocks, ..FrameAnalysis::default() })
}

/// Returns a map whose center has the given offset.
fn important_center(offset: i8) -> Option<ImportanceMap> {
    let center = Region { x: 32, y: 16, width: 48, height: 48 };
    ImportanceMap::of_regions(SIZE, &[(center, offset)]).ok()
}

fn importance(subject: &Subject<'_>) -> Result<Verdict, String> {
    if let Some(why) = subject.encoder()?.1.gap(Feature::Importance) {
        return Ok(Verdict::Gap(why.to_owned()));
    }
    let mut coded = Vec::new();
    for offset in [0, -20] {
        let mut run = Run::new(subject.open(&subject.config())?, SIZE, NOISE);
        for _ in 0..4 {
            run.encode_with(|request| request.importance = important_center(offset))?;
        }
        run.finish()?;
        coded.push(run.packets.into_iter().map(|packet| packet.data).collect::<Vec<_>>());
    }
    ensure(coded[0] != coded[1], || "an importance map does not change the bytes".to_owned())?;
    Ok(Verdict::Passed)
}

fn denoise(subject: &Subject<'_>) -> Result<Verdict, String> {
    if let Some(why) = subject.encoder()?.1.gap(Feature::Denoise) {
        return Ok(Verdict::Gap(why.to_owned()));
    }
    let mut coded = Vec::new();
    for setting in [Denoise::Off, Denoise::Level(Denoise::MAX_LEVEL)] {
        let mut run = Run::new(subject.open(&subject.config().denoise(setting))?, SIZE, NOISE);
        run.encode_many(4)?;
        run.finish()?;
        coded.push(run.packets.into_iter().map(|packet| packet.data).collect::<Vec<_>>());
    }
    ensure(coded[0] != coded[1], || {
        "noisy frames give the same bytes with and without denoising".to_owned()
    })?;
    Ok(Verdict::Passed)
}

fn tune(subject: &Subject<'_>) -> Result<Verdict, String> {
    if let Some(why) = subject.encoder()?.1.gap(Feature::Tune) {
        return Ok(Verdict::Gap(why.to_owned()));
    }
    let mut coded = Vec::new();
    for tune in [Tune::Psnr, Tune::Visual] {
        let mut run = Run::new(subject.open(&subject.config().tune(tune))?, SIZE, NOISE);
        run.encode_many(4)?;
        run.finish()?;
        coded.push(run.packets.into_iter().map(|packet| packet.data).collect::<Vec<_>>());
    }
    ensure(coded[0] != coded[1], || "both tunings give the same bytes".to_owned())?;
    Ok(Verdict::Passed)
}

/// Checks the scalability modes with and without spatial layers.
fn layers(subject: &Subject<'_>, feature: Feature) -> Result<Verdict, String> {
    let (open, can) = subject.encoder()?;
    let is_spatial = feature == Feature::SpatialLayers;
    for &(name, mode) in Scalability::ALL {
        if (mode.spatial_layers() > 1) != is_spatial {
            continue;
        }
        let mut config = subject.config();
        config.scalability = mode;
        if !can.scalability.contains(&mode) {
            refuses(&format!("{name}, which the capabilities do not list,"), open(&config))?;
            continue;
        }
        let mut run = Run::new(subject.open(&config)?, SIZE, NOISE);
        run.encode_many(12)?;
        run.finish()?;
        let highest = run.packets.iter().map(|packet| packet.meta.temporal_id).max();
        ensure(highest == Some(mode.temporal_layers() - 1), || {
            format!("{name}: the highest layer is {highest:?}")
        })?;
        let highest = run.packets.iter().map(|packet| packet.meta.spatial.id).max();
        ensure(highest == Some(mode.spatial_layers() - 1), || {
            format!("{name}: the highest spatial layer is {highest:?}")
        })?;
    }
    let why = can.gap(feature);
    Ok(why.map_or(Verdict::Passed, |why| Verdict::Gap(why.to_owned())))
}

fn resolution(subject: &Subject<'_>) -> Result<Verdict, String> {
    let (_, can) = subject.encoder()?;
    let mut run = Run::new(subject.open(&subject.config())?, SIZE, NOISE);
    run.encode_many(4)?;
    let size = Size::new(80, 64);
    let outcome = run.encoder.apply(Update::Resolution(size));
    if let Some(why) = can.gap(Feature::LiveResolution) {
        refuses("a new size", outcome)?;
        run.encode()?;
        return Ok(Verdict::Gap(why.to_owned()));
    }
    outcome.map_err(|error| error.to_string())?;
    run.scene = Scene::new(size, NOISE);
    run.encode_many(4)?;
    run.finish()?;
    let found: Vec<_> = run.packets.iter().map(|p| (p.meta.size, p.meta.kind)).collect();
    let first = found.iter().position(|&(found, _)| found == size);
    ensure(first == Some(4), || {
        format!("invalid frame sizes of packets: got {found:?}, expected {size} from the fifth on")
    })?;
    ensure(found.get(4).is_some_and(|&(_, kind)| kind == FrameKind::Key), || {
        "the first frame of the new size is not a key frame".to_owned()
    })?;
    let mut decoder = subject.open_decoder()?;
    let frames = super::decode_all(&mut *decoder, &run.packets)?.len();
    ensure(frames == 8, || format!("{frames} of 8 frames decoded"))?;
    Ok(Verdict::Passed)
}

/// Checks every feature of the decoder.
pub(super) fn check_decoder(subject: &Subject<'_>, report: &mut Report) {
    report.run("feature: error concealment", || {
        let (open, can) = subject.decoder()?;
        let config = DecoderConfig { conceal: Conceal::On, ..DecoderConfig::default() };
        let Some(why) = can.gap(Feature::Concealment) else {
            return conceals(subject, &config);
        };
        refuses("concealment", open(&config))?;
        Ok(Verdict::Gap(why.to_owned()))
    });
    for feature in [Feature::Pool, Feature::SimdLevel, Feature::DecoderDelay] {
        let why = subject.decoder.and_then(|(_, can)| can.gap(feature));
        report.run(&format!("feature: {} (decoder)", feature.name()), || {
            Ok(why.map_or(Verdict::Passed, |why| Verdict::Gap(why.to_owned())))
        });
    }
}

/// Checks that half a packet still yields a frame.
fn conceals(subject: &Subject<'_>, config: &DecoderConfig) -> Result<Verdict, String> {
    let packets = subject.packets(4, &[])?;
    let mut decoder = subject.open_decoder_with(config)?;
    for (index, packet) in packets.iter().enumerate() {
        let whole = packet.data.len();
        let data = if index == 2 { &packet.data[..whole / 2] } else { &packet.data[..] };
        decoder
            .decode(data, packet.pts, packet.duration)
            .map_err(|error| format!("packet {index}: {error}"))?;
        ensure(decoder.receive().is_some(), || format!("packet {index} yields no frame"))?;
    }
    Ok(Verdict::Passed)
}
