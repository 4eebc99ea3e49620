//! Options of studies.

use std::path::PathBuf;

use codec_core::codec::Bitrate;
use codec_measure::bd::Interpolation;
use codec_media::cut::Cut;

/// Limit of [`CompareOptions::pictures`].
pub const MAX_PICTURES: u32 = 16;

/// Options of a study.
#[derive(Clone, Debug)]
pub struct CompareOptions {
    /// Clips: any readable video or audio files.
    pub clips: Vec<PathBuf>,
    /// Encoders with their settings, as `[NAME=]SPEC`, all of video or all of audio; the first one is the anchor. SPEC
    /// is a codec or codec/backend with options of `codec encode`, such as `vp8 --preset rtc --speed 8` and `opus:10`;
    /// an external program, such as `cmd:vpxenc ... --target-bitrate={kbps} -o {out} {in}`; or `chrome-vp8`; or another
    /// encoder by name and speed, such as `libvpx:-6`, `x264:superfast` and `libopus:10`. ` @ KIND=VALUES` after it,
    /// such as ` @ crf=20,25`, replaces the points of the study for this encoder.
    pub arms: Vec<String>,
    /// Name of the anchor: the encoder that the others are compared with. Default: the first one.
    pub anchor: Option<String>,
    /// Target bitrates.
    pub bitrate: Vec<Bitrate>,
    /// Bits per pixel, which give bitrates that fit each clip.
    pub bpp: Vec<f64>,
    /// Constant qualities, 0 (worst) to 100 (best).
    pub quality: Vec<u8>,
    /// Constant quantisers, in each codec's own scale.
    pub qp: Vec<u8>,
    /// A CSV file of SECONDS,RATE lines that the bitrate follows: one point per clip.
    pub rate_trace: Option<PathBuf>,
    /// Encodes each clip at each of these sizes, such as `1280x720` or `1/2`, and scales the decoded frames back.
    pub sizes: Vec<String>,
    /// Runs each encoder at each of these speeds: `--speed` of a backend, `--complexity` of an audio codec, `{speed}` of
    /// a command.
    pub speeds: Vec<String>,
    /// Runs each encoder with each of these numbers of threads: `-j` of a backend, `{threads}` of a
    /// command. Default: 1.
    pub threads: Vec<u16>,
    /// Maximum number of frames of each clip.
    pub frames: Option<u64>,
    /// Number of frames to skip at the start of each clip.
    pub skip: Option<u64>,
    /// The part of each clip.
    pub cut: Cut,
    /// Number of encodes of each point, interleaved with the others; results are medians. Default:
    /// 3.
    pub repeat: Option<u32>,
    /// Number of warm-up encodes per encoder and clip. Default: 1.
    pub warm_up: Option<u32>,
    /// Repeats until the CPU time ratio to the anchor is known to this precision, clip by clip: at
    /// least five encodes and at most ten times `repeat`.
    pub until: Option<f64>,
    /// Quality metrics; the first one leads the report. Default: `psnr_y_global`, `psnr_611`,
    /// `ssim`; for audio `segmental_snr`, `lsd`.
    pub metrics: Vec<String>,
    /// Interpolation of rate-distortion curves. Default: pchip.
    pub interpolation: Option<Interpolation>,
    /// Number of parallel encodes; above 1, times are not reported.
    pub jobs: Option<u16>,
    /// Timeout of an encode in seconds. Default: 600.
    pub time_limit: Option<f64>,
    /// Excludes points whose anchor bitrate misses the target by more than this, in percent.
    pub max_rate_error: Option<f64>,
    /// The `results.json` of an earlier run, with which encoders of the same name are compared.
    pub against: Option<PathBuf>,
    /// Fails if the BD-rate against the earlier results exceeds this limit by any metric, in
    /// percent.
    pub max_bd_rate: Option<f64>,
    /// Fails if the CPU time relative to the anchor's has grown by more than this factor.
    pub max_cpu: Option<f64>,
    /// A study in a TOML file. Options given here override it; clips and encoders are added.
    pub study: Option<PathBuf>,
    /// Writes the study to a TOML file.
    pub save_study: Option<PathBuf>,
    /// Number of frames of each clip of which the report has images. Default: 0.
    pub pictures: Option<u32>,
    /// Title of the report.
    pub title: Option<String>,
    /// Folder of the report. Results of the same study that it already holds are reused.
    pub output: PathBuf,
    /// Uses a folder that holds other files; overwrites an existing study.
    pub yes: bool,
}

/// The options of `codec encode` that an encoder of a study may have.
pub trait EncodeGrammar: Sync {
    /// Whether there is an option `--name`.
    fn has_option(&self, name: &str) -> bool;

    /// Checks the arguments of a whole command.
    ///
    /// # Errors
    /// The message for the user, if the arguments are invalid.
    fn check(&self, argv: &[String]) -> Result<(), String>;

    /// Returns an option of an encoder that the study itself sets, if there is one.
    fn own_option(&self, options: &[String]) -> Option<&'static str>;

    /// The sample rate and the number of channels that options of an audio encoder set.
    fn audio_format(&self, options: &[String]) -> (Option<u32>, Option<u8>);
}
