//! Every backend of the build passes the conformance kit, and the kit detects faulty backends.

use std::collections::VecDeque;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use codec_audio::conformance::check_audio;
use codec_backends::registry::{self, AUDIO_BACKENDS, BACKENDS};
use codec_core::codec::{
    Applied, Backend, Bitrate, Capabilities, Codec, Denoise, EncoderConfig, Feature, FrameRequest,
    Gap, Outcome, Packet, RateControl, Update, VideoEncoder,
};
use codec_core::conformance;
use codec_core::error::Error;
use codec_core::frame::Picture;
use codec_tests::depth;

#[path = "../../../codec-core/examples/add_a_backend.rs"]
mod add_a_backend;

#[test]
fn every_video_backend_passes() {
    let check = |backend| {
        let report = conformance::check_video(backend, BACKENDS);
        println!("{report}");
        assert!(report.is_passed(), "{report}");
    };
    std::thread::scope(|scope| {
        for backend in BACKENDS {
            // The kit decodes packets of an encoder of the build: VP9 has one with `libvpx`.
            if registry::find_encoder(backend.codec.name()).is_err() {
                println!("skipped, no encoder of {}: {}", backend.codec, backend.name);
                assert_eq!(backend.codec, Codec::Vp9, "every other codec has an encoder");
                continue;
            }
            // rav1e takes half a minute.
            if backend.codec != Codec::Av1 || !depth::skips_long() {
                scope.spawn(move || check(backend));
            }
        }
    });
}

#[test]
fn every_audio_backend_passes() {
    for backend in AUDIO_BACKENDS {
        let report = check_audio(backend, AUDIO_BACKENDS);
        println!("{report}");
        assert!(report.is_passed(), "{report}");
    }
}

#[test]
fn the_example_of_a_third_partys_backend_passes() {
    add_a_backend::main();
}

/// The fault of a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    LosesAPacket,
    WrongQindex,
    WrongKind,
    WrongDigest,
    SwapsPackets,
    KeyFrameOnRateChange,
    IgnoresTheBitrate,
    TakesAnyKnob,
    HidesDrops,
    PanicsAtOtherSizes,
    NoKeyFrameAfterFinish,
    DeclaresAGapItFills,
    IgnoresImportance,
    IgnoresDenoise,
    IgnoresTune,
}

const FAULTS: [(Fault, &str); 15] = [
    (Fault::LosesAPacket, "packets are in order"),
    (Fault::WrongQindex, "packet metadata is correct"),
    (Fault::WrongKind, "packet metadata is correct"),
    (Fault::WrongDigest, "packet metadata is correct"),
    (Fault::SwapsPackets, "packets are in order"),
    (Fault::KeyFrameOnRateChange, "without a key frame"),
    (Fault::IgnoresTheBitrate, "stays in its window"),
    (Fault::TakesAnyKnob, "every knob accepts its bounds"),
    (Fault::HidesDrops, "every drop is reported"),
    (Fault::PanicsAtOtherSizes, "a rejected frame changes nothing"),
    (Fault::NoKeyFrameAfterFinish, "`finish` resets the encoder"),
    (Fault::DeclaresAGapItFills, "intra refresh"),
    (Fault::IgnoresImportance, "importance has an effect"),
    (Fault::IgnoresDenoise, "removal of camera noise has an effect"),
    (Fault::IgnoresTune, "tuning for PSNR or visual quality has an effect"),
];

/// The native encoder with one fault.
#[derive(Debug)]
struct FaultyEncoder {
    fault: Fault,
    config: EncoderConfig,
    inner: Box<dyn VideoEncoder>,
    held: VecDeque<Packet>,
    count: u64,
}

fn open<const FAULT: usize>(config: &EncoderConfig) -> Result<Box<dyn VideoEncoder>, Error> {
    let fault = FAULTS[FAULT].0;
    let mut declared = config.clone();
    match fault {
        Fault::IgnoresTune => declared.tune = None,
        Fault::IgnoresDenoise => declared.denoise = Denoise::Off,
        Fault::TakesAnyKnob => declared.knobs.clear(),
        Fault::IgnoresTheBitrate => {
            if let RateControl::Cbr(_) = declared.rate.mode {
                declared.rate.mode = RateControl::Cbr(Bitrate::kbps(600));
            }
        }
        _ => {}
    }
    let inner = codec_vp8::encoder::open(&declared)?;
    let config = config.clone();
    Ok(Box::new(FaultyEncoder { fault, config, inner, held: VecDeque::new(), count: 0 }))
}

impl VideoEncoder for FaultyEncoder {
    fn capabilities(&self) -> &Capabilities {
        self.inner.capabilities()
    }

    fn encode(&mut self, picture: &Picture<'_>, request: &FrameRequest) -> Result<Outcome, Error> {
        assert!(self.fault != Fault::PanicsAtOtherSizes || picture.size() == self.config.size);
        let mut request = request.clone();
        if self.fault == Fault::IgnoresImportance {
            request.importance = None;
        }
        let outcome = self.inner.encode(picture, &request)?;
        Ok(match outcome {
            Outcome::Dropped { .. } if self.fault == Fault::HidesDrops => Outcome::Buffered,
            Outcome::Coded if self.fault == Fault::SwapsPackets => Outcome::Buffered,
            outcome => outcome,
        })
    }

