//! Describes a run before it starts, for the user and for the report.

use codec_core::codec::EncoderConfig;

use super::{Start, targets};
use crate::Env;
use crate::count::counted;
use crate::io::source::FrameSource;
use crate::json::{self, Object};
use crate::settings::encoder::Preset;
use crate::settings::encoder::describe_rate;
use crate::settings::encoding::Encoding;

/// Prints the effective settings, and returns them for the report.
pub(super) fn announce(
    settings: &Encoding,
    source: &dyn FrameSource,
    start: &Start,
    config: &EncoderConfig,
    threads: usize,
    env: &Env,
) -> Object {
    let stream_info = source.stream_info();
    let (min_qindex, max_qindex) = settings.encoder.capabilities.allowed_qindex(config);
    let Start { size, frame_rate, .. } = start;
    let preset = if settings.encoder.preset == Preset::Rtc { "rtc" } else { "file" };
    let backend = format!("{}/{}", settings.encoder.backend.codec, settings.encoder.backend.name);
    let rate = describe_rate(config.rate.mode);
    let input = settings.input.name();
    let fps = frame_rate.as_f64();
    env.events.note(format!(
        "{input} ({}, {}, {fps:.3} fps) -> {} ({size}): {backend}, {rate}, preset {preset}, \
         speed {}, qindex {min_qindex}..{max_qindex}, {}, SIMD {}",
        stream_info.kind,
        stream_info.size,
        settings.format,
        config.speed,
        counted(threads as u64, "thread"),
        env.level.name()
    ));
    if settings.encoder.is_rate_guessed() {
        env.events.note(format!(
            "no -b, -q or --qp given: using {rate}, chosen by frame size as in WebRTC"
        ));
    }
    let (support, transform) = (settings.display_support(), settings.transform());
    if let Some(lost) = transform.lost(stream_info.size, stream_info.info) {
        env.events.warn(lost);
    }
    support.report(&transform, stream_info.size, stream_info.info, &env.events);
    if let Some(warning) = transform.warning(stream_info.info) {
        env.events.warn(warning);
    } else if stream_info.info.field_order.is_interlaced() {
        env.events.warn(
            "the video is interlaced, and its frames are encoded with both fields\n\
             help: deinterlace it with --deinterlace",
        );
    }
    if let Some(warning) = targets::slow_codec(&settings.encoder) {
        env.events.warn(warning);
    }
    let regions = &settings.encoder.regions;
    if !regions.is_empty() {
        env.events.note(format!("regions of interest: {}", regions.text()));
    }
    let header = Object::new()
        .text("type", "header")
        .text("input", &input)
        .text("input_format", &stream_info.kind)
        .text("output_format", settings.format.name())
        .text("encoder", &backend)
        .raw("width", size.width)
        .raw("height", size.height)
        .text("frame_rate", &frame_rate.to_string())
        .text("time_base", &start.time_base.to_string())
        .text("rate", &rate)
        .text("preset", preset)
        .raw("speed", config.speed)
        .raw("min_qindex", min_qindex)
        .raw("max_qindex", max_qindex)
        .raw("threads", threads)
        .maybe("regions", (!regions.is_empty()).then(|| json::text(&regions.text())));
    env.events.event(header.clone().text("simd", env.level.name()));
    header
}
