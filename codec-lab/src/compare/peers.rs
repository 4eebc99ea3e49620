//! Other encoders by name: `libvpx:-6`, `x264:superfast`, `libopus:10`, with settings for a fair comparison.
//!
//! Video encoders, except those whose name ends in `-file`, get the settings of a call: constant
//! bitrate with a buffer of one second, no look-ahead, and up to 3000 frames between key frames.
//! Frame drops and denoising are off, because both would lower the measured quality. As with this
//! program's encoders, audio is encoded at a variable bitrate whose mean is the target, and no
//! filters are applied and no tags written.

use codec_media::failure::{Failure, Kind, Result};

use super::shape::Media;
use crate::process::find_program;

/// An encoder that a study knows by name.
struct Peer {
    /// The part of the specification before the colon.
    name: &'static str,
    program: &'static str,
    /// The Debian package of the program.
    package: &'static str,
    media: Media,
    /// Description of the value after the colon, for messages.
    speeds: &'static str,
    /// The speed without a value; empty if a value is required.
    usual_speed: &'static str,
    /// Options for a bitrate.
    for_rate: &'static str,
    /// Options for a constant quantiser; empty if that is not possible.
    for_qp: &'static str,
    /// The largest constant quantiser.
    max_qp: f64,
    /// Options for a constant rate factor; empty if there is none.
    for_crf: &'static str,
    /// All other options.
    options: &'static str,
    /// The command of its decoder; empty if this program decodes the stream.
    decode: &'static str,
}

/// Fields that all encoders of video have in common.
const OF_VIDEO: Peer = Peer {
    name: "",
    program: "",
    package: "",
    media: Media::Video,
    speeds: "",
    usual_speed: "",
    for_rate: "",
    for_qp: "",
    max_qp: 63.0,
    for_crf: "",
    options: "",
    decode: "",
};

/// Encoders of ffmpeg, whose audio codecs have bitrates only.
const OF_FFMPEG: Peer =
    Peer { program: "ffmpeg", package: "ffmpeg", media: Media::Audio, ..OF_VIDEO };

/// Kind of an arm's points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PointKind {
    Rate,
    Qp,
    Crf,
}

/// Constant bitrate of libvpx, as WebRTC sets it.
const VPX_CBR: &str = "--end-usage=cbr --min-q=2 --max-q=56 --undershoot-pct=100 --overshoot-pct=15 \
    --buf-sz=1000 --buf-initial-sz=500 --buf-optimal-sz=600 --max-intra-rate=900 --target-bitrate={kbps}";
/// One quantiser for all frames of libvpx and libaom.
const CONSTANT_Q: &str =
    "--end-usage=q --cq-level={qp} --min-q={qp} --max-q={qp} --disable-warning-prompt";
/// Constant quality of VP9 and of libaom.
const CRF: &str = "--end-usage=q --cq-level={crf}";
/// Constant quality of VP8, which requires a bitrate limit: one that no clip reaches.
const VP8_CRF: &str = "--end-usage=cq --cq-level={crf} --target-bitrate=1000000";
/// Two passes of libvpx for a bitrate.
const VPX_TWO_PASSES: &str = "--end-usage=vbr --target-bitrate={kbps}";

