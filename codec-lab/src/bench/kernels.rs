//! Benchmarks of SIMD kernels (`codec bench kernels`).

use std::hint::black_box;

use crate::kernels::{
    Visitor, bytes_of, call_ns, cycle_ns, for_each, min_ns, width_bytes, work_of,
};
use codec_measure::stats::{Estimate, median, median_interval};
use codec_media::Env;
use codec_media::failure::{Failure, Kind, Result};
use codec_media::json::Object;
use codec_media::stop::Stop;
use codec_simd::{Kernels, Level};

use super::options::KernelOptions;
use super::record::{self, Point, Record, Series};
use super::{against, levels, table};

/// Batches of calls per sample; the fastest batch counts.
const BATCHES: u32 = 13;
/// Batches for the clock rate measured with each sample.
const CYCLE_BATCHES: u32 = 5;

/// Differences of fewer cycles are not significant.
const MIN_CYCLES: f64 = 3.0;

/// A kernel at one level.
struct Timed {
    kernel: String,
    level: Level,
    samples: Vec<f64>,
    /// Duration of a cycle, measured with each sample.
    cycles: Vec<f64>,
}

/// Results derived from the times of a kernel at one level.
struct Figures {
    ns: Estimate,
    gb_per_s: Option<f64>,
    /// Time at the scalar level divided by this time.
    by_scalar: Option<f64>,
    /// Lower bound in nanoseconds, the resource that sets the bound, and this time divided by the
    /// bound.
    bound: Option<(f64, &'static str, f64)>,
}

/// Benchmarks the kernels.
pub(super) fn run(args: &KernelOptions, env: &Env) -> Result<()> {
    env.stop.handle_requests();
    record::check_outputs(&args.record)?;
    let supported: Vec<Level> = Level::supported().collect();
    let levels = levels::chosen(&args.levels, &supported)?;
    let config = vec![("batches".to_owned(), BATCHES.to_string())];
    let baseline = against::baseline(&args.record, "kernels", &config, env)?;
    let timed = time(&levels, args.repeat, &|kernel| is_asked(args, kernel), &env.stop);
    if env.stop.is_requested() {
        return Err(Failure::new(
            Kind::Interrupted,
            "interrupted: results were not saved or compared",
        ));
    }
    let is_wanted = |timed: &&Timed| levels.contains(&timed.level);
    if timed.iter().find(is_wanted).is_none() {
        let filter = args.filter.as_deref().unwrap_or_default();
        return Err(Failure::usage(format!("--filter {filter} matches no kernel")));
    }
    let cycles: Vec<_> = timed.iter().flat_map(|timed| timed.cycles.iter().copied()).collect();
    let cycle = median(&cycles).unwrap_or(0.0);
    let call = call_ns(100);
    let figures = |one: &Timed| figures(one, &timed, cycle, call);
    let points = timed.iter().filter(is_wanted).map(|one| point(one, &figures(one)));
    let record = Record {
        kind: "kernels",
        config,
        points: points.collect(),
        facts: Object::new().float("cycle_ns", cycle).float("call_ns", call),
    };
    if !record.write(&args.record)? {
        let mut text = table::machine_line();
        text.push_str(&format!(
            "cycle {cycle:.3} ns, empty call {call:.2} ns; data in the L1 cache; bound: computed lower \
             bound of the time, the call plus the slowest of loads, stores and register operations; by: which of \
             the three is slowest\n\n"
        ));
        let header = [
            "kernel",
            "level",
            "ns",
            "95 % interval",
            "GB/s",
            "vs scalar",
            "bound ns",
            "by",
            "vs bound",
        ];
        let mut rows = vec![header.map(str::to_owned).to_vec()];
        rows.extend(timed.iter().filter(is_wanted).map(|one| row(one, &figures(one))));
        text.push_str(&table::columns(&rows));
        env.events.text(&text)?;
    }
    match &baseline {
        Some(baseline) => {
            let series: Vec<Series> = record.points.into_iter().map(|point| point.series).collect();
            let again = |names: &[&str]| {
                let is_named = |kernel: &str| names.iter().any(|name| kernel_of(name) == kernel);
                let timed = time(&levels, args.repeat, &is_named, &env.stop);
                Ok(timed.iter().map(series_of).collect())
            };
            // Code and stack alignment changes the time of small kernels by a cycle or two.
            let min_ns = MIN_CYCLES * cycle;
            against::check(baseline, series, min_ns, &args.record, again, env)
        }
        None => Ok(()),
    }
}

fn is_asked(args: &KernelOptions, kernel: &str) -> bool {
    args.filter.as_ref().is_none_or(|filter| kernel.contains(filter))
}

/// Times the selected kernels at `levels` and at scalar, the reference. Each round times all
/// kernels once, so that other load affects one sample of each and not all samples of a few.
fn time(
    levels: &[Level],
    rounds: u32,
    is_wanted: &dyn Fn(&str) -> bool,
    stop: &Stop,
) -> Vec<Timed> {
    let is_timed = |level: &Level| *level == Level::Scalar || levels.contains(level);
    let tables = Level::ALL.into_iter().filter(is_timed).filter_map(Kernels::for_level).collect();
    let mut timing = Timing { is_wanted, stop, tables, timed: Vec::new(), next: 0, round: 0 };
    for round in 0..rounds {
        (timing.next, timing.round) = (0, round as usize);
        for_each(&mut timing);
        if stop.is_requested() {
            break;
        }
    }
    timing.timed
}

/// Visitor that times each kernel.
struct Timing<'a> {
    is_wanted: &'a dyn Fn(&str) -> bool,
    stop: &'a Stop,
    tables: Vec<&'static Kernels>,
    /// Each kernel at each level, in visiting order.
    timed: Vec<Timed>,
    /// Index of the next kernel.
    next: usize,
    round: usize,
}

