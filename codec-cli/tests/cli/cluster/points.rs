//! `codec cluster compare`: workers measure the points (encoder, clip and target) of a study.

use std::fs;
use std::sync::{MutexGuard, PoisonError};

use serde_json::Value;

use super::super::Place;
use super::nats::Nats;
use super::{ALONE, Cluster, Process, wait_until};

impl Cluster {
    /// A cluster without a clip.
    fn empty() -> Option<Self> {
        let alone: MutexGuard<'static, ()> = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let (nats, place) = (Nats::start()?, Place::new());
        Some(Self { place, url: nats.url(), nats, whole: Vec::new(), _alone: alone })
    }

    /// The arguments of a comparison on the workers.
    fn compare<'a>(&'a self, study: &[&'a str]) -> Vec<&'a str> {
        let cluster = ["--nats", &self.url, "--work", "work"];
        [&["cluster", "compare"][..], study, &cluster].concat()
    }

    fn report(&self, folder: &str) -> Value {
        serde_json::from_slice(&self.place.read(&format!("{folder}/results.json"))).unwrap()
    }
}

/// The results without the machine, the name of the folder, and the memory of processes.
fn lasting(mut results: Value) -> Value {
    let fields = results.as_object_mut().unwrap();
    let environment = fields.remove("environment").unwrap();
    fields.remove("command");
    fields.insert("timing".to_owned(), environment["timing"].clone());
    for point in fields["points"].as_array_mut().unwrap() {
        point.as_object_mut().unwrap().remove("memory");
    }
    results
}

/// Names and sizes of the files of a report with a table for each frame.
fn tables(cluster: &Cluster, folder: &str) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(cluster.place.path(&format!("{folder}/frames"))).unwrap();
    let mut tables: Vec<_> = entries
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .collect();
    tables.sort();
    tables
}

/// 64 points: two clips, two encoders, 16 quantisers.
const STUDY: [&str; 10] = [
    "a.y4m",
    "b.y4m",
    "--arm",
    "fast=vp8 --preset rtc --speed 9",
    "--arm",
    "slow=vp8 --preset file --speed 5",
    "--qp",
    "8,12,16,20,24,28,32,36,40,44,48,52,56,60,64,68",
    "-j",
    "2",
];

#[test]
fn sixty_four_points_on_four_workers_are_those_of_one_machine() {
    let Some(cluster) = Cluster::empty() else { return };
    for (clip, scene) in [("a.y4m", "texture-pan"), ("b.y4m", "scrolling-text")] {
        let size = ["--size", "96x80", "-n", "12"];
        cluster.place.ok(&[&["generate", scene, "-o", clip][..], &size].concat());
    }
    cluster.place.ok(&[&["compare"][..], &STUDY, &["-o", "local"]].concat());
    let options = ["--lease", "2s", "--attempts", "9"];
    let start = |number: usize| cluster.worker(&format!("worker-{number}"), &options);
    let mut workers: Vec<Process> = (0..4).map(start).collect();
    let study = cluster.compare(&[&STUDY[..], &["-o", "remote"]].concat());
    let submit = cluster.start("submit", &study);
    let done = |cluster: &Cluster| {
        let entries = fs::read_dir(cluster.place.path("work")).into_iter().flatten().flatten();
        entries.filter(|one| one.file_name().to_string_lossy().ends_with(".points")).count()
    };
    wait_until("some points are measured", || done(&cluster) >= 5);
    // It dies with a point, if it has one.
    drop(workers.remove(0));
    for part in 1..=8 {
        wait_until("more points are measured", || done(&cluster) >= part * 8);
    }
    assert_eq!(submit.code(), Some(0), "{}", cluster.log("submit"));
    assert_eq!(done(&cluster), 64);
    let (local, remote) = (cluster.report("local"), cluster.report("remote"));
    assert_eq!(remote["points"].as_array().unwrap().len(), 64);
    assert_eq!(remote["environment"]["cpu"], local["environment"]["cpu"]);
    assert_eq!(lasting(remote), lasting(local));
    assert!(tables(&cluster, "remote") == tables(&cluster, "local"), "tables of frames differ");
    let leftovers = cluster.leftovers();
    assert!(leftovers.iter().all(|name| name.ends_with(".points")), "{leftovers:?}");
    workers.into_iter().for_each(Process::end);

    // Nothing is measured twice, and the report can be continued on one machine.
    let run = cluster.place.ok(&study);
    assert!(!run.err.contains("queued"), "{}", run.err);
    let more = ["compare", "--study", "remote/study.toml", "-o", "remote", "--metrics", "psnr_y"];
    cluster.place.ok(&more);
    // Another report takes the results from the folder, without a worker.
    let again = cluster.compare(&[&STUDY[..], &["-o", "again"]].concat());
    let run = cluster.place.ok(&again);
    assert!(run.err.contains("64 complete already"), "{}", run.err);
    assert_eq!(lasting(cluster.report("again")), lasting(cluster.report("local")));
}

