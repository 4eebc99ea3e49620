//! Media sent over lossy links, and the result at the receiver.

use codec_core::entropy::BoolDecoder;
use codec_vp8::header::{
    FRAME_TAG_BYTES, HeaderContext, KEY_HEADER_BYTES, parse_frame_header, parse_frame_tag,
};

use super::net::{packets, receiver};
use super::{Place, depth, y4m_frames};

/// For each frame of a VP8 IVF file: whether it is a key frame, and whether the next one inherits
/// its probabilities (RFC 6386, section 9.11).
pub(super) fn probabilities_kept(ivf: &[u8]) -> Vec<(bool, bool)> {
    let (mut rest, mut context) = (&ivf[32..], HeaderContext::default());
    let mut kept = Vec::new();
    while let Some((head, after)) = rest.split_first_chunk::<12>() {
        let len = u32::from_le_bytes(*head.first_chunk().unwrap());
        let (data, after) = after.split_at(usize::try_from(len).unwrap());
        let tag = parse_frame_tag(data).unwrap();
        let begin = FRAME_TAG_BYTES + if tag.is_key { KEY_HEADER_BYTES } else { 0 };
        let mut reader = BoolDecoder::new(&data[begin..]);
        let header = parse_frame_header(&mut reader, tag.is_key, &mut context);
        kept.push((tag.is_key, header.refresh_entropy));
        rest = after;
    }
    kept
}

#[test]
fn frames_do_not_depend_on_probabilities_of_lossy_frames() {
    if depth::skips_long() {
        return;
    }
    let place = Place::new();
    for (url, may_lose) in [
        ("udp://127.0.0.1:0", true),
        ("rtp://127.0.0.1:0", true),
        ("tcp://127.0.0.1:0", false),
        ("ws://127.0.0.1:0/live", false),
    ] {
        let (running, address) = receiver(&place, url, &["-o", "out.ivf", "-y"]);
        let target = url.replace("127.0.0.1:0", &address);
        place.ok(&["send", "testsrc:size=96x64", &target, "-n", "20", "-b", "200k"]);
        let (code, said) = running.end();
        assert_eq!(code, 0, "{url}: {said}");
        let kept = probabilities_kept(&place.read("out.ivf"));
        assert_eq!(kept.len(), 20, "{url}: {said}");
        let inter = kept.iter().filter(|(is_key, _)| !is_key);
        let keeping = inter.filter(|(_, keeps)| *keeps).count();
        assert_eq!(keeping == 0, may_lose, "{url}: {keeping} frames keep their probabilities");
    }
}

/// The largest PSNR of `picture` against the frames from `from` on, in dB, and its position.
#[expect(clippy::cast_precision_loss, reason = "a mean")]
fn best_match(picture: &[u8], sources: &[&[u8]], from: usize) -> (f64, usize) {
    let psnr = |source: &[u8]| {
        let squares = picture.iter().zip(source).map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2));
        let mean = squares.sum::<u64>() as f64 / picture.len() as f64;
        10.0 * (255.0 * 255.0 / mean.max(1e-3)).log10()
    };
    let all = sources.iter().enumerate().skip(from).map(|(at, source)| (psnr(source), at));
    all.max_by(|one, other| one.0.total_cmp(&other.0)).unwrap()
}

#[test]
fn frames_received_over_a_lossy_link_are_those_sent() {
    if depth::skips_long() {
        return;
    }
    let place = Place::with_clip("talking-head", "96x64", 90);
    let (running, address) = receiver(&place, "rtp://127.0.0.1:0", &["-o", "out.y4m"]);
    let target = format!("rtp://{address}");
    let netem = "loss=10%,delay=10ms,seed=1";
    let send = ["send", "clip.y4m", &target, "-b", "300k", "--adapt", "off", "--netem", netem];
    place.ok(&send);
    let (code, said) = running.end();
    // The goodbye may be lost too.
    assert!(code == 0 || code == 8, "{said}");
    let (sent, came) = (place.read("clip.y4m"), place.read("out.y4m"));
    let (sent, came) = (y4m_frames(&sent), y4m_frames(&came));
    // The number that arrives in time depends on the machine; their content does not.
    assert!(came.len() >= 30, "{} of {}: {said}", came.len(), sent.len());
    let (mut from, mut worst) = (0, f64::INFINITY);
    for (number, picture) in came.iter().enumerate() {
        let (psnr, at) = best_match(picture, &sent, from);
        assert!(psnr >= 32.0, "frame {number} matches no frame from {from} on: {psnr:.1} dB");
        (from, worst) = (at, worst.min(psnr));
    }
    println!("{} of {} frames, at least {worst:.1} dB", came.len(), sent.len());
}

#[test]
fn losses_on_an_emulated_link_are_repaired() {
    let place = Place::new();
    let (running, address) = receiver(&place, "rtp://127.0.0.1:0", &["-o", "out.ivf"]);
    let netem = "loss=10%,delay=10ms,seed=3";
    let source = "testsrc:size=96x64";
    let target = format!("rtp://{address}");
    place.ok(&["send", source, &target, "-n", "90", "-b", "300k", "--netem", netem]);
    let (code, said) = running.end();
    // The goodbye may be lost too.
    assert!(code == 0 || code == 8, "{said}");
    let counts = packets(&place, "out.ivf");
    assert!(counts[0] >= 80, "{counts:?} {said}");
}
