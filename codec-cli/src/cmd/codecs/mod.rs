//! `codec codecs`.

mod audio;

use codec_audio::conformance::check_audio;
use codec_audio::processors::AUDIO_PROCESSORS;
use codec_backends::registry::{AUDIO_BACKENDS, BACKENDS};
use codec_core::codec::{Backend, Capabilities, Gap, Knob, KnobKind, Scalability};
use codec_core::conformance::{self, Check, Report, Verdict};
use codec_core::frame::PixelFormat;
use codec_media::count::counted;
use codec_media::failure::{Failure, Kind, Result};
use codec_media::io::output::print;
use codec_media::json::{self, Object};

use crate::args::generate::CodecsArgs;

/// Lists the backends of this build, or checks one.
pub(crate) fn run(args: &CodecsArgs) -> Result<()> {
    if let Some(spec) = &args.check {
        return check(spec, args.json);
    }
    if args.json {
        let list = json::array(BACKENDS.iter().map(backend_json));
        let object = Object::new()
            .raw("backends", list)
            .raw("audio_backends", json::array(AUDIO_BACKENDS.iter().map(audio::backend_json)))
            .raw(
                "audio_processors",
                json::array(AUDIO_PROCESSORS.iter().map(audio::processor_json)),
            );
        return print(&format!("{}\n", object.finish()));
    }
    let mut text = String::new();
    for backend in BACKENDS {
        text.push_str(&backend_text(backend));
    }
    AUDIO_BACKENDS.iter().for_each(|backend| text.push_str(&audio::backend_text(backend)));
    AUDIO_PROCESSORS.iter().for_each(|entry| text.push_str(&audio::processor_text(entry)));
    print(&text)
}

/// Runs the conformance kit on every backend that `spec` names.
fn check(spec: &str, as_json: bool) -> Result<()> {
    let is_named = |codec: &str, name: &str| spec == codec || spec == format!("{codec}/{name}");
    let video = BACKENDS.iter().filter(|b| is_named(b.codec.name(), b.name));
    let audio = AUDIO_BACKENDS.iter().filter(|b| is_named(b.codec.name(), b.name));
    let reports: Vec<Report> = video
        .map(|backend| conformance::check_video(backend, BACKENDS))
        .chain(audio.map(|backend| check_audio(backend, AUDIO_BACKENDS)))
        .collect();
    if reports.is_empty() {
        let message =
            format!("no codec or backend `{spec}` in this build\nhelp: `codec codecs` lists all");
        return Err(Failure::new(Kind::Backend, message));
    }
    if as_json {
        let list = json::array(reports.iter().map(report_json));
        print(&format!("{}\n", Object::new().raw("reports", list).finish()))?;
    } else {
        print(&reports.iter().map(ToString::to_string).collect::<String>())?;
    }
    let failed: usize = reports.iter().map(|report| report.failures().count()).sum();
    if failed > 0 {
        return Err(Failure::new(
            Kind::Check,
            format!("{spec} failed {}", counted(failed as u64, "check")),
        ));
    }
    Ok(())
}

fn report_json(report: &Report) -> String {
    let checks = report.checks.iter().map(|Check { name, verdict }| {
        let (word, why) = match verdict {
            Verdict::Passed => ("passed", None),
            Verdict::Gap(why) => ("gap", Some(why)),
            Verdict::Failed(why) => ("failed", Some(why)),
        };
        let object = Object::new().text("name", name).text("verdict", word);
        object.maybe("why", why.map(|why| json::text(why))).finish()
    });
    Object::new().text("backend", &report.backend).raw("checks", json::array(checks)).finish()
}

fn layer_names(modes: &[Scalability]) -> Vec<&'static str> {
    let named = Scalability::ALL.iter().filter(|(_, mode)| modes.contains(mode));
    named.map(|(name, _)| *name).collect()
}

fn format_name(format: &PixelFormat) -> String {
    format.to_string()
}

fn backend_text(backend: &Backend) -> String {
    let mut text = format!("{}/{}\n", backend.codec, backend.name);
    if let Some((_, caps)) = backend.encoder {
        let (best, worst) = caps.qindex_range;
        text.push_str(&format!(
            "  encodes ({}): layers {}; qindex {best}..{worst}; up to {} pixels a side; buffers \
             at most {}\n",
            caps.implementation,
            layer_names(caps.scalability).join(" "),
            caps.max_dimension,
            counted(caps.latency_frames.into(), "frame")
        ));
        for knob in caps.knobs {
            text.push_str(&knob_text(knob));
        }
        push_gaps(&mut text, caps);
    }
    if let Some((_, caps)) = backend.decoder {
        let threads = if caps.threads { ", on several threads" } else { "" };
        text.push_str(&format!("  decodes ({}{threads})\n", caps.implementation));
        push_gaps(&mut text, caps);
    }
    text
}

fn push_gaps(text: &mut String, caps: &Capabilities) {
    let names: Vec<_> = caps.gaps.iter().map(|gap| gap.feature.name()).collect();
    if !names.is_empty() {
        text.push_str(&format!("    not supported: {}\n", names.join(", ")));
    }
}

fn knob_text(knob: &Knob) -> String {
    let live = if knob.live { ", can change while running" } else { "" };
    format!("    {}={} [{}{live}]: {}\n", knob.name, knob.default, knob.allowed(), knob.help)
}

fn backend_json(backend: &Backend) -> String {
    let side = |caps: Option<&'static Capabilities>| caps.map(capabilities_json);
    Object::new()
        .text("codec", backend.codec.name())
        .text("name", backend.name)
        .maybe("encoder", side(backend.encoder.map(|(_, caps)| caps)))
        .maybe("decoder", side(backend.decoder.map(|(_, caps)| caps)))
        .finish()
}

fn capabilities_json(caps: &'static Capabilities) -> String {
    let (best, worst) = caps.qindex_range;
    Object::new()
        .text("implementation", caps.implementation)
        .raw("formats", json::array(caps.formats.iter().map(|f| json::text(&format_name(f)))))
        .raw("max_dimension", caps.max_dimension)
        .raw("alignment", caps.alignment)
        .raw("scalability", json::array(layer_names(caps.scalability).into_iter().map(json::text)))
        .raw("qindex_range", json::array([best, worst]))
        .raw("reference_slots", caps.reference_slots)
        .raw("latency_frames", caps.latency_frames)
        .raw("live_bitrate", caps.live_bitrate)
        .raw("live_resolution", caps.live_resolution)
        .raw("reports_qindex", caps.reports_qindex)
        .raw("threads", caps.threads)
        .raw("knobs", json::array(caps.knobs.iter().map(knob_json)))
        .raw("gaps", json::array(caps.gaps.iter().map(gap_json)))
        .finish()
}

fn gap_json(gap: &Gap) -> String {
    Object::new().text("feature", gap.feature.name()).text("reason", gap.reason).finish()
}

fn knob_json(knob: &Knob) -> String {
    let object = Object::new().text("name", knob.name);
    let object = match knob.kind {
        KnobKind::Range { min, max } => {
            object.text("kind", "range").raw("min", min).raw("max", max)
        }
        KnobKind::Switch => object.text("kind", "switch").raw("min", 0).raw("max", 1),
        KnobKind::Choice(values) => {
            let choices = values.iter().map(|&(value, name)| {
                Object::new().raw("value", value).text("name", name).finish()
            });
            object.text("kind", "choice").raw("choices", json::array(choices))
        }
    };
    object.raw("default", knob.default).raw("live", knob.live).text("help", knob.help).finish()
}
