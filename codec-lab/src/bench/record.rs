//! Writes the results of benchmarks to files and reads them. The schema is in docs/COMMAND.md.

use std::fs;
use std::io::Write;
use std::path::Path;

use codec_media::failure::{Failure, Kind, Result};
use codec_media::io::names::is_pipe;
use codec_media::io::output::{OutputFile, OutputRules};
use codec_media::json::{self, Object};

use serde_json::Value;

use super::options::RecordOptions;
use crate::calibration;
use crate::machine::{self, Machine};

/// Name and version of the schema: see docs/COMMAND.md.
const SCHEMA: &str = "codec-bench";
const VERSION: u64 = 1;

/// Samples of one measurement.
#[derive(Clone, Debug, Default)]
pub(super) struct Series {
    pub(super) name: String,
    /// CPU nanoseconds per frame, or nanoseconds per call.
    pub(super) samples: Vec<f64>,
    /// The calibration workload's time with each sample.
    pub(super) calibration: Vec<f64>,
    /// Stages of a frame in nanoseconds, by name; empty if not available.
    pub(super) parts: Vec<(String, f64)>,
}

impl Series {
    /// Adds the samples of series with the same name.
    pub(super) fn take_over(&mut self, others: &[Self]) {
        for other in others.iter().filter(|other| other.name == self.name) {
            self.samples.extend(&other.samples);
            self.calibration.extend(&other.calibration);
        }
    }

    /// The samples in units of the calibration workload; `None` if one is missing or 0.
    pub(super) fn by_calibration(&self) -> Option<Vec<f64>> {
        let is_whole = self.samples.len() == self.calibration.len()
            && self.calibration.iter().all(|&ns| ns > 0.0);
        is_whole.then(|| self.samples.iter().zip(&self.calibration).map(|(a, b)| a / b).collect())
    }
}

/// One measurement and further facts about it, as JSON fields.
#[derive(Clone, Debug)]
pub(super) struct Point {
    pub(super) series: Series,
    pub(super) facts: Object,
}

/// All measurements of one run.
#[derive(Clone, Debug)]
pub(super) struct Record {
    /// `codec` or `kernels`.
    pub(super) kind: &'static str,
    /// Settings that affect the results, by name.
    pub(super) config: Vec<(String, String)>,
    pub(super) points: Vec<Point>,
    /// Further fields at the top level.
    pub(super) facts: Object,
}

impl Record {
    fn json(&self) -> String {
        let machine = Machine::this();
        let config = self
            .config
            .iter()
            .fold(Object::new(), |object, (name, value)| object.text(name, value));
        let points = self.points.iter().map(|Point { series, facts }| {
            let list = |samples: &[f64]| json::array(samples.iter().map(|&ns| json::float(ns)));
            let object = Object::new()
                .text("name", &series.name)
                .raw("samples_ns", list(&series.samples))
                .raw("calibration_ns", list(&series.calibration));
            let parts = series
                .parts
                .iter()
                .fold(Object::new(), |object, (name, ns)| object.float(name, *ns));
            object.raw("stages_ns", parts.finish()).raw("facts", facts.clone().finish()).finish()
        });
        Object::new()
            .text("schema", SCHEMA)
            .raw("version", VERSION)
            .text("kind", self.kind)
            .text("codec_version", env!("CARGO_PKG_VERSION"))
            .text("build", machine::build())
            .raw("calibration_version", calibration::VERSION)
            .raw(
                "machine",
                Object::new()
                    .text("cpu", &machine.cpu)
                    .raw("cores", machine.cores)
                    .text("system", &machine.system)
                    .text("levels", &machine.levels)
                    .finish(),
            )
            .raw("config", config.finish())
            .raw("points", json::array(points))
            .raw("facts", self.facts.clone().finish())
            .finish()
            + "\n"
    }

    /// Writes the outputs requested by `args`. Returns whether standard output was written.
    pub(super) fn write(&self, args: &RecordOptions) -> Result<bool> {
        let text = self.json();
        let mut is_printed = false;
        for path in [&args.json, &args.save].into_iter().flatten() {
            let output = OutputFile::create(path, &rules(args))?;
            let failed = |error: std::io::Error| Failure::output(&output.name, error);
            let mut writer = output.writer()?;
            writer.write_all(text.as_bytes()).map_err(failed)?;
            writer.flush().map_err(failed)?;
            drop(writer);
            output.commit()?;
            is_printed |= is_pipe(path);
        }
        Ok(is_printed)
    }
}

fn rules(args: &RecordOptions) -> OutputRules {
    // The baseline may be overwritten: it was read before.
    OutputRules { overwrite: args.yes, terminal: true, ..OutputRules::default() }
}

