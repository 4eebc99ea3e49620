//! Encoder checks for video: packet order, timestamps, metadata, errors and flush.

use super::{CheckFn, NOISE, Run, SIZE, STEP, Subject, decode_all, ensure, is_refusal};
use crate::codec::{Feature, FrameKind, FrameRequest, Packet, Preset, Update};
use crate::conformance::report::Verdict;
use crate::conformance::scene::Scene;
use crate::error::{Error, NoBackend};
use crate::frame::{Picture, PixelFormat, Size};
use crate::metrics;

pub(super) static CHECKS: &[(&str, CheckFn)] = &[
    ("encoder: packets are in order, with the frames' timestamps", order),
    ("encoder: the file preset keeps order and timestamps", order_of_files),
    ("encoder: the declared delay is correct", delay),
    ("encoder: packet metadata is correct", truth),
    ("encoder: key frames are placed where requested", keys),
    ("encoder: equal runs give equal bytes", determinism),
    ("encoder: `finish` resets the encoder", flush),
    ("encoder: a rejected frame changes nothing", recovery),
    ("encoder: all sizes are coded exactly, or rejected", sizes),
    ("encoder: formats match the capabilities", formats),
];

fn order(subject: &Subject<'_>) -> Result<Verdict, String> {
    let mut run = Run::new(subject.open(&subject.config())?, SIZE, NOISE);
    run.encode_many(20)?;
    run.finish()?;
    check_order(&run)
}

fn order_of_files(subject: &Subject<'_>) -> Result<Verdict, String> {
    let mut config = subject.config();
    config.preset = Preset::File;
    let mut run = Run::new(subject.open(&config)?, SIZE, NOISE);
    run.encode_many(20)?;
    run.finish()?;
    check_order(&run)
}

fn check_order(run: &Run) -> Result<Verdict, String> {
    let first = run.packets.first().ok_or("no packet produced")?;
    ensure(first.meta.kind == FrameKind::Key, || "the first packet is not a key frame".to_owned())?;
    let mut expected = run.pushed.iter().filter(|pts| !run.dropped.contains(pts));
    for (index, packet) in run.packets.iter().enumerate() {
        let Packet { data, pts, duration, meta, .. } = packet;
        ensure(!data.is_empty(), || format!("packet {index} is empty"))?;
        ensure(meta.frame_id == index as u64, || {
            format!("packet {index} has number {}", meta.frame_id)
        })?;
        if !meta.shown {
            continue;
        }
        let wanted = expected.next();
        ensure(wanted == Some(pts), || {
            format!("packet {index} has timestamp {pts}, expected {wanted:?}")
        })?;
        ensure(duration.is_none_or(|found| found == STEP.unsigned_abs()), || {
            format!("packet {index} lasts {duration:?} ticks, its frame {STEP}")
        })?;
    }
    let left = expected.count();
    ensure(left == 0, || format!("{left} frames are neither coded nor reported as dropped"))?;
    Ok(Verdict::Passed)
}

fn delay(subject: &Subject<'_>) -> Result<Verdict, String> {
    let mut run = Run::new(subject.open(&subject.config())?, SIZE, NOISE);
    run.encode_many(40)?;
    let declared = run.encoder.capabilities().latency_frames;
    let held = run.first_after.ok_or("no packet within 40 frames")?.saturating_sub(1);
    ensure(held <= declared, || format!("{held} frames are held back, {declared} are declared"))?;
    let gap = subject.encoder()?.1.gap(Feature::NoDelay);
    match (declared, gap) {
        (0, None) => Ok(Verdict::Passed),
        (_, Some(why)) => Ok(Verdict::Gap(format!("{held} frames are held back: {why}"))),
        (_, None) => Err(format!(
            "may hold back {declared} frames, but encoding without delay is not declared missing"
        )),
    }
}

