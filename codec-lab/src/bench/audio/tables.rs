//! Writes the results of audio benchmarks as text and as CSV.

use std::io::Write;
use std::path::Path;

use codec_measure::report::csv_line;
use codec_measure::stats::Estimate;
use codec_media::count::counted;
use codec_media::failure::{Failure, Result};
use codec_media::io::output::{OutputFile, OutputRules};

use super::{Job, speed};
use crate::bench::options::AudioBenchOptions;
use crate::bench::table::{columns, machine_line};

/// The table for the terminal.
pub(super) fn text(jobs: &[Job], args: &AudioBenchOptions) -> String {
    let mut text = machine_line();
    text.push_str(&format!(
        "{} after {} warm-up; medians with 95 % confidence intervals{}\n\n",
        counted(u64::from(args.repeat), "pass"),
        args.warm_up,
        if args.repeat < 6 { " (full range: fewer than six passes)" } else { "" }
    ));
    let heads =
        ["", "kb/s", "encode x real time", "decode x real time", "SNR dB", "seg. SNR dB", "LSD dB"];
    let mut rows = vec![heads.map(str::to_owned).to_vec()];
    for job in jobs {
        let comparison = job.coded.as_ref().map(|coded| coded.comparison);
        let decimals =
            |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.2}"));
        rows.push(vec![
            job.name.clone(),
            job.coded.as_ref().map_or("-".to_owned(), |coded| format!("{:.1}", coded.kbps)),
            times(speed(&job.encode)),
            times(speed(&job.decode)),
            decimals(comparison.map(|one| one.snr_db)),
            decimals(comparison.and_then(|one| one.segmental_snr_db)),
            decimals(comparison.and_then(|one| one.log_spectral_distance_db)),
        ]);
    }
    text.push_str(&columns(&rows));
    text
}

fn times(estimate: Option<Estimate>) -> String {
    estimate
        .map_or("-".to_owned(), |one| format!("{:.0} [{:.0}, {:.0}]", one.value, one.low, one.high))
}

const COLUMNS: &str = "input,codec,target_kbps,sample_rate_hz,channels,seconds,bytes,packets,kbps,\
encode_x_realtime,encode_low,encode_high,decode_x_realtime,decode_low,decode_high,snr_db,segmental_snr_db,lsd_db";

/// Writes a line for each codec, bitrate and input; a value that was not measured is empty.
pub(super) fn write_csv(path: &Path, jobs: &[Job], args: &AudioBenchOptions) -> Result<()> {
    let mut text = format!("{COLUMNS}\r\n");
    for job in jobs {
        let number =
            |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.4}"));
        let coded = job.coded.as_ref();
        let mut fields = vec![job.input.clone(), job.codec.clone()];
        fields.push(number(job.target.map(|rate| super::float(rate.0) / 1000.0)));
        fields.push(job.config.format.rate.to_string());
        fields.push(job.config.format.channels().to_string());
        fields.push(number(Some(job.signal.seconds())));
        fields.push(coded.map_or_else(String::new, |coded| coded.bytes.to_string()));
        fields.push(coded.map_or_else(String::new, |coded| coded.packets.to_string()));
        fields.push(number(coded.map(|coded| coded.kbps)));
        for estimate in [speed(&job.encode), speed(&job.decode)] {
            fields.push(number(estimate.map(|one| one.value)));
            fields.push(number(estimate.map(|one| one.low)));
            fields.push(number(estimate.map(|one| one.high)));
        }
        let comparison = coded.map(|coded| coded.comparison);
        fields.push(number(comparison.map(|one| one.snr_db)));
        fields.push(number(comparison.and_then(|one| one.segmental_snr_db)));
        fields.push(number(comparison.and_then(|one| one.log_spectral_distance_db)));
        csv_line(&mut text, &fields);
    }
    let rules =
        OutputRules { overwrite: args.record.yes, terminal: true, ..OutputRules::default() };
    let output = OutputFile::create(path, &rules)?;
    let failed = |error: std::io::Error| Failure::output(&output.name, error);
    let mut writer = output.writer()?;
    writer.write_all(text.as_bytes()).map_err(failed)?;
    writer.flush().map_err(failed)?;
    drop(writer);
    output.commit()
}