    fn receive(&mut self, packet: &mut Packet) -> bool {
        if self.fault == Fault::SwapsPackets {
            let mut next = Packet::default();
            while self.inner.receive(&mut next) {
                self.held.push_front(next.clone());
            }
            let is_time = self.held.len() > 1;
            return is_time && self.held.pop_front().map(|held| *packet = held).is_some();
        }
        if !self.inner.receive(packet) {
            return false;
        }
        self.count += 1;
        let meta = &mut packet.meta;
        match self.fault {
            Fault::LosesAPacket if self.count == 7 => return self.receive(packet),
            Fault::WrongQindex => meta.qindex ^= 1,
            Fault::WrongKind if self.count == 3 => meta.kind = codec_core::codec::FrameKind::Key,
            Fault::WrongDigest => meta.digest = meta.digest.map(|digest| digest ^ 1),
            _ => {}
        }
        true
    }

    fn finish(&mut self) -> Result<(), Error> {
        match self.fault {
            Fault::NoKeyFrameAfterFinish => Ok(()),
            _ => self.inner.finish(),
        }
    }

    fn apply(&mut self, update: Update) -> Result<Applied, Error> {
        if self.fault == Fault::KeyFrameOnRateChange && matches!(update, Update::Bitrate(_)) {
            self.inner.apply(Update::KeyFrame)?;
        }
        self.inner.apply(update)
    }
}

static FALSE_GAP: Capabilities = {
    let mut can = codec_vp8::encoder::CAPABILITIES;
    can.gaps = &[Gap::new(Feature::IntraRefresh, "declared only")];
    can
};

fn finds<const FAULT: usize>() {
    let (fault, expected) = FAULTS[FAULT];
    let declared = match fault {
        Fault::DeclaresAGapItFills => &FALSE_GAP,
        _ => &codec_vp8::encoder::CAPABILITIES,
    };
    let native = registry::find("vp8/native").unwrap();
    let faulty = Backend { name: "faulty", encoder: Some((open::<FAULT>, declared)), ..*native };
    let report = conformance::check_video(&faulty, BACKENDS);
    let found: Vec<_> = report.failures().collect();
    assert!(found.iter().any(|(name, _)| name.contains(expected)), "{fault:?}: {found:?}");
}

#[test]
fn the_kit_finds_every_fault() {
    let faults: [fn(); 15] = [
        finds::<0>,
        finds::<1>,
        finds::<2>,
        finds::<3>,
        finds::<4>,
        finds::<5>,
        finds::<6>,
        finds::<7>,
        finds::<8>,
        finds::<9>,
        finds::<10>,
        finds::<11>,
        finds::<12>,
        finds::<13>,
        finds::<14>,
    ];
    depth::sample(faults, 4, 0).into_iter().for_each(|finds| finds());
}

/// The gaps of an encoder or decoder as in docs/BACKENDS.md.
fn gap_table(backend: &Backend, side: &str, can: &Capabilities) -> String {
    let mut text = format!("### {}/{}, {side}\n\n", backend.codec, backend.name);
    if can.gaps.is_empty() {
        text += "No gaps.\n";
        return text;
    }
    text += "| lacks | because |\n|---|---|\n";
    for gap in can.gaps {
        writeln!(text, "| {} | {} |", gap.feature.name(), gap.reason).unwrap();
    }
    text
}

/// With `UPDATE_DOCS=1` in the environment, the sections of the build's backends are updated.
#[test]
fn the_documentation_lists_every_gap_with_its_reason() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/BACKENDS.md");
    let mut text = fs::read_to_string(&path).unwrap();
    for backend in BACKENDS {
        let encoder = backend.encoder.map(|(_, can)| gap_table(backend, "encoder", can));
        let decoder = backend.decoder.map(|(_, can)| gap_table(backend, "decoder", can));
        for section in [encoder, decoder].into_iter().flatten() {
            if std::env::var_os("UPDATE_DOCS").is_some() {
                text = renewed(&text, &section);
            }
            assert!(text.contains(&section), "docs/BACKENDS.md lacks:\n{section}");
        }
    }
    for backend in AUDIO_BACKENDS {
        let sides = [backend.encoder.map(|(_, can)| can), backend.decoder.map(|(_, can)| can)];
        for can in sides.into_iter().flatten().filter(|can| !can.gap_reason.is_empty()) {
            assert!(text.contains(can.gap_reason), "docs/BACKENDS.md lacks: {}", can.gap_reason);
        }
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, text).unwrap();
    }
}

/// `text` with `section` replacing the one of the same heading, or appended.
fn renewed(text: &str, section: &str) -> String {
    let heading = section.lines().next().unwrap();
    let Some(start) = text.find(&format!("{heading}\n")) else {
        return format!("{}\n\n{section}", text.trim_end());
    };
    let after = &text[start + heading.len()..];
    let end = after.find("\n#").map_or(text.len(), |at| start + heading.len() + at + 1);
    let gap = if end < text.len() { "\n" } else { "" };
    format!("{}{section}{gap}{}", &text[..start], &text[end..])
}