fn truth(subject: &Subject<'_>) -> Result<Verdict, String> {
    let (_, encodes) = subject.encoder()?;
    let (_, decodes) = subject.decoder()?;
    let mut config = subject.config();
    config.report_psnr = encodes.gap(Feature::ReportsPsnr).is_none();
    config.report_digest = encodes.gap(Feature::ReportsDigest).is_none();
    let mut run = Run::new(subject.open(&config)?, SIZE, NOISE);
    for number in 0..12 {
        run.encode_with(|request| request.key_frame = number == 7)?;
    }
    run.finish()?;
    let mut decoder = subject.open_decoder()?;
    let mut scene = Scene::new(SIZE, NOISE);
    for (index, Packet { data, pts, meta, duration, .. }) in run.packets.iter().enumerate() {
        let mismatch = |what: &str, reported: &dyn std::fmt::Debug, found: &dyn std::fmt::Debug| {
            format!("packet {index}: {what} is {found:?}, the encoder reports {reported:?}")
        };
        let report = decoder.decode(data, *pts, *duration).map_err(|error| error.to_string())?;
        ensure(report.kind == meta.kind, || mismatch("kind", &meta.kind, &report.kind))?;
        ensure(report.shown == meta.shown, || mismatch("shown", &meta.shown, &report.shown))?;
        ensure(report.size == meta.size, || mismatch("size", &meta.size, &report.size))?;
        if encodes.reports_qindex && decodes.reports_qindex {
            ensure(report.qindex == meta.qindex, || {
                mismatch("qindex", &meta.qindex, &report.qindex)
            })?;
        }
        let lacks = |gap| encodes.gap(gap).or(decodes.gap(gap)).is_some();
        if !lacks(Feature::ReportsReferences) {
            let (used, updated) = (report.refs_used, report.refs_updated);
            ensure(used == meta.refs_used, || mismatch("references", &meta.refs_used, &used))?;
            ensure(updated == meta.refs_updated, || {
                mismatch("updates", &meta.refs_updated, &updated)
            })?;
        }
        let Some(frame) = decoder.receive() else {
            ensure(!meta.shown, || {
                format!("packet {index} is reported as shown but yields no frame")
            })?;
            continue;
        };
        if config.report_digest {
            let digest = Some(frame.digest());
            ensure(digest == meta.digest, || mismatch("digest", &meta.digest, &digest))?;
        }
        if config.report_psnr {
            let number = u32::try_from(*pts / STEP - 7).unwrap_or(0);
            let source = scene.picture(number).map_err(|error| error.to_string())?;
            let sse = Some(squared_errors(&source, &frame.picture())?);
            ensure(sse == meta.sse, || mismatch("squared error", &meta.sse, &sse))?;
        }
    }
    Ok(Verdict::Passed)
}

fn squared_errors(a: &Picture<'_>, b: &Picture<'_>) -> Result<[u64; 3], String> {
    metrics::sse(a, b).map_err(|error| error.to_string())
}

fn keys(subject: &Subject<'_>) -> Result<Verdict, String> {
    if let Some(why) = subject.encoder()?.1.gap(Feature::ForcedKeyFrames) {
        return Ok(Verdict::Gap(why.to_owned()));
    }
    let mut run = Run::new(subject.open(&subject.config())?, SIZE, NOISE);
    for number in 0..24 {
        if number == 16 {
            run.encoder.apply(Update::KeyFrame).map_err(|error| error.to_string())?;
        }
        run.encode_with(|request| request.key_frame = number == 6)?;
    }
    run.finish()?;
    let shown = run.packets.iter().filter(|packet| packet.meta.shown);
    let keys: Vec<i64> = shown
        .filter(|packet| packet.meta.kind == FrameKind::Key)
        .map(|packet| packet.pts / STEP - 7)
        .collect();
    let has_only_keys = subject.encoder()?.1.reference_slots == 0 && keys.len() == 24;
    ensure(has_only_keys || keys == [0, 6, 16], || {
        format!("expected key frames 0, 6 and 16, got {keys:?}")
    })?;
    Ok(Verdict::Passed)
}

fn determinism(subject: &Subject<'_>) -> Result<Verdict, String> {
    let data = |threads: usize| -> Result<Vec<Vec<u8>>, String> {
        let mut config = subject.config();
        if threads > 1 {
            config.pool = super::decoding::pool(threads);
        }
        let mut run = Run::new(subject.open(&config)?, SIZE, NOISE);
        run.encode_many(12)?;
        run.finish()?;
        Ok(run.packets.into_iter().map(|packet| packet.data).collect())
    };
    let first = data(1)?;
    ensure(data(1)? == first, || "a second run gives different bytes".to_owned())?;
    if subject.encoder()?.1.threads {
        ensure(data(2)? == first, || "two threads give different bytes than one".to_owned())?;
    }
    Ok(Verdict::Passed)
}

fn flush(subject: &Subject<'_>) -> Result<Verdict, String> {
    let mut run = Run::new(subject.open(&subject.config())?, SIZE, NOISE);
    run.finish()?;
    for round in 0..3 {
        let before = run.packets.len();
        run.encode_many(5)?;
        run.finish()?;
        let shown = run.packets.iter().skip(before).filter(|packet| packet.meta.shown).count();
        ensure(shown + run.dropped.len() == 5, || {
            format!("round {round}: {shown} of 5 frames received by the end of `finish`")
        })?;
        let kind = run.packets.get(before).map(|packet| packet.meta.kind);
        ensure(kind == Some(FrameKind::Key), || {
            format!("round {round} does not start with a key frame")
        })?;
    }
    check_order(&run)?;
    let mut decoder = subject.open_decoder()?;
    let frames = decode_all(&mut *decoder, &run.packets)?.len();
    ensure(frames == 15, || format!("{frames} of 15 frames decoded"))?;
    Ok(Verdict::Passed)
}

