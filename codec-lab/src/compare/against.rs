//! Compares a study with earlier results, and reports the encoders whose BD-rate or CPU time has increased by more
//! than a limit.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;

use codec_measure::bd::Interpolation;
use codec_measure::results::{Arm, Point, Results, SCHEMA, VERSION};
use codec_media::failure::{Failure, Kind, Result};

use super::options::CompareOptions;

/// Names of the two states of an encoder.
const BEFORE: &str = "before";
const NOW: &str = "now";

/// Earlier results and the limits of the changes.
#[derive(Debug)]
pub(super) struct Baseline {
    path: PathBuf,
    results: Results,
    max_bd_rate: Option<f64>,
    max_cpu: Option<f64>,
}

/// The outcome: a line for each encoder, and what exceeds the limits.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) lines: Vec<String>,
    excesses: Vec<String>,
}

impl Baseline {
    /// Reads the results of `--against`, before anything is encoded.
    ///
    /// # Errors
    /// If the file is not a `results.json` of this version.
    pub(super) fn read(args: &CompareOptions) -> Result<Option<Self>> {
        let Some(path) = args.against.clone() else { return Ok(None) };
        let name = path.display();
        let text = fs::read(&path)
            .map_err(|error| Failure::new(Kind::Input, format!("cannot read {name}: {error}")))?;
        let results: Results = serde_json::from_slice(&text).map_err(|error| {
            Failure::new(
                Kind::Input,
                format!("{name}: not a results.json of `codec compare`: {error}"),
            )
        })?;
        if (results.schema.as_str(), results.version) != (SCHEMA, VERSION) {
            let (schema, version) = (&results.schema, results.version);
            return Err(Failure::new(
                Kind::Input,
                format!(
                    "{name}: {schema} of version {version}, expected {SCHEMA} of version {VERSION}"
                ),
            ));
        }
        let (max_bd_rate, max_cpu) = (args.max_bd_rate, args.max_cpu);
        if let Some(partial) = results.partial.filter(|_| max_bd_rate.or(max_cpu).is_some()) {
            let message = format!("{name}: the study was interrupted: {partial}");
            let help =
                "help: run its command again, or compare without --max-bd-rate and --max-cpu";
            return Err(Failure::new(Kind::Input, format!("{message}\n{help}")));
        }
        Ok(Some(Self { path, results, max_bd_rate, max_cpu }))
    }

