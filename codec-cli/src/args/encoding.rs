//! Converts the options of `encode` and `transcode` to settings, and rejects combinations that do not work.

use std::time::Duration;

use codec_container::{FileMetadata, Format};
use codec_media::failure::{Failure, Result};
use codec_media::io::names::{Outputs, format_of, is_pipe};
use codec_media::rate_trace::read_targets;
use codec_media::report::ReportFormat;
use codec_media::settings::audio::{AudioOptions, AudioSettings};
use codec_media::settings::encoder::{EncoderOptions, EncoderSettings, Preset};
use codec_media::settings::encoding::{Encoding, can_hold_audio};
use codec_media::settings::goal::Goal;

use super::encode::{EncodeArgs, Metric};
use super::given::Given;

/// The settings of `encode` and `transcode`.
pub(crate) fn encoding(args: &EncodeArgs) -> Result<Encoding> {
    let input = args.spec();
    let format = format_of(args.output(), args.format.as_deref(), Outputs::ENCODED)?;
    let rate_trace = args.rate_trace.as_deref().map(read_targets).transpose()?;
    let mut options = EncoderOptions::from(&args.encoder);
    options.bitrate =
        options.bitrate.or(rate_trace.as_ref().map(|trace| trace.rate_at(Duration::ZERO)));
    let encoder = EncoderSettings::new(&options, Preset::File, format)?;
    if rate_trace.is_some() && encoder.preset != Preset::Rtc {
        return Err(Failure::usage("--rate-trace requires --preset rtc"));
    }
    let real_time = encoder.preset == Preset::Rtc;
    let audio = AudioOptions::from(&args.audio);
    let audio = match args.audio.no_audio || !can_hold_audio(format) {
        true if Given::of(args).audio.is_some() => {
            let reason = if args.audio.no_audio {
                "--no-audio".to_owned()
            } else {
                format!("{format} output")
            };
            return Err(Failure::usage(format!("audio options cannot be used with {reason}")));
        }
        true => None,
        false => Some(AudioSettings::new(&audio, format, None, real_time)?),
    };
    let report = match &args.report {
        None => None,
        Some(path) => Some((path.clone(), ReportFormat::of(path)?)),
    };
    let mut protected = args.inputs();
    protected.extend(args.report.clone());
    if args.report.as_ref().is_some_and(|report| *report == args.output() && !is_pipe(report)) {
        return Err(Failure::usage("--report and -o must name different files"));
    }
    Ok(Encoding {
        input,
        audio_from: args.audio_spec(),
        add_audio: args.added_specs(),
        output: args.output().to_owned(),
        format,
        fragmented: fragmented(args, format)?,
        rules: args.rules(protected),
        encoder,
        goal: args.target.map(Goal::Quality).or(args.size.map(Goal::Size)),
        rate_trace,
        threads: args.cut.threads.map(usize::from),
        skip: args.cut.skip,
        keep_times: args.cut.keep_times,
        frames: args.cut.frames,
        measure_psnr: args.metrics.contains(&Metric::Psnr)
            || report.is_some() && !args.metrics.contains(&Metric::None),
        measure_ssim: args.metrics.contains(&Metric::Ssim),
        report,
        verify: args.verify,
        audio,
        metadata: FileMetadata::default(),
        pix_fmt: args.transform.pix_fmt,
        deinterlace: args.transform.deinterlace,
        fps: args.cut.fps,
        crop: args.transform.crop,
        turn: args.transform.rotate,
        resize: args.resize,
        scaler: args.transform.scaler.unwrap_or_default(),
        pad: args.transform.pad,
        passes: args.passes,
    })
}

/// Whether the output is fragmented.
pub(crate) fn fragmented(args: &EncodeArgs, format: Format) -> Result<bool> {
    if args.fragmented && format != Format::Mp4 {
        return Err(Failure::usage(format!("--fragmented requires MP4 output, not {format}")));
    }
    Ok(args.fragmented)
}