const PEERS: [Peer; 10] = [
    Peer {
        name: "libvpx",
        program: "vpxenc",
        package: "vpx-tools",
        speeds: "--cpu-used of --rt, such as -6",
        for_rate: VPX_CBR,
        for_qp: CONSTANT_Q,
        for_crf: VP8_CRF,
        options: "--codec=vp8 --rt --ivf --passes=1 --lag-in-frames=0 --kf-max-dist=3000 --static-thresh=1 \
                  --noise-sensitivity=0 --token-parts=0 --drop-frame=0 --threads={threads} --cpu-used={speed} -q -o {out} {in}",
        ..OF_VIDEO
    },
    Peer {
        name: "libvpx-file",
        program: "vpxenc",
        package: "vpx-tools",
        speeds: "--cpu-used of --good, such as 1",
        for_rate: VPX_TWO_PASSES,
        for_qp: CONSTANT_Q,
        for_crf: VP8_CRF,
        options: "--codec=vp8 --good --ivf --passes=2 --auto-alt-ref=1 --lag-in-frames=16 --kf-max-dist=240 \
                  --token-parts=0 --threads={threads} --cpu-used={speed} -q -o {out} {in}",
        ..OF_VIDEO
    },
    Peer {
        name: "libvpx-vp9",
        program: "vpxenc",
        package: "vpx-tools",
        speeds: "--cpu-used of --rt, such as 7",
        for_rate: VPX_CBR,
        for_qp: CONSTANT_Q,
        for_crf: CRF,
        options: "--codec=vp9 --rt --ivf --passes=1 --lag-in-frames=0 --kf-max-dist=3000 --aq-mode=3 --row-mt=0 \
                  --tile-columns=0 --frame-parallel=0 --static-thresh=1 --noise-sensitivity=0 --drop-frame=0 \
                  --threads={threads} --cpu-used={speed} -q -o {out} {in}",
        ..OF_VIDEO
    },
    Peer {
        name: "libvpx-vp9-file",
        program: "vpxenc",
        package: "vpx-tools",
        speeds: "--cpu-used of --good, such as 2",
        for_rate: VPX_TWO_PASSES,
        for_qp: CONSTANT_Q,
        for_crf: CRF,
        options: "--codec=vp9 --good --ivf --passes=2 --auto-alt-ref=1 --lag-in-frames=25 --kf-max-dist=240 --row-mt=0 \
                  --tile-columns=0 --threads={threads} --cpu-used={speed} -q -o {out} {in}",
        ..OF_VIDEO
    },
    Peer {
        name: "x264",
        program: "x264",
        package: "x264",
        speeds: "a preset, such as superfast",
        for_rate: "--bitrate {kbps} --vbv-maxrate {kbps} --vbv-bufsize {kbps}",
        for_qp: "--qp {qp}",
        max_qp: 51.0,
        for_crf: "--crf {crf}",
        options: "--preset {speed} --tune psnr,zerolatency --keyint 3000 --threads {threads} --quiet --no-progress \
                  -o {out:264} {in}",
        ..OF_VIDEO
    },
    Peer {
        name: "svt-av1",
        program: "SvtAv1EncApp",
        package: "svt-av1",
        speeds: "a preset of 8 to 13, such as 10",
        for_rate: "--rc 2 --tbr {kbps} --buf-sz 1000 --buf-initial-sz 500 --buf-optimal-sz 600",
        for_qp: "--rc 0 --aq-mode 0 -q {qp}",
        for_crf: "--rc 0 --crf {crf}",
        options: "--preset {speed} --pred-struct 1 --keyint 3000 --lp {threads} -i {in} -b {out}",
        ..OF_VIDEO
    },
    Peer {
        name: "libaom",
        program: "aomenc",
        package: "aom-tools",
        speeds: "--cpu-used of --rt, such as 9",
        for_rate: "--end-usage=cbr --min-q=2 --max-q=56 --undershoot-pct=50 --overshoot-pct=50 --buf-sz=1000 \
                   --buf-initial-sz=500 --buf-optimal-sz=600 --target-bitrate={kbps}",
        for_qp: CONSTANT_Q,
        for_crf: CRF,
        options: "--rt --ivf --passes=1 --lag-in-frames=0 --kf-max-dist=3000 --aq-mode=3 --enable-order-hint=0 \
                  --drop-frame=0 --threads={threads} --cpu-used={speed} -q -o {out} {in}",
        ..OF_VIDEO
    },
    Peer {
        name: "libopus",
        program: "opusenc",
        package: "opus-tools",
        media: Media::Audio,
        speeds: "a complexity of 0 to 10, such as 10",
        usual_speed: "10",
        for_rate: "--bitrate {kbps} --vbr",
        options: "--quiet --comp {speed} --framesize 20 --serial 1 --discard-comments --discard-pictures {in} \
                  {out:opus}",
        decode: "opusdec --quiet --rate 48000 --float {in} {out}",
        ..OF_VIDEO
    },
    Peer {
        name: "aac",
        speeds: "a coder of ffmpeg, such as twoloop or fast",
        usual_speed: "twoloop",
        for_rate: "-b:a {bps}",
        options: "-c:a aac -aac_coder {speed} {out:m4a}",
        ..OF_FFMPEG
    },
    Peer {
        name: "mp3",
        speeds: "a compression level of 0 (slowest) to 9, such as 2",
        usual_speed: "2",
        for_rate: "-b:a {bps} -abr 1",
        options: "-c:a libmp3lame -compression_level {speed} {out:mp3}",
        ..OF_FFMPEG
    },
];

/// How ffmpeg reads the audio of a clip.
const FFMPEG_INPUT: &str = "-v error -nostdin -y -i {in} -map 0:a:0 -map_metadata -1";

/// The command of a named encoder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PeerCommand {
    pub(super) media: Media,
    /// A command with placeholders.
    pub(super) template: String,
    /// The speed in the specification, if it has one.
    pub(super) speed: Option<String>,
    /// The speed if neither the specification nor the study has one.
    pub(super) usual_speed: Option<&'static str>,
    /// The command of the decoder, if it is not this program.
    pub(super) decode: Option<&'static str>,
}

