//! Every backend of the build passes the conformance kit, and the kit detects faulty backends.

use std::collections::VecDeque;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use codec_audio::conformance::check_audio;
use codec_backends::registry::{self, AUDIO_BACKENDS, BACKENDS};
use codec_core::codec::{
    Applied, Backend, Bitrate, Capabilities, EncoderConfig, Feature, FrameRequest, Gap, Outcome,
    Packet, RateControl, Update, VideoEncoder,
};
use codec_core::conformance;
use codec_core::error::Error;
use codec_core::frame::Picture;

#[path = "../../codec-core/examples/add_a_backend.rs"]
mod add_a_backend;

#[test]
fn every_video_backend_passes() {
    for backend in BACKENDS {
        let report = conformance::check_video(backend, BACKENDS);
        println!("{report}");
        assert!(report.is_passed(), "{report}");
    }
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
enum Lie {
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
}

const LIES: [(Lie, &str); 12] = [
    (Lie::LosesAPacket, "packets are in order"),
    (Lie::WrongQindex, "packet metadata is correct"),
    (Lie::WrongKind, "packet metadata is correct"),
    (Lie::WrongDigest, "packet metadata is correct"),
    (Lie::SwapsPackets, "packets are in order"),
    (Lie::KeyFrameOnRateChange, "without a key frame"),
    (Lie::IgnoresTheBitrate, "stays in its window"),
    (Lie::TakesAnyKnob, "every knob accepts its bounds"),
    (Lie::HidesDrops, "every drop is reported"),
    (Lie::PanicsAtOtherSizes, "a rejected frame changes nothing"),
    (Lie::NoKeyFrameAfterFinish, "`finish` resets the encoder"),
    (Lie::DeclaresAGapItFills, "intra refresh"),
];

/// The native encoder with one fault.
#[derive(Debug)]
struct Liar {
    lie: Lie,
    config: EncoderConfig,
    inner: Box<dyn VideoEncoder>,
    held: VecDeque<Packet>,
    count: u64,
}

fn open<const LIE: usize>(config: &EncoderConfig) -> Result<Box<dyn VideoEncoder>, Error> {
    let lie = LIES[LIE].0;
    let mut told = config.clone();
    match lie {
        Lie::TakesAnyKnob => told.knobs.clear(),
        Lie::IgnoresTheBitrate => {
            if let RateControl::Cbr(_) = told.rate {
                told.rate = RateControl::Cbr(Bitrate::kbps(600));
            }
        }
        _ => {}
    }
    let inner = codec_vp8::encoder::open(&told)?;
    let config = config.clone();
    Ok(Box::new(Liar { lie, config, inner, held: VecDeque::new(), count: 0 }))
}

impl VideoEncoder for Liar {
    fn capabilities(&self) -> &Capabilities {
        self.inner.capabilities()
    }

    fn encode(&mut self, picture: &Picture<'_>, request: &FrameRequest) -> Result<Outcome, Error> {
        assert!(self.lie != Lie::PanicsAtOtherSizes || picture.size() == self.config.size);
        let outcome = self.inner.encode(picture, request)?;
        Ok(match outcome {
            Outcome::Dropped { .. } if self.lie == Lie::HidesDrops => Outcome::Buffered,
            Outcome::Coded if self.lie == Lie::SwapsPackets => Outcome::Buffered,
            outcome => outcome,
        })
    }

    fn receive(&mut self, packet: &mut Packet) -> bool {
        if self.lie == Lie::SwapsPackets {
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
        match self.lie {
            Lie::LosesAPacket if self.count == 7 => return self.receive(packet),
            Lie::WrongQindex => meta.qindex ^= 1,
            Lie::WrongKind if self.count == 3 => meta.kind = codec_core::codec::FrameKind::Key,
            Lie::WrongDigest => meta.digest = meta.digest.map(|digest| digest ^ 1),
            _ => {}
        }
        true
    }

    fn finish(&mut self) -> Result<(), Error> {
        match self.lie {
            Lie::NoKeyFrameAfterFinish => Ok(()),
            _ => self.inner.finish(),
        }
    }

    fn apply(&mut self, update: Update) -> Result<Applied, Error> {
        if self.lie == Lie::KeyFrameOnRateChange && matches!(update, Update::Bitrate(_)) {
            self.inner.apply(Update::KeyFrame)?;
        }
        self.inner.apply(update)
    }
}

static FALSE_GAP: Capabilities = {
    let mut can = codec_vp8::encoder::CAPABILITIES;
    can.gaps = &[Gap::new(Feature::IntraRefresh, "so it says")];
    can
};

fn finds<const LIE: usize>() {
    let (lie, expected) = LIES[LIE];
    let told = match lie {
        Lie::DeclaresAGapItFills => &FALSE_GAP,
        _ => &codec_vp8::encoder::CAPABILITIES,
    };
    let honest = registry::find("vp8/native").unwrap();
    let liar = Backend { name: "liar", encoder: Some((open::<LIE>, told)), ..*honest };
    let report = conformance::check_video(&liar, BACKENDS);
    let found: Vec<_> = report.failures().collect();
    assert!(found.iter().any(|(name, _)| name.contains(expected)), "{lie:?}: {found:?}");
}

#[test]
fn the_kit_finds_every_fault() {
    finds::<0>();
    finds::<1>();
    finds::<2>();
    finds::<3>();
    finds::<4>();
    finds::<5>();
    finds::<6>();
    finds::<7>();
    finds::<8>();
    finds::<9>();
    finds::<10>();
    finds::<11>();
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
        for can in sides.into_iter().flatten().filter(|can| !can.lacks.is_empty()) {
            assert!(text.contains(can.lacks), "docs/BACKENDS.md lacks: {}", can.lacks);
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
