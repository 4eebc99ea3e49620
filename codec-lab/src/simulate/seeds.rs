//! Runs the same simulation with several seeds and computes means with 95 % confidence intervals,
//! because the result of a single seed depends on its random losses and jitter.

use std::fmt::Write as _;
use std::io::Write as _;

use codec_measure::stats::student::MeanTest;
use codec_media::Env;
use codec_media::failure::{Failure, Kind, Result};
use codec_media::io::names::is_pipe;
use codec_media::io::output::{OutputFile, OutputRules};
use codec_media::json::{Object, array, float};
use codec_media::progress::OverallProgress;
use rayon::prelude::*;
use serde_json::Value;

use super::options::SimulateOptions;

/// Confidence of the intervals.
const CONFIDENCE: f64 = 0.95;

/// The figures: path in the results of one seed, name and unit in the table.
const FIGURES: [(&str, &str, &str); 16] = [
    ("seen.psnr_y", "seen PSNR Y", "dB"),
    ("seen.psnr_y_p5", "seen PSNR Y, p5", "dB"),
    ("seen.ssim", "seen SSIM", ""),
    ("coded.psnr_y", "coded PSNR Y", "dB"),
    ("fates.clean", "clean frames", ""),
    ("fates.damaged", "damaged frames", ""),
    ("fates.lost", "lost frames", ""),
    ("seen.frozen", "frozen due times", ""),
    ("freezes.count", "freezes", ""),
    ("freezes.total_ms", "freezes, total", "ms"),
    ("delay_ms.mean", "delay", "ms"),
    ("delay_ms.p95", "delay, p95", "ms"),
    ("key_frames.count", "key frames", ""),
    ("rates.sent_kbps", "sent", "kb/s"),
    ("rates.retransmitted_kbps", "retransmitted", "kb/s"),
    ("link.lost_pct", "lost on the link", "%"),
];

/// A figure over all seeds.
struct Spread {
    path: &'static str,
    mean: f64,
    /// Half the width of the interval; `None` if it cannot be computed.
    half: Option<f64>,
    least: f64,
    most: f64,
}

/// Runs `simulate` with the seeds from `args.seed` on, and reports the means.
///
/// # Errors
/// If the options do not fit several seeds, a simulation fails, or the run was asked to stop.
pub(super) fn run(
    args: &SimulateOptions,
    env: &Env,
    simulate: &(dyn Fn(&SimulateOptions, &Env) -> Result<String> + Sync),
) -> Result<()> {
    check(args)?;
    env.stop.handle_requests();
    let seeds: Vec<u64> = (0..u64::from(args.seeds)).map(|at| args.seed.wrapping_add(at)).collect();
    // Each simulation has one thread, several run at a time.
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(args.threads.unwrap_or(0))
        .build()
        .map_err(Failure::internal)?;
    let done = std::sync::atomic::AtomicU32::new(0);
    let one = |seed: &u64| {
        let options =
            SimulateOptions { seed: *seed, threads: Some(1), output: Vec::new(), ..args.clone() };
        let json = simulate(&options, &env.quiet())?;
        let count = 1 + done.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let share = f64::from(count) / f64::from(args.seeds);
        let now = format!("{count} of {} seeds", args.seeds);
        env.events.share(&OverallProgress { done: share, now: &now, remaining_s: None });
        serde_json::from_str(&json).map_err(Failure::internal)
    };
    let runs: Vec<Value> = pool.install(|| seeds.par_iter().map(one).collect::<Result<_>>())?;
    if env.stop.is_requested() {
        return Err(Failure::new(Kind::Interrupted, "interrupted: nothing was written"));
    }
    let spreads: Vec<Spread> =
        FIGURES.iter().filter_map(|figure| spread(figure.0, &runs)).collect();
    let json = json(&seeds, &spreads, &runs);
    for path in &args.output {
        let file = OutputFile::create(path, &rules(args))?;
        let written = file.writer()?.write_all(json.as_bytes());
        written.map_err(|error| Failure::output(&file.name, error))?;
        file.commit()?;
    }
    env.events.text(&if args.json { json } else { table(&seeds, &spreads) })
}

fn rules(args: &SimulateOptions) -> OutputRules {
    let protected = vec![args.input.path.clone()];
    OutputRules { overwrite: args.yes, protected, ..OutputRules::default() }
}

/// Rejects options that have no meaning for several seeds.
fn check(args: &SimulateOptions) -> Result<()> {
    let is_json = |path: &std::path::PathBuf| path.extension().is_some_and(|name| name == "json");
    if args.report.is_some() || !args.output.iter().all(is_json) {
        return Err(Failure::usage("--seeds supports a single output: -o F.json"));
    }
    if std::fs::metadata(&args.input.path).is_ok_and(|found| !found.is_file())
        || is_pipe(&args.input.path)
    {
        return Err(Failure::usage("--seeds reads the input several times: it must be a file"));
    }
    args.output.iter().try_for_each(|path| rules(args).check(path))
}

/// The number at `path`, such as `seen.psnr_y`.
fn at<'a>(run: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(run, |value, key| value.get(key))
}

/// A figure over all runs; `None` if a run lacks it.
fn spread(path: &'static str, runs: &[Value]) -> Option<Spread> {
    let values: Option<Vec<f64>> = runs.iter().map(|run| at(run, path)?.as_f64()).collect();
    let values = values?;
    let mean = codec_measure::stats::mean(&values)?;
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let half = MeanTest::new(&values).map(|test| test.half_width(CONFIDENCE));
    Some(Spread { path, mean, half, least, most })
}

fn json(seeds: &[u64], spreads: &[Spread], runs: &[Value]) -> String {
    let mut figures = Object::new();
    for Spread { path, mean, half, least, most } in spreads {
        let figure = Object::new()
            .float("mean", *mean)
            .maybe("low", half.map(|half| float(mean - half)))
            .maybe("high", half.map(|half| float(mean + half)))
            .float("min", *least)
            .float("max", *most);
        figures = figures.raw(path, figure.finish());
    }
    let mut text = Object::new()
        .text("schema", "codec-simulate-seeds")
        .raw("version", 1)
        .raw("seeds", array(seeds))
        .raw("figures", figures.finish())
        .raw("runs", array(runs))
        .finish();
    text.push('\n');
    text
}

fn table(seeds: &[u64], spreads: &[Spread]) -> String {
    let (count, first, last) =
        (seeds.len(), seeds.first().unwrap_or(&0), seeds.last().unwrap_or(&0));
    let mut out = format!(
        "{count} seeds, {first} to {last}: mean with its 95 % interval, minimum to maximum\n"
    );
    for Spread { path, mean, half, least, most } in spreads {
        let Some((_, name, unit)) = FIGURES.iter().find(|(of, _, _)| of == path) else { continue };
        let digits = if path.ends_with("ssim") { 4 } else { 2 };
        let half = half.map(|half| format!(" ± {half:.digits$}")).unwrap_or_default();
        let unit = if unit.is_empty() { String::new() } else { format!(" {unit}") };
        let _ = writeln!(
            out,
            "{name:<18} {mean:.digits$}{half}{unit}, {least:.digits$} to {most:.digits$}"
        );
    }
    out
}
