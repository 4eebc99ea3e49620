//! The README's example of the library is the code below, which this test compiles and runs.

use std::fs;
use std::path::Path;

use codec_core::codec::{DropReason, Packet};
use codec_core::error::Error;

/// The body between the two marks is the README's.
fn sample(
    camera: impl Iterator<Item = Vec<u8>>,
    mut send: impl FnMut(Packet),
    report: impl Fn(DropReason),
    new_bandwidth_estimate: impl Fn() -> Option<codec_core::codec::Bitrate>,
) -> Result<(), Error> {
    // README
    use codec_core::codec::{Bitrate, EncoderConfig, FrameRequest, Outcome, Update};
    use codec_core::frame::Picture;

    let config = EncoderConfig::new(640, 360).bitrate(Bitrate::kbps(600));
    let mut encoder = codec_backends::open_encoder("vp8", &config)?; // or "vp9"

    for (pts, samples) in (0..).zip(camera) {
        let picture = Picture::i420_packed(config.size, &samples)?;
        match encoder.encode(&picture, &FrameRequest::at(pts))? {
            Outcome::Dropped { reason, .. } => report(reason),
            _ => encoder.packets().for_each(&mut send),
        }
        if let Some(estimate) = new_bandwidth_estimate() {
            encoder.apply(Update::Bitrate(estimate))?; // without a key frame
        }
    }
    // README
    Ok(())
}

#[test]
fn sample_of_the_readme_encodes_every_frame() {
    let camera = (0..5).map(|n| vec![20 * n; 640 * 360 * 3 / 2]);
    let mut packets = Vec::new();
    let estimate = || Some(codec_core::codec::Bitrate::kbps(300));
    let report = |reason| panic!("dropped: {reason:?}");
    sample(camera, |packet| packets.push(packet), report, estimate).unwrap();
    assert_eq!(packets.iter().map(|packet| packet.pts).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
}

#[test]
fn sample_of_the_readme_is_the_tested_one() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let shown = readme.split("```rust\n").nth(1).and_then(|rest| rest.split("```").next());
    let tested: Vec<_> = include_str!("readme.rs")
        .lines()
        .skip_while(|line| line.trim() != "// README")
        .skip(1)
        .take_while(|line| line.trim() != "// README")
        .map(|line| line.strip_prefix("    ").unwrap_or(line))
        .collect();
    assert_eq!(shown.unwrap().trim_end(), tested.join("\n"));
}