    /// Checks, before anything is encoded, that the study can be compared.
    ///
    /// # Errors
    /// If no encoder or no clip is in both, or CPU times cannot be compared.
    pub(super) fn check<'a>(
        &self,
        arms: impl Iterator<Item = &'a str>,
        mut digests: impl Iterator<Item = &'a str>,
        mut metrics: impl Iterator<Item = &'a str>,
        (anchor, timing): (&str, bool),
    ) -> Result<()> {
        let name = self.path.display();
        if digests.all(|digest| self.results.clips.iter().all(|clip| clip.digest != digest)) {
            let message = format!("--against: {name} has none of these clips with these frames");
            return Err(Failure::usage(message));
        }
        if metrics.all(|id| self.results.metrics.iter().all(|metric| metric.id != id)) {
            let names: Vec<&str> =
                self.results.metrics.iter().map(|metric| metric.id.as_str()).collect();
            let names = names.join(", ");
            let message = format!("--against: {name} has none of these metrics, only {names}");
            return Err(Failure::usage(message));
        }
        let known: Vec<&str> = self.results.arms.iter().map(|arm| arm.name.as_str()).collect();
        let common: Vec<&str> = arms.filter(|arm| known.contains(arm)).collect();
        if common.is_empty() {
            let names = known.join(", ");
            let message = format!("--against: {name} has none of these encoders, only {names}");
            return Err(Failure::usage(format!("{message}\nhelp: name them in --arm NAME=SPEC")));
        }
        if self.max_cpu.is_none() {
            return Ok(());
        }
        let refused = |why: &str| Err(Failure::usage(format!("--max-cpu {why}")));
        if !timing || !self.results.environment.timing {
            return refused("requires times, which studies with -j do not have");
        }
        if !known.contains(&anchor) || common.iter().all(|arm| *arm == anchor) {
            return refused(&format!(
                "requires the anchor {anchor} and at least one other encoder in both studies\n\
                 help: name the encoders as in {name}, and the anchor with --anchor"
            ));
        }
        Ok(())
    }

    /// Compares each encoder with the one of the same name in the earlier results, on the clips of both.
    pub(super) fn changes(&self, now: &Results, interpolation: Interpolation) -> Changes {
        let earlier = |digest: &str| self.results.clips.iter().find(|clip| clip.digest == digest);
        // Names of the common clips: before, and now.
        let clips: HashMap<&str, &str> = (now.clips.iter())
            .filter_map(|clip| Some((earlier(&clip.digest)?.name.as_str(), clip.name.as_str())))
            .collect();
        let mut changes = Changes::default();
        if let Some(partial) = &self.results.partial {
            changes.lines.push(format!("{} is partial: {partial}", self.path.display()));
        }
        if now.partial.is_some() {
            let text = "not compared, because this study was interrupted";
            changes.lines.push(text.to_owned());
            changes.excesses.push(text.to_owned());
            return changes;
        }
        if clips.len() < now.clips.len() {
            let (name, common, all) = (self.path.display(), clips.len(), now.clips.len());
            changes.lines.push(format!("{name} has {common} of the {all} clips"));
        }
        for arm in &now.arms {
            match self.results.arms.iter().find(|other| other.name == arm.name) {
                Some(before) => {
                    self.add(arm, now, &clips, interpolation, &mut changes);
                    // A new encoder is what is compared; a new anchor is another yardstick.
                    if arm.name == now.anchor && before.version != arm.version {
                        let (old, new) = (&before.version, &arm.version);
                        changes
                            .lines
                            .push(format!("{}: the version was {old} and is {new}", arm.name));
                    }
                }
                None => changes.lines.push(format!("{}: not in {}", arm.name, self.path.display())),
            }
        }
        changes
    }

    /// Adds the change of one encoder.
    fn add(
        &self,
        arm: &Arm,
        now: &Results,
        clips: &HashMap<&str, &str>,
        interpolation: Interpolation,
        changes: &mut Changes,
    ) {
        let pair = self.pair(&arm.name, now, clips, interpolation);
        let mut parts = Vec::new();
        for comparison in &pair.comparisons {
            let metric = &comparison.metric;
            let refused = comparison.clips.iter().find_map(|clip| clip.refused.as_deref());
            match &comparison.bd_rate {
                Some(change) => parts.push(format!("{metric} {:+.2} %", change.value)),
                None => parts.push(format!("{metric} cannot be computed")),
            }
            let Some(limit) = self.max_bd_rate else { continue };
            match (&comparison.bd_rate, refused) {
                (Some(change), None) if change.value > limit => changes.excesses.push(format!(
                    "{}: BD-rate of {metric} {:+.2} % (limit: {limit} %)",
                    arm.name, change.value
                )),
                (Some(_), None) => {}
                (_, reason) => changes.excesses.push(format!(
                    "{}: no BD-rate of {metric}: {}",
                    arm.name,
                    reason.unwrap_or("no common points")
                )),
            }
        }
        match self.cpu_ratio(&arm.name, now, clips, interpolation) {
            Some(ratio) => {
                let anchor = &now.anchor;
                parts.push(format!("CPU time relative to {anchor} x{ratio:.3}"));
                if let Some(limit) = self.max_cpu.filter(|limit| ratio > *limit) {
                    let text = format!("{}: CPU time x{ratio:.3} (limit: x{limit})", arm.name);
                    changes.excesses.push(text);
                }
            }
            None if self.max_cpu.is_some() && arm.name != now.anchor => {
                changes
                    .excesses
                    .push(format!("{}: no CPU times of common points in both studies", arm.name));
            }
            None => {}
        }
        changes.lines.push(format!("{}: BD-rate {}", arm.name, parts.join(", ")));
    }

    /// A study of two arms: the encoder before, which is the anchor, and now.
    fn pair(
        &self,
        arm: &str,
        now: &Results,
        clips: &HashMap<&str, &str>,
        interpolation: Interpolation,
    ) -> Results {
        let named = |name: &str| Arm { name: name.to_owned(), ..Arm::default() };
        let mut points = of_arm(&self.results, arm, BEFORE);
        points.retain_mut(|point| match clips.get(point.clip.as_str()) {
            Some(name) => {
                (*name).clone_into(&mut point.clip);
                true
            }
            None => false,
        });
        points.extend(of_arm(now, arm, NOW));
        let is_common = |name: &str| clips.values().any(|clip| *clip == name);
        points.retain(|point| is_common(&point.clip));
        let known = |id: &str| self.results.metrics.iter().any(|metric| metric.id == id);
        let mut pair = Results {
            anchor: BEFORE.to_owned(),
            arms: vec![named(BEFORE), named(NOW)],
            clips: now.clips.iter().filter(|clip| is_common(&clip.name)).cloned().collect(),
            metrics: now.metrics.iter().filter(|metric| known(&metric.id)).cloned().collect(),
            points,
            ..Results::default()
        };
        pair.compare(interpolation);
        pair
    }

    /// The encoder's CPU time relative to the anchor's, now divided by before. Times of two runs cannot be compared
    /// in any other way, because machines differ, and change with time.
    fn cpu_ratio(
        &self,
        arm: &str,
        now: &Results,
        clips: &HashMap<&str, &str>,
        interpolation: Interpolation,
    ) -> Option<f64> {
        if arm == now.anchor || !now.environment.timing || !self.results.environment.timing {
            return None;
        }
        let ratio = |results: &Results, is_common: &dyn Fn(&str) -> bool| {
            let mut study = Results {
                environment: results.environment.clone(),
                anchor: now.anchor.clone(),
                arms: results.arms.clone(),
                clips: results.clips.clone(),
                metrics: results.metrics.clone(),
                points: results.points.clone(),
                ..Results::default()
            };
            study.clips.retain(|clip| is_common(&clip.name));
            study.points.retain(|point| is_common(&point.clip));
            study.compare(interpolation);
            let found = study.frontier.iter().find(|point| point.arm == arm);
            found.map(|point| point.cpu_ratio.value).filter(|ratio| *ratio > 0.0)
        };
        let after = ratio(now, &|clip| clips.values().any(|name| *name == clip))?;
        let before = ratio(&self.results, &|clip| clips.contains_key(clip))?;
        Some(after / before)
    }

    /// The failure of changes that exceed the limits.
    pub(super) fn judge(&self, changes: &Changes) -> Result<()> {
        if changes.excesses.is_empty() {
            return Ok(());
        }
        let path = self.path.display();
        let text = changes.excesses.join("; ");
        Err(Failure::new(Kind::Check, format!("worse than {path}: {text}")))
    }
}

/// The points of an encoder that have figures, under another name.
fn of_arm(results: &Results, arm: &str, name: &str) -> Vec<Point> {
    let points = results.points.iter().filter(|point| point.arm == arm && point.failure.is_none());
    points.map(|point| Point { arm: name.to_owned(), ..point.clone() }).collect()
}
