//! `codec metrics` for audio.

use std::path::Path;

use codec_audio::AudioFormat;
use codec_audio::metrics::{CompareOptions, Comparison, compare};
use codec_container::{Input, TrackKind};
use codec_media::Env;
use codec_media::audio::whole::WholeAudio;
use codec_media::count::counted;
use codec_media::cut::Cut;
use codec_media::failure::{Failure, Kind, Result};
use codec_media::io::input::{InputSpec, Opened};
use codec_media::io::names::is_pipe;
use codec_media::io::output::print;
use codec_media::io::unreadable::is_lost;
use codec_media::json::Object;

use crate::args::metrics::MetricsArgs;

/// Whether the reference has audio and no video. A pipe cannot be inspected in advance.
pub(super) fn is_audio_only(path: &Path, args: &MetricsArgs, env: &Env) -> bool {
    if is_pipe(path) || args.raw.is_some() {
        return false;
    }
    match spec(path, Cut::default(), args).open(&env.quiet()) {
        Ok(Opened::Container(Input::Packets(reader))) => {
            let has_video = reader.video().is_some() || is_lost(&*reader, TrackKind::Video);
            !has_video && reader.audio().is_some()
        }
        _ => false,
    }
}

fn spec(path: &Path, cut: Cut, args: &MetricsArgs) -> InputSpec {
    let limits = args.limits.map(|list| list.0).unwrap_or_default();
    InputSpec { cut, ..InputSpec::new(path, limits) }
}

/// Compares the audio of two files.
pub(super) fn run(args: &MetricsArgs, env: &Env) -> Result<()> {
    // Signals are aligned at their first samples, not by time.
    let specs = args.cuts().map(|cut| Cut { keep_times: false, ..cut });
    let reference = read(&spec(&args.reference, specs[0], args), None, env)?;
    let distorted = spec(&args.distorted, specs[1], args);
    let distorted = read(&distorted, Some(reference.format), env)?;
    let options = CompareOptions { max_delay_ms: args.max_delay, ..CompareOptions::default() };
    let report = Report {
        comparison: compare(&reference.values, &distorted.values, reference.format, &options)
            .map_err(|error| Failure::new(Kind::Input, error.to_string()))?,
        loudness: [loudness(&reference)?, loudness(&distorted)?],
        reference,
        distorted,
    };
    print(&if args.json { report.json() } else { report.text() })?;
    report.check(args)
}

/// Maximum number of samples over all channels that are held in memory: 93 minutes of stereo at 48
/// kHz.
const MAX_VALUES: usize = 1 << 29;

/// Reads the audio of a file, in `format` or its own, starting with its first sample.
fn read(spec: &InputSpec, format: Option<AudioFormat>, env: &Env) -> Result<WholeAudio> {
    WholeAudio::read(spec, format, MAX_VALUES, env)
}

/// Integrated loudness in LUFS, loudness range in LU and true peak in dBTP.
#[derive(Clone, Copy, Debug, Default)]
struct Loudness {
    integrated_lufs: Option<f64>,
    range_lu: Option<f64>,
    true_peak_dbtp: Option<f64>,
}

#[cfg(feature = "loudness")]
fn loudness(audio: &WholeAudio) -> Result<Loudness> {
    use codec_audio::metrics::LoudnessMeter;
    use codec_audio::{AudioView, Samples};
    let mut meter = LoudnessMeter::new(audio.format).map_err(Failure::internal)?;
    let view = AudioView::new(audio.format, Samples::F32(&audio.values));
    meter.push(&view.map_err(Failure::internal)?).map_err(Failure::internal)?;
    let measured = meter.result();
    Ok(Loudness {
        integrated_lufs: measured.integrated_lufs,
        range_lu: Some(measured.range_lu),
        true_peak_dbtp: measured.true_peak_dbtp,
    })
}