#[test]
fn times_are_measured_on_one_kind_of_machine_that_is_named() {
    let Some(cluster) = Cluster::empty() else { return };
    cluster.place.ok(&["generate", "texture-pan", "-o", "a.y4m", "--size", "96x80", "-n", "6"]);
    let arms = ["a.y4m", "--arm", "x=vp8 --speed 9", "--arm", "y=vp8 --speed 7"];
    let study = [&arms[..], &["--qp", "20,30,40,60", "--repeat", "2", "-o", "rep"]].concat();
    cluster.place.fails(2, "no worker of version", &cluster.compare(&study));
    let worker = cluster.worker("worker", &[]);
    let listed = || cluster.status()["workers"].as_array().unwrap().len() == 1;
    wait_until("the worker is there", listed);
    let other = [&study[..], &["--machine", "no such CPU"]].concat();
    cluster.place.fails(2, "in its machine description", &cluster.compare(&other));
    cluster.place.ok(&cluster.compare(&study));
    let status = cluster.status();
    let machine = status["workers"][0]["machine"].as_str().unwrap();
    let (job, results) = (&status["jobs"][0], cluster.report("rep"));
    assert_eq!((&job["unit"], &job["machine"]), (&"clip".into(), &machine.into()), "{status}");
    let cpu = results["environment"]["cpu"].as_str().unwrap();
    assert!(machine.starts_with(cpu), "{machine}: {cpu}");
    assert_eq!(results["environment"]["timing"], true);
    for point in results["points"].as_array().unwrap() {
        assert_eq!(point["speed"]["cpu_s"].as_array().unwrap().len(), 2, "{point}");
        // All in one session, so that ratios are meaningful.
        assert_eq!(point["speed"]["sessions"], results["points"][0]["speed"]["sessions"]);
    }
    let encoded = results["frontier"].as_array().unwrap();
    assert!(encoded.iter().any(|arm| arm["cpu_ratio"]["value"].is_f64()), "{results}");
    worker.end();
}

