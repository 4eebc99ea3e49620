//! What `compare` is asked to do.

use std::path::PathBuf;

use codec_core::codec::Bitrate;
use codec_measure::bd::Interpolation;

/// Options of a study.
#[derive(Clone, Debug)]
pub struct CompareOptions {
    /// Clips: anything that holds pictures.
    pub clips: Vec<PathBuf>,
    /// An encoder with its settings, as [NAME=]WHAT: "vp8 --preset rtc --speed 8" (codec or
    /// codec/backend with options of `codec encode` and its knobs as --NAME VALUE), "cmd:vpxenc ...
    /// --target-bitrate={kbps} -o {out} {in}" (any program), or chrome-vp8. May be repeated; the
    /// first is the one that others are compared with.
    pub arms: Vec<String>,
    /// Name of the arm that the others are compared with.
    pub anchor: Option<String>,
    /// Bitrates: 200k,400k,800k,1600k.
    pub bitrate: Vec<Bitrate>,
    /// Bits per pixel, which make bitrates that fit each clip: 0.03,0.06,0.12,0.24.
    pub bpp: Vec<f64>,
    /// Constant qualities, 0 (worst) to 100 (best).
    pub quality: Vec<u8>,
    /// Constant quantisers, in the scale of each codec.
    pub qp: Vec<u8>,
    /// A bitrate that changes: a CSV file of SECONDS,RATE lines; one point for each clip.
    pub rate_trace: Option<PathBuf>,
    /// Each arm at each of these speeds: --speed of a backend, {speed} of a command.
    pub speeds: Vec<String>,
    /// Each arm with each of these numbers of threads: -j of a backend, {threads} of a command.
    /// Default: 1.
    pub threads: Vec<u16>,
    /// Use at most so many frames of each clip.
    pub frames: Option<u64>,
    /// Leave out the first frames of each clip.
    pub skip: Option<u64>,
    /// Times that each point is encoded, in turn with the others; figures are medians. Default: 3.
    pub repeat: Option<u32>,
    /// Encodings of each arm on each clip before the times count. Default: 1.
    pub warm_up: Option<u32>,
    /// Repeat further, up to ten times --repeat and at least five times, until the repeats leave no more
    /// than this open in each arm's CPU time as a ratio to the anchor's, clip by clip: 2%.
    pub until: Option<f64>,
    /// Measures of quality; BD-rate by the first one leads. Default: `psnr_y_global`, `psnr_611`, `ssim`.
    pub metrics: Vec<String>,
    /// What lies between the points of a curve. Default: pchip.
    pub interpolation: Option<Interpolation>,
    /// Encodings side by side: times then say nothing and are left out.
    pub jobs: Option<u16>,
    /// Most time for an encoding: 600s, 10m. Default: 10m.
    pub time_limit: Option<f64>,
    /// Leave out points of which the anchor's bitrate is further from the target, in percent.
    pub max_rate_error: Option<f64>,
    /// A study kept in a TOML file; what is given here as well counts more, clips and arms add up.
    pub study: Option<PathBuf>,
    /// Write the study to a TOML file.
    pub save_study: Option<PathBuf>,
    /// Title of the report.
    pub title: Option<String>,
    /// Folder of the report. What it holds of the same study already is not measured again.
    pub output: PathBuf,
    /// Use a folder that holds other files; overwrite a study.
    pub yes: bool,
}

/// The options of `codec encode`, which the arms of a study may have.
pub trait EncodeGrammar: Sync {
    /// Whether there is an option `--name`.
    fn has_option(&self, name: &str) -> bool;

    /// Checks the arguments of a whole command.
    ///
    /// # Errors
    /// With what is wrong.
    fn check(&self, argv: &[String]) -> Result<(), String>;

    /// An option that the study sets itself, among those of an arm.
    fn own_option(&self, options: &[String]) -> Option<&'static str>;
}
