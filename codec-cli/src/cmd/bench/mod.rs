//! `codec bench`: measures the speed of one configuration.

mod against;
mod clip;
mod headroom;
mod kernels;
mod levels;
mod pass;
mod record;
mod run;
mod stages;
mod table;

use codec_media::Env;
use codec_media::failure::{Failure, Kind, Result};
use codec_media::io::output::print;

use crate::args::bench::{BenchArgs, BenchPart};
use crate::machine;

use clip::Taken;
use record::{Point, Record, Series};

/// Measures, reports and compares.
pub(crate) fn run(args: &BenchArgs, env: &Env) -> Result<()> {
    if machine::build() == "debug" {
        env.console.warn("this is a debug build: times are meaningless");
    }
    if let Some(BenchPart::Kernels(args)) = &args.part {
        return kernels::run(args, env);
    }
    env.stop.heed();
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
        print(&table::text(&plan, &measured))?;
        return Err(Failure::new(
            Kind::Interrupted,
            "interrupted: results were not saved or compared",
        ));
    }
    if !record.write(&args.record)? {
        print(&table::text(&plan, &measured))?;
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

/// Reads all inputs into memory.
fn take(args: &BenchArgs, env: &Env) -> Result<Vec<Taken>> {
    if args.inputs.is_empty() {
        return Ok(vec![clip::drawn(args, env)?]);
    }
    args.inputs.iter().map(|path| clip::read(path, args, env)).collect()
}