/// Whether the specification of an arm has a speed of its own after the name of a peer.
pub(super) fn has_own_speed(run: &str) -> bool {
    run.split_once(':').is_some_and(|(name, _)| PEERS.iter().any(|peer| peer.name == name))
}

/// Whether `run` is the name of a peer, with or without a speed.
pub(super) fn is_named(run: &str) -> bool {
    has_own_speed(run) || PEERS.iter().any(|peer| peer.name == run)
}

/// Returns the command of `run` if it names a peer.
///
/// # Errors
/// If the program is not installed or has no points of this kind.
pub(super) fn command(run: &str, kind: PointKind) -> Result<Option<PeerCommand>> {
    let (name, speed) = match run.split_once(':') {
        Some((name, speed)) => (name, Some(speed)),
        None => (run, None),
    };
    let Some(peer) = PEERS.iter().find(|peer| peer.name == name) else { return Ok(None) };
    if speed.is_some_and(|speed| {
        speed.is_empty() || !speed.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    }) {
        return Err(Failure::usage(format!("arm {run}: expected {}", peer.speeds)));
    }
    if find_program(peer.program).is_none() {
        let (program, package) = (peer.program, peer.package);
        let message = format!("arm {run}: {program} is not in PATH");
        let help = format!("\nhelp: install it (Debian: {package})");
        return Err(Failure::new(Kind::Backend, message + &help));
    }
    let target = match kind {
        PointKind::Rate => peer.for_rate,
        PointKind::Qp => peer.for_qp,
        PointKind::Crf => peer.for_crf,
    };
    if target.is_empty() {
        let message = format!("arm {run}: the encoder has bitrates only\nhelp: give them with -b");
        return Err(Failure::usage(message));
    }
    let input = if peer.program == "ffmpeg" { FFMPEG_INPUT } else { "" };
    let template = format!("{} {input} {target} {}", peer.program, peer.options);
    Ok(Some(PeerCommand {
        media: peer.media,
        template,
        speed: speed.map(str::to_owned),
        usual_speed: Some(peer.usual_speed).filter(|speed| !speed.is_empty()),
        decode: Some(peer.decode).filter(|command| !command.is_empty()),
    }))
}

/// The largest constant quantiser of the peer `run`, with or without a speed; `None` for other arms.
pub(super) fn max_qp(run: &str) -> Option<f64> {
    let name = run.split_once(':').map_or(run, |(name, _)| name);
    let peer = PEERS.iter().find(|peer| peer.name == name && !peer.for_qp.is_empty())?;
    Some(peer.max_qp)
}

/// Describes the speeds of the peer `run`, for messages.
pub(super) fn speeds_of(run: &str) -> &'static str {
    PEERS.iter().find(|peer| peer.name == run).map_or("", |peer| peer.speeds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_peers_are_peers() {
        for other in ["vp8", "vp8/libvpx", "libvpx2:3", "cmd:x264 -o {out} {in}", "x265:fast"] {
            assert_eq!(command(other, PointKind::Rate).unwrap(), None, "{other}");
            assert!(!has_own_speed(other), "{other}");
        }
        assert!(has_own_speed("libvpx:-6") && !has_own_speed("libvpx"));
        for wrong in ["x264:", "x264:a b", "libvpx:{out}"] {
            assert_eq!(command(wrong, PointKind::Rate).unwrap_err().kind, Kind::Usage, "{wrong}");
        }
    }

    #[test]
    fn quantisers_have_the_range_of_the_peer() {
        assert_eq!(max_qp("x264:superfast"), Some(51.0));
        assert_eq!(max_qp("libvpx"), Some(63.0));
        assert_eq!(max_qp("libopus:10"), None);
        assert_eq!(max_qp("vp8"), None);
    }

    #[test]
    fn every_template_has_what_a_study_needs() {
        for peer in PEERS.iter().filter(|peer| peer.media == Media::Video) {
            let Peer { for_rate, for_qp, for_crf, options, .. } = peer;
            let text = format!("{for_rate} {for_qp} {for_crf} {options}");
            for place in ["{kbps}", "{qp}", "{crf}", "{speed}", "{threads}", "{in}"] {
                assert!(text.contains(place), "{}: no {place}", peer.name);
            }
        }
        for peer in PEERS.iter().filter(|peer| peer.media == Media::Audio) {
            let text = format!("{} {}", peer.for_rate, peer.options);
            assert!(text.contains("{kbps}") || text.contains("{bps}"), "{}", peer.name);
            assert!(text.contains("{speed}") && text.contains("{out:"), "{}", peer.name);
            assert!(!peer.usual_speed.is_empty(), "{}", peer.name);
        }
    }
}
