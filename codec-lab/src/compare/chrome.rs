//! libvpx with the settings of WebRTC in a desktop browser.

use codec_backends::registry;
use codec_core::frame::Size;
use codec_media::failure::{Failure, Kind, Result};

use crate::process;

/// Which libvpx is used.
#[derive(Clone, Copy, Debug)]
pub(super) enum Chrome {
    Vpxenc,
    Backend,
}

/// Finds a libvpx.
pub(super) fn find() -> Result<Chrome> {
    if process::find_program("vpxenc").is_some() {
        return Ok(Chrome::Vpxenc);
    }
    if registry::find_encoder("vp8/libvpx").is_ok() {
        return Ok(Chrome::Backend);
    }
    let message = "chrome-vp8 requires libvpx\n\
                   help: install vpxenc (vpx-tools), or build with feature libvpx";
    Err(Failure::new(Kind::Backend, message))
}

/// The libvpx settings of WebRTC in a desktop browser, by frame size: speed -6, or -4 below CIF;
/// constant bitrate with a buffer of one second; quantisers 2 to 56; key frames only on request,
/// with the bits of at most nine frames; frame drops below 30 % of the buffer; denoising.
fn settings(size: Size) -> (i64, u16) {
    let pixels = size.pixels();
    let speed = if pixels < 352 * 288 { -4 } else { -6 };
    let threads = match pixels {
        pixels if pixels >= 1920 * 1080 => 8,
        pixels if pixels >= 1280 * 960 => 3,
        pixels if pixels >= 640 * 480 => 2,
        _ => 1,
    };
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    (speed, threads.min(u16::try_from(cores).unwrap_or(u16::MAX)))
}

/// The command of vpxenc for a bitrate in kilobits per second.
pub(super) fn vpxenc(size: Size, kbps: f64, output: String, input: String) -> Vec<String> {
    let (speed, threads) = settings(size);
    let fixed = "--codec=vp8 --rt --ivf --passes=1 --end-usage=cbr --lag-in-frames=0 --min-q=2 \
                 --max-q=56 --undershoot-pct=100 --overshoot-pct=15 --buf-sz=1000 \
                 --buf-initial-sz=500 --buf-optimal-sz=600 --max-intra-rate=900 --kf-max-dist=3000 \
                 --static-thresh=1 --noise-sensitivity=1 --token-parts=0 --drop-frame=30 -q";
    let mut argv = vec!["vpxenc".to_owned()];
    argv.extend(fixed.split_whitespace().map(str::to_owned));
    argv.extend([
        format!("--cpu-used={speed}"),
        format!("--threads={threads}"),
        format!("--target-bitrate={kbps}"),
        "-o".to_owned(),
        output,
        input,
    ]);
    argv
}

/// The options of `codec encode` for libvpx.
pub(super) fn options(size: Size) -> Vec<String> {
    let (speed, threads) = settings(size);
    let mut options = vec!["--preset".to_owned(), "rtc".to_owned(), "--drop".to_owned()];
    for (name, value) in [
        ("cpu-used", speed),
        ("threads", i64::from(threads)),
        ("static-threshold", 1),
        ("noise-sensitivity", 1),
    ] {
        options.extend(["--knob".to_owned(), format!("{name}={value}")]);
    }
    options
}
