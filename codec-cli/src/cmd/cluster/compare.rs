//! `codec cluster compare`, and its part on a worker: measuring points (an encoder on a clip at a target).

use std::collections::BTreeMap;
use std::path::Path;

use codec_cluster::{JobPlan, PlannedUnit, PointPlan, ServerOptions, WorkerOptions, WorkerStatus};
use codec_lab::compare::options::CompareOptions;
use codec_lab::compare::remote::{Remote, RemoteWork, Unit};
use codec_lab::compare::run_on;
use codec_lab::compare::worker::{PointWorker, WorkerRules};
use codec_media::Env;
use codec_media::failure::{Failure, Result};
use codec_media::session::chunks::VERSION;

use super::report_submitted;
use super::status::first_line;
use crate::args::arm_options::EncodeFlags;
use crate::args::cluster::ClusterCompareArgs;

/// Runs a study on the workers, and writes its report.
pub(super) fn run(args: &ClusterCompareArgs, env: &Env) -> Result<()> {
    let server = args.shared.server.options();
    // Before the clips are read, which can take long.
    codec_cluster::check(&server, env)?;
    std::fs::create_dir_all(&args.shared.work)
        .map_err(|error| Failure::output(&args.shared.work.display().to_string(), error))?;
    let cluster = Cluster { args, server, env };
    run_on(&cluster, &CompareOptions::from(&args.compare), &EncodeFlags, env)
}

/// The workers, for a study.
struct Cluster<'a> {
    args: &'a ClusterCompareArgs,
    server: ServerOptions,
    env: &'a Env,
}

impl Remote for Cluster<'_> {
    fn machine(&self) -> Result<String> {
        let status = codec_cluster::status(&self.server, None, self.env)?;
        let wanted = self.args.machine.as_deref().unwrap_or_default();
        machine_of(&status.workers, wanted).ok_or_else(|| {
            let message = match wanted {
                "" => format!("no worker of version {VERSION} is connected"),
                text => format!(
                    "no connected worker of version {VERSION} has {text:?} in its machine description"
                ),
            };
            let help =
                "help: start one with `codec cluster worker`, or use -j 2, which measures no times";
            Failure::usage(format!("{message}\n{help}"))
        })
    }

    fn folder(&self) -> &Path {
        &self.args.shared.work
    }

    fn measure(&self, work: &RemoteWork) -> Result<BTreeMap<String, String>> {
        let units = work.units.iter().map(planned).collect();
        let (study, machine) = (work.study.clone(), work.machine.clone());
        let plan = JobPlan::Points(PointPlan::new(study, machine, work.frame_rate, units)?);
        let missing = || {
            let units = work.units.iter().enumerate();
            let missing = units.filter(|(_, unit)| !unit.folder(self.folder()).is_dir());
            missing.map(|(index, _)| index).collect()
        };
        let title = self.args.compare.title.as_deref().unwrap_or("comparison of encoders");
        let submitted = codec_cluster::submit(&self.server, &plan, title, &missing, self.env)?;
        report_submitted(&submitted, &plan, true, self.env)?;
        let failed = codec_cluster::wait(&self.server, &plan, self.env)?;
        let reasons = failed.iter().filter_map(|failed| {
            Some((work.units.get(failed.index)?.key.clone(), first_line(&failed.error)))
        });
        Ok(reasons.collect())
    }
}

/// The kind of machine with the most workers, of those whose description has the text.
fn machine_of(workers: &[WorkerStatus], wanted: &str) -> Option<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for worker in workers.iter().filter(|worker| worker.is_alive()) {
        let machine = worker.record.machine.as_str();
        if worker.record.version == VERSION && !machine.is_empty() && machine.contains(wanted) {
            *counts.entry(machine).or_default() += 1;
        }
    }
    // Of equal counts, the first one by name, so that the choice does not change.
    let best = counts.iter().rev().max_by_key(|(_, count)| **count);
    best.map(|(machine, _)| (*machine).to_owned())
}

fn planned(unit: &Unit) -> PlannedUnit {
    let Unit { key, clip, points, frames } = unit.clone();
    PlannedUnit { key, clip, points, frames }
}

/// Returns the function with which a worker measures points.
pub(super) fn measurer(
    options: WorkerOptions,
    commands: bool,
) -> impl Fn(&PointPlan, usize, &Path, &Env) -> Result<bool> + Send + Sync {
    let worker = PointWorker::default();
    move |plan, index, folder, env| {
        let planned = plan.units().get(index);
        let planned = planned.ok_or_else(|| Failure::internal("the plan has no such unit"))?;
        let PlannedUnit { key, clip, points, frames } = planned.clone();
        let unit = Unit { key, clip, points, frames };
        let locate = |path: &Path| options.locate(path);
        let rules = WorkerRules { locate: &locate, commands, grammar: &EncodeFlags };
        worker.measure(&plan.study, &unit, folder, &rules, env)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use codec_cluster::WorkerRecord;

    use super::*;

    #[test]
    fn the_most_frequent_machine_measures() {
        let worker = |machine: &str, version: &str, seconds: u64| WorkerStatus {
            name: "w".to_owned(),
            record: WorkerRecord {
                version: version.to_owned(),
                simd: String::new(),
                machine: machine.to_owned(),
                jobs: 1,
                running: Vec::new(),
            },
            age: Duration::from_secs(seconds),
        };
        let mut workers = vec![worker("b", VERSION, 1), worker("a", VERSION, 1)];
        assert_eq!(machine_of(&workers, "").as_deref(), Some("a"));
        assert_eq!(machine_of(&workers, "b").as_deref(), Some("b"));
        workers.extend([worker("b", "0", 1), worker("b", VERSION, 999), worker("", VERSION, 1)]);
        assert_eq!(machine_of(&workers, "").as_deref(), Some("a"));
        workers.push(worker("b", VERSION, 0));
        assert_eq!(machine_of(&workers, "").as_deref(), Some("b"));
        assert_eq!(machine_of(&workers, "c"), None);
        assert_eq!(machine_of(&[], ""), None);
    }
}