impl Visitor for Timing<'_> {
    fn case(&mut self, kernel: &str, mut call: impl FnMut(&Kernels)) {
        if !(self.is_wanted)(kernel) || self.stop.is_requested() {
            return;
        }
        for table in &self.tables {
            if self.round == 0 {
                self.timed.push(Timed {
                    kernel: kernel.to_owned(),
                    level: table.level(),
                    samples: Vec::new(),
                    cycles: Vec::new(),
                });
            }
            let Some(timed) = self.timed.get_mut(self.next) else { return };
            timed.samples.push(min_ns(BATCHES, || call(black_box(table))));
            timed.cycles.push(cycle_ns(CYCLE_BATCHES));
            self.next += 1;
        }
    }

    fn round(&self) -> usize {
        self.round
    }
}

fn figures(one: &Timed, all: &[Timed], cycle: f64, call: f64) -> Figures {
    let ns = median_interval(&one.samples, 0.95).unwrap_or_default();
    let scalar = all
        .iter()
        .find(|other| other.kernel == one.kernel && other.level == Level::Scalar)
        .and_then(|scalar| median(&scalar.samples));
    // The scalar algorithm is not a bound for compiled code, which uses the target's SIMD.
    let work = work_of(&one.kernel, width_bytes(one.level)).filter(|_| one.level != Level::Scalar);
    Figures {
        ns,
        gb_per_s: bytes_of(&one.kernel).map(|bytes| bytes / ns.value),
        by_scalar: scalar.map(|scalar| scalar / ns.value),
        bound: work.map(|work| {
            let (cycles, by) = work.cycles();
            let bound = (1.0 + work.more_calls) * call + cycles * cycle;
            (bound, by, ns.value / bound)
        }),
    }
}

fn point(one: &Timed, figures: &Figures) -> Point {
    let Figures { ns, gb_per_s, by_scalar, bound } = figures;
    let mut facts = Object::new()
        .text("kernel", &one.kernel)
        .text("level", one.level.name())
        .float("ns", ns.value)
        .float("low", ns.low)
        .float("high", ns.high)
        .float("gb_per_s", gb_per_s.unwrap_or(f64::NAN))
        .float("by_scalar", by_scalar.unwrap_or(f64::NAN));
    if let Some((bound, by, ratio)) = bound {
        facts = facts.float("bound_ns", *bound).text("bound_by", by).float("of_bound", *ratio);
    }
    Point { series: series_of(one), facts }
}

fn series_of(one: &Timed) -> Series {
    Series {
        name: format!("{} {}", one.kernel, one.level.name()),
        samples: one.samples.clone(),
        calibration: one.cycles.clone(),
        parts: Vec::new(),
    }
}

/// The kernel that a series measures.
fn kernel_of(series: &str) -> &str {
    series.rsplit_once(' ').map_or(series, |(kernel, _)| kernel)
}

fn row(one: &Timed, figures: &Figures) -> Vec<String> {
    let Figures { ns, gb_per_s, by_scalar, bound } = figures;
    let number =
        |value: &Option<f64>| value.map_or_else(String::new, |value| format!("{value:.2}"));
    let (least, by, ratio) = match bound {
        Some((bound, by, ratio)) => (format!("{bound:.1}"), *by, format!("{ratio:.2}")),
        None => (String::new(), "", String::new()),
    };
    vec![
        one.kernel.clone(),
        one.level.name().to_owned(),
        format!("{:.1}", ns.value),
        format!("{:.1} to {:.1}", ns.low, ns.high),
        number(gb_per_s),
        number(by_scalar),
        least,
        by.to_owned(),
        ratio,
    ]
}