/// Rejects impossible outputs before any work is done.
pub(super) fn check_outputs(args: &RecordOptions) -> Result<()> {
    if args.json.is_some() && args.json == args.save {
        return Err(Failure::usage("--json and --save must name different files"));
    }
    for path in [&args.json, &args.save].into_iter().flatten() {
        rules(args).check(path)?;
    }
    Ok(())
}

/// Results of an earlier run.
#[derive(Clone, Debug)]
pub(super) struct Baseline {
    pub(super) name: String,
    kind: String,
    build: String,
    calibration: u64,
    machine: Machine,
    config: Vec<(String, String)>,
    points: Vec<Series>,
}

impl Baseline {
    /// Reads a file that [`Record::write`] wrote.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let unreadable =
            |error: &dyn std::fmt::Display| Failure::new(Kind::Input, format!("{name}: {error}"));
        let text = fs::read_to_string(path)
            .map_err(|error| Failure::new(Kind::Input, format!("cannot read {name}: {error}")))?;
        let value: Value = serde_json::from_str(&text)
            .map_err(|error| Failure::new(Kind::Corrupt, format!("{name}: {error}")))?;
        if value["schema"] != SCHEMA {
            return Err(unreadable(&"not a result file of `codec bench`"));
        }
        if value["version"] != VERSION {
            let version = &value["version"];
            return Err(unreadable(&format!(
                "unsupported schema version {version}, expected {VERSION}"
            )));
        }
        Self::parse(&name, &value)
            .ok_or_else(|| Failure::new(Kind::Corrupt, format!("{name}: incomplete result file")))
    }

    fn parse(name: &str, value: &Value) -> Option<Self> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let list = |value: &Value| -> Option<Vec<f64>> {
            value.as_array()?.iter().map(Value::as_f64).collect()
        };
        let point = |point: &Value| -> Option<Series> {
            let parts = point["stages_ns"].as_object()?.iter();
            Some(Series {
                name: text(&point["name"])?,
                samples: list(&point["samples_ns"])?,
                calibration: list(&point["calibration_ns"])?,
                parts: parts
                    .map(|(name, ns)| Some((name.clone(), ns.as_f64()?)))
                    .collect::<Option<_>>()?,
            })
        };
        let machine = &value["machine"];
        let config = value["config"].as_object()?.iter();
        Some(Self {
            name: name.to_owned(),
            kind: text(&value["kind"])?,
            build: text(&value["build"])?,
            calibration: value["calibration_version"].as_u64()?,
            machine: Machine {
                cpu: text(&machine["cpu"])?,
                cores: usize::try_from(machine["cores"].as_u64()?).ok()?,
                system: text(&machine["system"])?,
                levels: text(&machine["levels"])?,
            },
            config: config
                .map(|(name, value)| Some((name.clone(), text(value)?)))
                .collect::<Option<_>>()?,
            points: value["points"].as_array()?.iter().map(point).collect::<Option<_>>()?,
        })
    }

    /// Describes the settings that differ between this baseline and a run with `config`.
    pub(super) fn differences(&self, kind: &str, config: &[(String, String)]) -> Vec<String> {
        let mut found = Vec::new();
        let mut compare = |what: &str, before: &str, now: &str| {
            if before != now {
                found.push(format!("{what} was {before:?} and is {now:?}"));
            }
        };
        let machine = Machine::this();
        compare("kind of benchmark", &self.kind, kind);
        compare("build", &self.build, machine::build());
        compare("CPU", &self.machine.cpu, &machine.cpu);
        compare("number of cores", &self.machine.cores.to_string(), &machine.cores.to_string());
        compare("system", &self.machine.system, &machine.system);
        compare("list of instruction sets", &self.machine.levels, &machine.levels);
        let value = |list: &[(String, String)], key: &str| {
            list.iter().find(|(name, _)| name == key).map_or_else(String::new, |(_, v)| v.clone())
        };
        for (name, now) in config {
            compare(name, &value(&self.config, name), now);
        }
        for (name, before) in &self.config {
            if !config.iter().any(|(known, _)| known == name) {
                compare(name, before, "");
            }
        }
        found
    }

    /// Finds the measurement called `name`.
    pub(super) fn find(&self, name: &str) -> Option<&Series> {
        self.points.iter().find(|then| then.name == name)
    }

    /// Whether the calibration workload of the baseline did the same work.
    pub(super) fn has_same_calibration(&self) -> bool {
        self.calibration == u64::from(calibration::VERSION)
    }
}