#[cfg(not(feature = "loudness"))]
fn loudness(_: &WholeAudio) -> Result<Loudness> {
    Ok(Loudness::default())
}

struct Report {
    comparison: Comparison,
    loudness: [Loudness; 2],
    reference: WholeAudio,
    distorted: WholeAudio,
}

impl Report {
    #[expect(clippy::cast_precision_loss, reason = "seconds")]
    fn seconds(&self, frames: i64) -> f64 {
        frames as f64 / f64::from(self.reference.format.rate)
    }

    fn compared_s(&self) -> f64 {
        self.seconds(i64::try_from(self.comparison.frames).unwrap_or(i64::MAX))
    }

    fn text(&self) -> String {
        let Comparison { alignment, snr_db, segmental_snr_db, log_spectral_distance_db, .. } =
            self.comparison;
        let converted = if self.distorted.found == self.reference.format {
            String::new()
        } else {
            format!(" (converted from {})", self.distorted.found)
        };
        let db = |value: Option<f64>| value.map_or("none".to_owned(), |v| format!("{v:.3}"));
        let mut text = format!(
            "audio compared {:.3} s, {}{converted}\n\
             delay {}{}, {:.3} ms, correlation {:.4}\n\
             SNR {snr_db:.3} dB, segmental {} dB, log-spectral distance {} dB\n",
            self.compared_s(),
            self.reference.format,
            if alignment.delay < 0 { "-" } else { "" },
            counted(alignment.delay.unsigned_abs(), "sample"),
            1000.0 * self.seconds(alignment.delay),
            alignment.correlation,
            db(segmental_snr_db),
            db(log_spectral_distance_db),
        );
        for (name, loudness) in ["REF", "DIST"].iter().zip(self.loudness) {
            text.push_str(&format!(
                "loudness of {name} {} LUFS, range {} LU, true peak {} dBTP\n",
                db(loudness.integrated_lufs),
                db(loudness.range_lu),
                db(loudness.true_peak_dbtp)
            ));
        }
        text
    }

    fn json(&self) -> String {
        let Comparison { alignment, snr_db, segmental_snr_db, log_spectral_distance_db, frames } =
            self.comparison;
        let loud = |loudness: Loudness| {
            Object::new()
                .maybe("integrated_lufs", loudness.integrated_lufs.map(codec_media::json::float))
                .maybe("range_lu", loudness.range_lu.map(codec_media::json::float))
                .maybe("true_peak_dbtp", loudness.true_peak_dbtp.map(codec_media::json::float))
                .finish()
        };
        let object = Object::new()
            .raw("rate", self.reference.format.rate)
            .raw("channels", self.reference.format.channels())
            .raw("samples_compared", frames)
            .raw("delay_samples", alignment.delay)
            .float("delay_ms", 1000.0 * self.seconds(alignment.delay))
            .float("correlation", alignment.correlation)
            .float("snr_db", snr_db)
            .maybe("segmental_snr_db", segmental_snr_db.map(codec_media::json::float))
            .maybe(
                "log_spectral_distance_db",
                log_spectral_distance_db.map(codec_media::json::float),
            )
            .raw("reference", loud(self.loudness[0]))
            .raw("distorted", loud(self.loudness[1]));
        format!("{}\n", object.finish())
    }

    fn check(&self, args: &MetricsArgs) -> Result<()> {
        let failed = |what: String| Err(Failure::new(Kind::Check, what));
        let snr = self.comparison.snr_db;
        // Silence has no distance.
        let distance = self.comparison.log_spectral_distance_db.unwrap_or(0.0);
        match (args.min_snr, args.max_lsd) {
            (Some(least), _) if snr < least => {
                failed(format!("SNR {snr:.3} dB is below {least} dB"))
            }
            (_, Some(most)) if distance > most => {
                failed(format!("log-spectral distance {distance:.3} dB is above {most} dB"))
            }
            _ => Ok(()),
        }
    }
}
