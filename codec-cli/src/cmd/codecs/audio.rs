//! Audio backends and processors.

use codec_audio::processor::ProcessorEntry;
use codec_audio::{AudioBackend, AudioCapabilities};
use codec_media::count::counted;
use codec_media::json::{self, Object};

use super::{knob_json, knob_text};

/// The names of capabilities, and whether the backend has them.
fn features(caps: &AudioCapabilities) -> [(&'static str, bool); 9] {
    [
        ("live_bitrate", caps.live_bitrate),
        ("complexity", caps.complexity),
        ("cbr", caps.cbr),
        ("vbr", caps.vbr),
        ("bandwidth", caps.bandwidth),
        ("fec", caps.fec),
        ("dtx", caps.dtx),
        ("concealment", caps.concealment),
        ("lossless", caps.lossless),
    ]
}

pub(super) fn backend_text(backend: &AudioBackend) -> String {
    let mut text = format!("{}/{} (audio)\n", backend.codec.name(), backend.name);
    if let Some((_, caps)) = backend.encoder {
        text.push_str(&format!("  encodes ({}): {}\n", caps.implementation, summary(caps)));
        caps.knobs.iter().for_each(|knob| text.push_str(&knob_text(knob)));
    }
    if let Some((_, caps)) = backend.decoder {
        text.push_str(&format!("  decodes ({})\n", caps.implementation));
    }
    text
}

fn summary(caps: &AudioCapabilities) -> String {
    let rates = rates_text(caps.rates);
    let mut parts = vec![rates, format!("up to {}", counted(caps.max_channels.into(), "channel"))];
    if let Some((least, most)) = caps.bitrate_range {
        parts.push(format!("{least}..{most} bit/s"));
    }
    if !caps.frame_us.is_empty() {
        let ms = caps.frame_us.iter().map(|us| (f64::from(*us) / 1000.0).to_string());
        parts.push(format!("packets of {} ms", ms.collect::<Vec<_>>().join(" ")));
    }
    let names = features(caps).into_iter().filter(|(_, has)| *has).map(|(name, _)| name);
    let names = names.collect::<Vec<_>>().join(" ");
    if !names.is_empty() {
        parts.push(names);
    }
    parts.join("; ")
}

fn rates_text(rates: &[u32]) -> String {
    if rates.is_empty() {
        return "any rate".to_owned();
    }
    let list: Vec<_> = rates.iter().map(ToString::to_string).collect();
    format!("{} Hz", list.join(" "))
}

pub(super) fn backend_json(backend: &AudioBackend) -> String {
    Object::new()
        .text("codec", backend.codec.name())
        .text("name", backend.name)
        .maybe("encoder", backend.encoder.map(|(_, caps)| capabilities_json(caps)))
        .maybe("decoder", backend.decoder.map(|(_, caps)| capabilities_json(caps)))
        .finish()
}

fn capabilities_json(caps: &AudioCapabilities) -> String {
    let object = Object::new()
        .text("implementation", caps.implementation)
        .raw("rates", json::array(caps.rates))
        .raw("max_channels", caps.max_channels)
        .raw("frame_us", json::array(caps.frame_us))
        .maybe("bitrate_range", caps.bitrate_range.map(|(low, high)| json::array([low, high])));
    let object =
        features(caps).into_iter().fold(object, |object, (name, has)| object.raw(name, has));
    object.raw("knobs", json::array(caps.knobs.iter().map(knob_json))).finish()
}

pub(super) fn processor_text(entry: &ProcessorEntry) -> String {
    let ProcessorEntry { name, implementation, help, .. } = entry;
    format!("{name} (processing, {implementation}): {help}; {}\n", rates_text(entry.rates))
}

pub(super) fn processor_json(entry: &ProcessorEntry) -> String {
    Object::new()
        .text("name", entry.name)
        .text("implementation", entry.implementation)
        .text("help", entry.help)
        .raw("rates", json::array(entry.rates))
        .raw("max_channels", entry.max_channels)
        .finish()
}
