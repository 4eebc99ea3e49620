//! Flags of `codec compare`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use codec_core::codec::Bitrate;
use codec_lab::compare::options::{CompareOptions, MAX_PICTURES};
use codec_measure::bd::Interpolation;

use codec_media::values;

use super::numbers::{count, within};
use super::shared::PartArgs;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum InterpolationArg {
    /// Monotone cubic (PCHIP), as in ISO/IEC TR 23002-8.
    Pchip,
    /// Akima spline.
    Akima,
}

impl From<InterpolationArg> for Interpolation {
    fn from(arg: InterpolationArg) -> Self {
        match arg {
            InterpolationArg::Pchip => Self::Pchip,
            InterpolationArg::Akima => Self::Akima,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// Clips: any readable video files, or audio files to compare audio codecs.
    #[arg(value_name = "CLIP")]
    pub(crate) clips: Vec<PathBuf>,
    /// Add an encoder with its settings; the others are compared with the first one, the anchor.
    ///
    /// ARM is [NAME=]SPEC, where SPEC is a codec or codec/backend with options of `codec encode`
    /// (backend-specific ones as --NAME VALUE), such as "vp8 --preset rtc --speed 8"; an external
    /// program, such as "cmd:vpxenc ... --target-bitrate={kbps} -o {out} {in}"; chrome-vp8:
    /// libvpx, configured as in Chrome; or another encoder with a speed: libvpx:-6, libvpx-vp9:7,
    /// libvpx-file:1, libvpx-vp9-file:2, x264:superfast, svt-av1:10, libaom:9. May be repeated.
    ///
    /// One run compares either video or audio encoders. Audio encoders are opus:10 (10 is the complexity) with audio options
    /// of `codec encode`, and g711; audio encoders of other programs are libopus:10, aac:twoloop, mp3:2, and commands.
    ///
    /// "SPEC @ KIND=VALUE,..." gives the encoder its own targets instead of those of -b, --bpp, -q or --qp, such as
    /// "x264:medium @ crf=20,25,30". KIND is b, bpp, q or qp; also crf for encoders of
    /// other programs; also vmaf, ssim, psnr or ssimulacra2 for encoders of this program, which search for that quality.
    #[arg(long = "arm", value_name = "ARM")]
    pub(crate) arms: Vec<String>,
    /// Use the encoder with this name as the anchor.
    #[arg(long, value_name = "NAME")]
    pub(crate) anchor: Option<String>,
    /// Encode at these bitrates, such as 200k,400k,800k,1600k.
    #[arg(short, long, value_name = "RATE,...", value_delimiter = ',',
          value_parser = values::bitrate, group = "targets")]
    pub(crate) bitrate: Vec<Bitrate>,
    /// Encode at these bits per pixel, such as 0.03,0.06,0.12.
    ///
    /// The bitrates follow from the size and frame rate of each clip.
    #[arg(long, value_name = "BITS,...", value_delimiter = ',', value_parser = values::bpp,
          group = "targets")]
    pub(crate) bpp: Vec<f64>,
    /// Encode at these constant qualities, 0 (worst) to 100 (best).
    #[arg(short, long, value_name = "N,...", value_delimiter = ',',
          value_parser = within(0_u8..=100), group = "targets")]
    pub(crate) quality: Vec<u8>,
    /// Encode at these constant quantiser indices, on each codec's own scale.
    #[arg(long, value_name = "N,...", value_delimiter = ',', group = "targets", value_parser = within(0_u8..=255))]
    pub(crate) qp: Vec<u8>,
    /// Follow the bitrates in this CSV file.
    ///
    /// Each line is SECONDS,RATE, such as `10,600k`. Each encoder gets one rate-distortion point per clip.
    #[arg(long, value_name = "FILE", group = "targets")]
    pub(crate) rate_trace: Option<PathBuf>,
    /// Encode each clip at each of these sizes, such as 1280x720,640x360, or scale factors relative to the clip's size,
    /// such as 1,1/2,1/4.
    ///
    /// Decoded frames are scaled back to the clip's size before they are measured. The curve of an encoder is the
    /// convex hull of its points of all sizes.
    #[arg(long, value_name = "SIZE,...", value_delimiter = ',')]
    pub(crate) sizes: Vec<String>,
    /// Run each encoder at each of these speeds.
    ///
    /// Sets --speed of a backend, --complexity of an audio codec or {speed} of a command.
    #[arg(long, value_name = "N,...", value_delimiter = ',', allow_hyphen_values = true)]
    pub(crate) speeds: Vec<String>,
    /// Run each encoder with each of these numbers of threads.
    ///
    /// Sets -j of a backend or {threads} of a command. Default: 1.
    #[arg(long, value_name = "N,...", value_delimiter = ',',
          value_parser = within(1_u16..=64))]
    pub(crate) threads: Vec<u16>,
    /// Use at most N frames of each clip.
    #[arg(short = 'n', long, value_name = "N", value_parser = count::<u64>, conflicts_with_all = ["from", "to", "duration"])]
    pub(crate) frames: Option<u64>,
    /// Skip the first N frames of each clip.
    #[arg(long, value_name = "N", value_parser = count::<u64>, conflicts_with_all = ["from", "to", "duration"])]
    pub(crate) skip: Option<u64>,
    #[command(flatten)]
    pub(crate) part: PartArgs,
    /// Encode each point (one encoder, clip and target) N times, interleaved with other points; times are medians.
    ///
    /// Default: 3.
    #[arg(long, value_name = "N", value_parser = within(1_u32..=1000))]
    pub(crate) repeat: Option<u32>,
    /// Run N warm-up encodings per encoder and clip.
    ///
    /// Default: 1.
    #[arg(long, value_name = "N", value_parser = within(0_u32..=100))]
    pub(crate) warm_up: Option<u32>,
    /// Repeat until the confidence interval of each CPU time ratio is within this percentage, such as 2%.
    ///
    /// Each clip is encoded at least 5 times and at most 10 x --repeat times.
    #[arg(long, value_name = "PERCENT", value_parser = values::percent)]
    pub(crate) until: Option<f64>,
    /// Measure these metrics; the first one is the main metric of the report.
    ///
    /// LIST is as in `codec metrics --help`, and may also name parts of metrics: `psnr_y` is the mean
    /// PSNR of the luma of all frames, `psnr_y_global` the PSNR of the mean squared error over all frames, `psnr_611`
    /// the mean of (6 Y + U + V) / 8. Default: `psnr_y_global`, `psnr_611`, `ssim`. Audio has `segmental_snr`, `lsd` (both by
    /// default), `snr` and `all`; none of them models hearing.
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(crate) metrics: Vec<String>,
    /// Set the interpolation of rate-distortion curves.
    ///
    /// Default: pchip.
    #[arg(long, value_enum)]
    pub(crate) interpolation: Option<InterpolationArg>,
    /// Run this many encodings in parallel; above 1, times are not reported.
    #[arg(short = 'j', long, value_name = "N",
          value_parser = within(1_u16..=256))]
    pub(crate) jobs: Option<u16>,
    /// Abort each encoding that takes longer than this, such as 600s or 10m.
    ///
    /// Default: 10m.
    #[arg(long, value_name = "TIME", value_parser = values::seconds)]
    pub(crate) time_limit: Option<f64>,
    /// Exclude target bitrates that the anchor misses by more than this, in percent.
    #[arg(long, value_name = "PERCENT", value_parser = values::percent)]
    pub(crate) max_rate_error: Option<f64>,
    /// Compare with the results.json of an earlier run.
    ///
    /// Encoders of the same name are compared on the same clips, by all metrics that both runs have. CPU times
    /// are compared relative to the anchor's. With --max-bd-rate or --max-cpu, exit with code 7 if an encoder
    /// is worse.
    #[arg(long, value_name = "FILE")]
    pub(crate) against: Option<PathBuf>,
    /// Fail above this BD-rate against the earlier results, such as 1%; may be negative.
    #[arg(long, value_name = "PERCENT", requires = "against", allow_negative_numbers = true,
          value_parser = values::signed_percent)]
    pub(crate) max_bd_rate: Option<f64>,
    /// Fail if CPU time relative to the anchor's grows by more than this factor, such as 1.05.
    #[arg(long, value_name = "FACTOR", requires = "against", value_parser = values::factor)]
    pub(crate) max_cpu: Option<f64>,
    /// Read a study (clips, encoders and options) from this TOML file.
    ///
    /// Options on the command line override those of the study; clips and encoders on the command line are added to it.
    #[arg(long, value_name = "FILE")]
    pub(crate) study: Option<PathBuf>,
    /// Save the study (clips, encoders and options) to this TOML file.
    #[arg(long, value_name = "FILE")]
    pub(crate) save_study: Option<PathBuf>,
    /// Write images of N decoded frames of each clip, at the middle one of the targets of each encoder.
    ///
    /// N is at most 16. The page shows two encoders, or an encoder and the source, side by side, in turn or as a difference. The frames are the
    /// worst one by the first metric, the one that differs most from the frame before it, the first one, then others at equal
    /// distances. Images are PNG files in the folder `pictures` of the report, 256 MB at most in all. Default: 0, because images
    /// are large.
    #[arg(long, value_name = "N", value_parser = within(0_u32..=MAX_PICTURES))]
    pub(crate) pictures: Option<u32>,
    /// Set the title of the report.
    #[arg(long)]
    pub(crate) title: Option<String>,
    /// Write the report to this folder.
    ///
    /// Earlier results of the same study in this folder are reused.
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: PathBuf,
    /// Write into a folder that holds other files; overwrite an existing study file.
    #[arg(short = 'y', long)]
    pub(crate) yes: bool,
}

impl From<&CompareArgs> for CompareOptions {
    fn from(args: &CompareArgs) -> Self {
        Self {
            clips: args.clips.clone(),
            arms: args.arms.clone(),
            anchor: args.anchor.clone(),
            bitrate: args.bitrate.clone(),
            bpp: args.bpp.clone(),
            quality: args.quality.clone(),
            qp: args.qp.clone(),
            rate_trace: args.rate_trace.clone(),
            sizes: args.sizes.clone(),
            speeds: args.speeds.clone(),
            threads: args.threads.clone(),
            frames: args.frames,
            skip: args.skip,
            cut: args.part.cut(),
            repeat: args.repeat,
            warm_up: args.warm_up,
            until: args.until,
            metrics: args.metrics.clone(),
            interpolation: args.interpolation.map(Interpolation::from),
            jobs: args.jobs,
            time_limit: args.time_limit,
            max_rate_error: args.max_rate_error,
            against: args.against.clone(),
            max_bd_rate: args.max_bd_rate,
            max_cpu: args.max_cpu,
            study: args.study.clone(),
            save_study: args.save_study.clone(),
            pictures: args.pictures,
            title: args.title.clone(),
            output: args.output.clone(),
            yes: args.yes,
        }
    }
}
