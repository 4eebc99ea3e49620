//! Flags of `codec metrics`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use codec_media::cut::{Cut, parse_time};
use codec_media::values::{LimitList, RawLayout};

use super::numbers::{count, decimal, within};
use super::shared::PartArgs;

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub(crate) struct MetricsArgs {
    /// Reference file.
    #[arg(value_name = "REF")]
    pub(crate) reference: PathBuf,
    /// Distorted file, which is compared with REF.
    #[arg(value_name = "DIST")]
    pub(crate) distorted: PathBuf,
    /// Print JSON, including every frame.
    #[arg(long)]
    pub(crate) json: bool,
    /// Set the layout of headerless input (.yuv): WxH@FPS:i420|nv12|yuy2|rgb24|bgra|p010; 30 fps and i420 by default.
    #[arg(long, value_name = "LAYOUT")]
    pub(crate) raw: Option<RawLayout>,
    /// Align both files at their first frames instead of by timestamp.
    #[arg(long)]
    pub(crate) relative: bool,
    /// Skip the first N frames of REF; the next frame then has timestamp 0.
    ///
    /// Use it if DIST was cut with `codec encode --skip`.
    #[arg(long, value_name = "N", value_parser = count::<u64>, default_value_t = 0,
          conflicts_with_all = ["from", "to", "duration"])]
    pub(crate) skip: u64,
    /// Stop after N frames.
    #[arg(short = 'n', long, value_name = "N", value_parser = count::<u64>, conflicts_with_all = ["from", "to", "duration"])]
    pub(crate) frames: Option<u64>,
    /// Compare the same part of both files, by the times of both.
    #[command(flatten)]
    pub(crate) part: PartArgs,
    /// Start REF at this time; its first frame then has timestamp 0.
    ///
    /// Use it if DIST was cut with `codec encode --from`.
    #[arg(long, value_name = "TIME", value_parser = parse_time, allow_hyphen_values = true,
          conflicts_with_all = ["from", "to", "duration", "skip"])]
    pub(crate) ref_from: Option<Duration>,
    /// Measure these metrics in addition to PSNR and SSIM: a comma-separated list, or `all`.
    ///
    /// LIST contains any of `psnr`, `ssim` (both are always measured), `psnr_global`, `psnr_rgb`, `ms_ssim`,
    /// `psnr_hvs`, `ciede2000`, `xpsnr`, `ssimulacra2`, `butteraugli` and `vmaf`; `all` means all of these.
    #[arg(long, value_name = "LIST")]
    pub(crate) metrics: Option<String>,
    /// Print statistics: mean, percentiles, worst second, worst frames.
    #[arg(long)]
    pub(crate) pool: bool,
    /// Compare the frame that a viewer sees at each reference timestamp, and count freezes.
    #[arg(long)]
    pub(crate) viewer: bool,
    /// Set the number of threads (1 to 64).
    ///
    /// The results are the same for any number. Default: one per core.
    #[arg(short = 'j', long, value_parser = within(1_u16..=64))]
    pub(crate) threads: Option<u16>,
    /// Compare the audio, even if the files contain video.
    #[arg(long)]
    pub(crate) audio: bool,
    /// Search for an audio delay of at most this many milliseconds; 0 disables the search.
    #[arg(long, value_name = "MS", default_value_t = 500,
          value_parser = within(0_u32..=10_000))]
    pub(crate) max_delay: u32,
    /// Exit with code 7 if the audio SNR is below this value, in dB.
    #[arg(long, value_name = "DB", allow_hyphen_values = true, value_parser = decimal::<f64>)]
    pub(crate) min_snr: Option<f64>,
    /// Exit with code 7 if the audio log-spectral distance is above this value, in dB.
    #[arg(long, value_name = "DB", value_parser = decimal::<f64>)]
    pub(crate) max_lsd: Option<f64>,
    /// Exit with code 7 if the mean luma PSNR is below this value, in dB.
    #[arg(long, value_name = "DB", value_parser = decimal::<f64>)]
    pub(crate) min_psnr: Option<f64>,
    /// Exit with code 7 if the mean luma SSIM is below this value.
    #[arg(long, value_name = "SSIM", value_parser = decimal::<f64>)]
    pub(crate) min_ssim: Option<f64>,
    /// Reject input that exceeds these limits; see `codec decode --help`.
    #[arg(long, value_name = "LIST")]
    pub(crate) limits: Option<LimitList>,
}

impl MetricsArgs {
    /// The parts of REF and DIST.
    pub(crate) fn cuts(&self) -> [Cut; 2] {
        match self.ref_from {
            Some(_) => [Cut::new(self.ref_from, None, None), Cut::default()],
            None => [Cut { keep_times: true, ..self.part.cut() }; 2],
        }
    }
}