fn recovery(subject: &Subject<'_>) -> Result<Verdict, String> {
    let mut clean = Run::new(subject.open(&subject.config())?, SIZE, NOISE);
    clean.encode_many(10)?;
    clean.finish()?;
    let mut run = Run::new(subject.open(&subject.config())?, SIZE, NOISE);
    run.encode_many(4)?;
    let wrong = Size::new(SIZE.width + 16, SIZE.height);
    let mut other = Scene::new(wrong, NOISE);
    let picture = other.picture(0).map_err(|error| error.to_string())?;
    refuses("a frame of another size", run.encoder.encode(&picture, &FrameRequest::at(run.pts)))?;
    let late = FrameRequest::at(run.pts - STEP);
    let mut scene = Scene::new(SIZE, NOISE);
    let picture = scene.picture(0).map_err(|error| error.to_string())?;
    refuses("a timestamp in the past", run.encoder.encode(&picture, &late))?;
    run.encode_many(6)?;
    run.finish()?;
    check_order(&run)?;
    ensure(run.packets == clean.packets, || {
        "the packets differ from those of a run without rejected input".to_owned()
    })?;
    Ok(Verdict::Passed)
}

/// Checks that the outcome is an error that says that `what` was rejected.
pub(super) fn refuses<T>(what: &str, outcome: Result<T, Error>) -> Result<(), String> {
    match outcome {
        Err(error) if is_refusal(&error) => Ok(()),
        Err(error) => Err(format!("{what}: wrong kind of error: {error}")),
        Ok(_) => Err(format!("{what} was not rejected")),
    }
}

fn sizes(subject: &Subject<'_>) -> Result<Verdict, String> {
    let (open, can) = subject.encoder()?;
    let at = |width, height| {
        let mut config = subject.config();
        config.size = Size::new(width, height);
        config
    };
    for zero in [at(0, 16), at(16, 0), at(0, 0), at(can.max_dimension.saturating_add(1), 16)] {
        refuses(&format!("size {}", zero.size), open(&zero))?;
    }
    let mut refused = Vec::new();
    for (width, height) in [(1, 1), (2, 2), (16, 16), (17, 35), (33, 18), (64, 64), (101, 67)] {
        let config = at(width, height);
        let encoder = match open(&config) {
            Ok(encoder) => encoder,
            Err(error) if is_refusal(&error) => {
                refused.push(config.size.to_string());
                continue;
            }
            Err(error) => return Err(format!("size {}: {error}", config.size)),
        };
        let mut run = Run::new(encoder, config.size, NOISE);
        run.encode_many(3)?;
        run.finish()?;
        let mut decoder = subject.open_decoder()?;
        let frames = decode_all(&mut *decoder, &run.packets)?;
        let found: Vec<Size> = frames.iter().map(crate::frame::Frame::size).collect();
        ensure(found == [config.size; 3], || format!("{} is decoded as {found:?}", config.size))?;
    }
    ensure(refused.len() < 7, || "every size is rejected".to_owned())?;
    if refused.is_empty() {
        return Ok(Verdict::Passed);
    }
    let why = can.gap(Feature::AnySize).map(|why| format!("{}: {why}", refused.join(", ")));
    why.map(Verdict::Gap)
        .ok_or_else(|| format!("{} rejected, but no size is declared missing", refused.join(", ")))
}

fn formats(subject: &Subject<'_>) -> Result<Verdict, String> {
    let (_, can) = subject.encoder()?;
    ensure(can.formats.contains(&PixelFormat::I420), || {
        "the capabilities do not list I420".to_owned()
    })?;
    let mut scene = Scene::new(SIZE, NOISE);
    let samples = scene.samples(0);
    let half = SIZE.chroma();
    let luma_len = SIZE.width as usize * SIZE.height as usize;
    let chroma_len = half.width as usize * half.height as usize;
    let (luma, chroma) = samples.split_at(luma_len);
    let (u, v) = chroma.split_at(chroma_len);
    let uv: Vec<u8> = u.iter().zip(v).flat_map(|(&u, &v)| [u, v]).collect();
    let (y, uv) = ((luma, SIZE.width as usize), (&*uv, 2 * half.width as usize));
    let planar = Picture::i420_packed(SIZE, samples).map_err(|error| error.to_string())?;
    let interleaved = Picture::nv12(SIZE, y, uv).map_err(|error| error.to_string())?;
    let coded = |picture: &Picture<'_>| -> Result<Vec<u8>, Error> {
        let mut encoder = (open(subject)?)(&subject.config())?;
        encoder.encode(picture, &FrameRequest::at(0))?;
        encoder.finish()?;
        let mut packet = Packet::default();
        encoder.receive(&mut packet);
        Ok(packet.data)
    };
    let planar = coded(&planar).map_err(|error| error.to_string())?;
    if !can.formats.contains(&PixelFormat::Nv12) {
        refuses("NV12, which the capabilities do not list,", coded(&interleaved))?;
        return Ok(Verdict::Passed);
    }
    let interleaved = coded(&interleaved).map_err(|error| error.to_string())?;
    ensure(planar == interleaved, || "NV12 gives different bytes than I420".to_owned())?;
    Ok(Verdict::Passed)
}

fn open(subject: &Subject<'_>) -> Result<crate::codec::OpenEncoder, Error> {
    subject.encoder().map(|(open, _)| open).map_err(|why| NoBackend::new(why).into())
}
