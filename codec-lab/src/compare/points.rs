//! Parses the targets at which an arm (encoder with its settings) is measured: `crf=20,25,30`.

use codec_core::codec::Bitrate;
use codec_measure::results::Target;
use codec_media::failure::{Failure, Result};
use codec_media::settings::goal::TargetQuality;
use codec_media::values;

/// Separates an arm from its points.
const SEPARATOR: &str = " @ ";
/// All kinds, for messages.
const KINDS: &str = "b, bpp, q, qp, crf, vmaf, ssim, psnr, ssimulacra2";
/// Maximum CRF of all encoders.
const MAX_CRF: f64 = 255.0;

/// Divides `x264:medium @ crf=20,25` into the arm and its points.
pub(super) fn split(arm: &str) -> (&str, Option<&str>) {
    // Commands may contain the separator, too.
    let is_points = |points: &str| {
        let kind = points.trim().split_once('=').map(|(kind, _)| kind.trim());
        kind.is_some_and(|kind| {
            !kind.is_empty() && kind.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        })
    };
    match arm.rsplit_once(SEPARATOR) {
        Some((run, points)) if is_points(points) => (run.trim(), Some(points.trim())),
        _ => (arm.trim(), None),
    }
}

/// Parses `crf=20,25,30`.
///
/// # Errors
/// If the kind is unknown, or a value is invalid or given twice.
pub(super) fn parse(points: &str) -> Result<Vec<Target>> {
    let refused = |why: String| Failure::usage(format!("points `{points}`: {why}"));
    let (kind, list) = points
        .split_once('=')
        .ok_or_else(|| refused(format!("expected KIND=VALUE,..., where KIND is one of {KINDS}")))?;
    let kind = kind.trim();
    let mut targets: Vec<Target> = Vec::new();
    for text in list.split(',').map(str::trim) {
        let target = target(kind, text).map_err(refused)?;
        if targets.contains(&target) {
            return Err(refused(format!("{text} is given twice")));
        }
        targets.push(target);
    }
    Ok(targets)
}

fn target(kind: &str, text: &str) -> std::result::Result<Target, String> {
    let within = |most: f64| match text.parse::<f64>() {
        Ok(value) if (0.0..=most).contains(&value) => Ok(value),
        _ => Err(format!("invalid {kind} {text}: expected 0 to {most}")),
    };
    let whole = |most: u8| match text.parse::<u8>() {
        Ok(value) if value <= most => Ok(f64::from(value)),
        _ => Err(format!("invalid {kind} {text}: expected a whole number from 0 to {most}")),
    };
    let quality = || {
        let quality: TargetQuality = format!("{kind}={text}").parse()?;
        Ok::<f64, String>(quality.value)
    };
    Ok(match kind {
        "b" => Target::Kbps(kbps(values::bitrate(text)?)),
        "bpp" => Target::Bpp(values::bpp(text)?),
        "q" => Target::Quality(whole(100)?),
        "qp" => Target::Qp(whole(u8::MAX)?),
        "crf" => Target::Crf(within(MAX_CRF)?),
        "vmaf" => Target::Vmaf(quality()?),
        "ssim" => Target::Ssim(quality()?),
        "psnr" => Target::Psnr(quality()?),
        "ssimulacra2" => Target::Ssimulacra2(quality()?),
        _ => return Err(format!("unknown kind {kind}, expected one of {KINDS}")),
    })
}

#[expect(clippy::cast_precision_loss, reason = "bitrates are below 2^53")]
pub(super) fn kbps(rate: Bitrate) -> f64 {
    rate.0 as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_follow_the_arm() {
        assert_eq!(split("x264:medium @ crf=20,25"), ("x264:medium", Some("crf=20,25")));
        assert_eq!(split("vp8 --preset file"), ("vp8 --preset file", None));
        for command in ["cmd:enc a @ b {in} {out}", "cmd:enc --x @ --rate={kbps}"] {
            assert_eq!(split(command), (command, None));
        }
        assert_eq!(split("cmd:enc a @ b {q} @ q=20"), ("cmd:enc a @ b {q}", Some("q=20")));
    }

    #[test]
    fn every_kind_is_parsed() {
        let of = |text: &str| parse(text).unwrap();
        assert_eq!(of("b=200k, 1.5M"), [Target::Kbps(200.0), Target::Kbps(1500.0)]);
        assert_eq!(of("bpp=0.05"), [Target::Bpp(0.05)]);
        assert_eq!(of("q=40,52"), [Target::Quality(40.0), Target::Quality(52.0)]);
        assert_eq!(of("qp=30"), [Target::Qp(30.0)]);
        assert_eq!(of("crf=23.5"), [Target::Crf(23.5)]);
        assert_eq!(of("vmaf=80,95"), [Target::Vmaf(80.0), Target::Vmaf(95.0)]);
        assert_eq!(of("ssim=0.95"), [Target::Ssim(0.95)]);
        assert_eq!(of("psnr=40"), [Target::Psnr(40.0)]);
        assert_eq!(of("ssimulacra2=70"), [Target::Ssimulacra2(70.0)]);
    }

    #[test]
    fn invalid_points_are_rejected() {
        for (wrong, why) in [
            ("crf", "expected KIND=VALUE"),
            ("rate=3", "unknown kind rate"),
            ("q=101", "invalid q 101"),
            ("q=1.5", "whole number"),
            ("crf=-1", "invalid crf -1"),
            ("vmaf=0", "vmaf must be 1 to 100"),
            ("q=20,20", "20 is given twice"),
            ("q=", "invalid q"),
        ] {
            let message = parse(wrong).unwrap_err().message;
            assert!(message.contains(why), "{wrong}: {message}");
        }
    }
}