#[test]
fn points_that_fail_are_named_and_the_others_are_reported() {
    let Some(cluster) = Cluster::empty() else { return };
    cluster.place.ok(&["generate", "texture-pan", "-o", "a.y4m", "--size", "64x48", "-n", "4"]);
    let codec = env!("CARGO_BIN_EXE_codec");
    let encode = format!("{codec} encode --quiet -y --qp {{qp}} -o {{out:ivf}} {{in}}");
    let good = format!("good=cmd:{encode}");
    let bad = format!("bad=cmd:{encode} --no-such-option");
    let study = ["a.y4m", "--arm", &good, "--arm", &bad, "--qp", "20,40", "-j", "2", "-o", "rep"];
    let study = cluster.compare(&study);
    // Without consent, a worker runs no commands of others.
    let submit = cluster.start("first", &study);
    wait_until("it is queued", || cluster.log("first").contains("4 points queued"));
    let run = cluster.drain(&["--attempts", "1"]);
    assert!(run.err.contains("this worker runs no commands of studies"), "{}", run.err);
    assert_eq!(submit.code(), Some(7), "{}", cluster.log("first"));
    let submit = cluster.start("second", &study);
    wait_until("it is queued", || cluster.log("second").contains("4 points queued"));
    let run = cluster.drain(&["--attempts", "1", "--allow-commands"]);
    assert!(run.err.contains("2 measured"), "{}", run.err);
    assert_eq!(submit.code(), Some(7), "{}", cluster.log("second"));
    assert!(cluster.log("second").contains("2 of 4 points failed"), "{}", cluster.log("second"));
    for point in cluster.report("rep")["points"].as_array().unwrap() {
        assert_eq!(point["failure"].is_string(), point["arm"] == "bad", "{point}");
    }
    // A clip outside of the folder of inputs.
    let path = cluster.place.path("a.y4m");
    fs::create_dir(cluster.place.path("root")).unwrap();
    let study = [path.to_str().unwrap(), "--arm", "vp8", "--qp", "20", "-j", "2", "-o", "out"];
    let submit = cluster.start("third", &cluster.compare(&study));
    wait_until("it is queued", || cluster.log("third").contains("1 point queued"));
    let run = cluster.drain(&["--attempts", "1", "--root", "root"]);
    assert!(run.err.contains("is not in root, where inputs must be"), "{}", run.err);
    assert_eq!(submit.code(), Some(7), "{}", cluster.log("third"));
}

#[test]
fn a_clip_that_changes_after_the_submit_is_not_measured() {
    let Some(cluster) = Cluster::empty() else { return };
    let generate = |scene: &str| {
        let clip = ["generate", scene, "-o", "a.y4m", "-y", "--size", "64x48", "-n", "4"];
        cluster.place.ok(&clip);
    };
    generate("texture-pan");
    let study = ["a.y4m", "--arm", "vp8", "--qp", "20", "-j", "2", "-o", "rep"];
    let submit = cluster.start("submit", &cluster.compare(&study));
    wait_until("it is queued", || cluster.log("submit").contains("1 point queued"));
    generate("scrolling-text");
    let run = cluster.drain(&["--attempts", "2"]);
    assert!(run.err.contains("the frames of the clip"), "{}", run.err);
    assert_eq!(submit.code(), Some(7), "{}", cluster.log("submit"));
}

#[test]
fn an_interrupted_comparison_reports_what_workers_have_measured() {
    let Some(cluster) = Cluster::empty() else { return };
    cluster.place.ok(&["generate", "texture-pan", "-o", "a.y4m", "--size", "64x48", "-n", "4"]);
    let study = |qp: &'static str| ["a.y4m", "--arm", "vp8", "--qp", qp, "-j", "2", "-o", "rep"];
    let few = cluster.start("few", &cluster.compare(&study("20,40")));
    wait_until("it is queued", || cluster.log("few").contains("2 points queued"));
    cluster.drain(&[]);
    assert_eq!(few.code(), Some(0), "{}", cluster.log("few"));
    // Another folder has no results of its own.
    fs::remove_dir_all(cluster.place.path("rep")).unwrap();
    let more = cluster.compare(&study("20,30,40,50"));
    let run = cluster.start("more", &more);
    wait_until("it is queued", || cluster.log("more").contains("2 points queued"));
    run.signal("-INT");
    assert_eq!(run.code(), Some(130), "{}", cluster.log("more"));
    let log = cluster.log("more");
    assert!(log.contains("the report is partial: 2 of 4 points; the job "), "{log}");
    assert!(log.contains("the same command follows it again"), "{log}");
    let results = cluster.report("rep");
    assert_eq!(results["points"].as_array().unwrap().len(), 2, "{results}");
    assert_eq!(results["partial"]["planned"], 4, "{results}");
    cluster.drain(&[]);
    cluster.place.ok(&more);
    let results = cluster.report("rep");
    assert_eq!(results["points"].as_array().unwrap().len(), 4, "{results}");
    assert!(results["partial"].is_null(), "{results}");
}
