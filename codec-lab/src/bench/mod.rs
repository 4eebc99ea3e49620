//! `codec bench`: measures the speed of one configuration.

mod against;
mod audio;
mod clip;
mod headroom;
mod kernels;
mod levels;
pub mod options;
mod pass;
mod record;
mod run;
mod stages;
mod table;

use codec_media::Env;
use codec_media::failure::{Failure, Kind, Result};

use crate::machine;

pub use audio::run_audio;
use clip::Taken;
use options::{BenchOptions, KernelOptions};
use record::{Point, Record, Series};

/// Measures, reports and compares.
///
/// # Errors
/// If an input is rejected, or something is slower than the baseline allows.
pub fn run(args: &BenchOptions, env: &Env) -> Result<()> {
    warn_of_debug_build(env);
    env.stop.handle_requests();
    record::check_outputs(&args.record)?;
    let taken = take(args, env)?;
    let plan = run::Plan::new(args, taken, env)?;
    let config = plan.config();
    let baseline = against::baseline(&args.record, "codec", &config, env)?;
    let measured = plan.measure(args, None, env)?;
    let points: Vec<Point> = measured.points.iter().map(run::Measured::point).collect();
    let series: Vec<Series> = points.iter().map(|point| point.series.clone()).collect();
    let record = Record { kind: "codec", config, points, facts: measured.facts() };
    if env.stop.is_requested() {
        env.events.text(&table::text(&plan, &measured))?;
        return Err(Failure::new(
            Kind::Interrupted,
            "interrupted: results were not saved or compared",
        ));
    }
    if !record.write(&args.record)? {
        env.events.text(&table::text(&plan, &measured))?;
    }
    match &baseline {
        Some(baseline) => {
            let again = |names: &[&str]| {
                let again = plan.measure(args, Some(names), env)?;
                Ok(again.points.into_iter().map(|point| point.series).collect())
            };
            against::check(baseline, series, 0.0, &args.record, again, env)
        }
        None => Ok(()),
    }
}

/// Times the kernels.
///
/// # Errors
/// Returns the errors of [`run`].
pub fn run_kernels(args: &KernelOptions, env: &Env) -> Result<()> {
    warn_of_debug_build(env);
    kernels::run(args, env)
}

fn warn_of_debug_build(env: &Env) {
    if machine::build() == "debug" {
        env.events.warn("debug build: the measured times are not meaningful");
    }
}

/// All inputs in memory.
fn take(args: &BenchOptions, env: &Env) -> Result<Vec<Taken>> {
    if args.inputs.is_empty() {
        return Ok(vec![clip::drawn(args, env)?]);
    }
    args.inputs.iter().map(|path| clip::read(path, args, env)).collect()
}
