//! Jobs: failures, cancelling, several submitters, waiting.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::Value;

use super::super::interrupts::{interrupt, wait_for};
use super::{Cluster, OPTIONS, Process, wait_until};

impl Cluster {
    /// Writes `plan.json`.
    fn plan(&self) -> Value {
        let plan = ["chunks", "plan", "clip.y4m", "-o", "plan.json", "-f", "mkv"];
        self.place.ok(&[&plan[..], &OPTIONS].concat());
        serde_json::from_slice(&self.place.read("plan.json")).unwrap()
    }
}

#[test]
fn a_chunk_that_always_fails_is_given_up_and_the_others_complete() {
    let Some(cluster) = Cluster::new(3) else { return };
    let plan = cluster.plan();
    // After the plan was made, a frame of the second chunk has changed.
    let frame = plan["chunks"][1]["first_frame"].as_u64().unwrap();
    let mut clip = cluster.place.read("clip.y4m");
    let at = |frame: u64| {
        let frames = clip.windows(6).enumerate().filter(|(_, bytes)| bytes == b"FRAME\n");
        frames.map(|(at, _)| at).nth(usize::try_from(frame).unwrap()).unwrap()
    };
    let sample = at(frame + 1) + 6;
    clip[sample] ^= 0x80;
    fs::write(cluster.place.path("clip.y4m"), clip).unwrap();
    let _worker = cluster.worker("worker", &["--attempts", "2"]);
    let submit = ["cluster", "submit", "plan.json", "--plan", "-o", "o.mkv", "--work", "work"];
    let submit = [&submit[..], &["--wait", "--nats", &cluster.url]].concat();
    let run = cluster.place.fails(3, "chunk 1 failed in 2 attempts", &submit);
    assert!(run.err.contains("differ from those of the plan"), "{}", run.err);
    assert!(run.err.contains("1 chunk failed: 1\n"), "{}", run.err);
    assert!(!cluster.place.has("o.mkv"));
    assert_eq!(cluster.results().len(), 2);
    let status = cluster.status();
    let job = &status["jobs"][0];
    assert_eq!((&job["state"], &job["done"]), (&"failed".into(), &2.into()), "{status}");
    let name = job["job"].as_str().unwrap();
    let of_job = ["cluster", "status", name, "--nats", &cluster.url];
    let run = cluster.place.fails(3, "1 chunk failed", &of_job);
    assert!(run.text().contains("chunk 1: failed in 2 attempts"), "{}", run.text());
    // A plan has its own options.
    cluster.place.fails(2, "--quality cannot be used", &[&submit[..], &["-q", "3"]].concat());
}

#[test]
fn failed_chunks_are_repeated_by_the_next_submit() {
    let Some(cluster) = Cluster::new(2) else { return };
    let clip = cluster.place.path("clip.y4m");
    cluster.place.ok(&cluster.submit("o.mkv", &[]));
    fs::rename(&clip, cluster.place.path("moved.y4m")).unwrap();
    let run = cluster.drain(&["--attempts", "1"]);
    assert!(run.err.contains("cannot open clip.y4m"), "{}", run.err);
    fs::rename(cluster.place.path("moved.y4m"), &clip).unwrap();
    let status = cluster.status();
    assert_eq!(status["jobs"][0]["failed"][1]["code"], 3, "{status}");
    let run = cluster.place.ok(&cluster.submit("o.mkv", &[]));
    assert!(run.err.contains("2 chunks queued"), "{}", run.err);
    cluster.drain(&["--root", "."]);
    let run = cluster.place.ok(&cluster.submit("o.mkv", &["--wait"]));
    assert!(run.err.contains("2 complete already"), "{}", run.err);
    cluster.assert_whole("o.mkv");
}

#[test]
fn a_cancelled_job_stops_and_continues_where_it_was() {
    let Some(cluster) = Cluster::new(5) else { return };
    let worker = cluster.worker("worker", &[]);
    let name = cluster.place.ok(&cluster.submit("o.mkv", &[])).text();
    let name = name.trim();
    wait_until("a chunk is complete", || !cluster.results().is_empty());
    let run = cluster.place.ok(&["cluster", "cancel", name, "--nats", &cluster.url]);
    assert!(run.err.contains("removed from the queue"), "{}", run.err);
    let is_idle = |status: &Value| {
        status["workers"]
            .as_array()
            .unwrap()
            .iter()
            .all(|worker| worker["running"] == Value::Array(Vec::new()))
    };
    // The worker reports every few seconds.
    wait_until("the worker stops", || is_idle(&cluster.status()));
    let results = cluster.results();
    assert!(results.len() < 5, "{results:?}");
    let status = cluster.status();
    assert_eq!(status["jobs"][0]["state"], "cancelled", "{status}");
    worker.end();
    assert_eq!(cluster.leftovers(), [""; 0]);

    let written = |name: &String| {
        let path = cluster.place.path("work").join(name);
        fs::metadata(path).unwrap().modified().unwrap()
    };
    let before: Vec<_> = results.iter().map(written).collect();
    let run = cluster.place.ok(&cluster.submit("o.mkv", &[]));
    let complete = format!("{} complete already", results.len());
    assert!(run.err.contains(&complete), "{}", run.err);
    cluster.drain(&[]);
    cluster.place.ok(&cluster.submit("o.mkv", &["--wait"]));
    cluster.assert_whole("o.mkv");
    assert_eq!(results.iter().map(written).collect::<Vec<_>>(), before);
    let missing = ["cluster", "cancel", "0123456789abcdef", "--nats", &cluster.url];
    cluster.place.fails(2, "there is no job", &missing);
}

#[test]
fn two_submitters_of_a_job_do_not_double_the_work() {
    let Some(cluster) = Cluster::new(4) else { return };
    let start = |name: &str| {
        let output = format!("{name}.mkv");
        cluster.start(name, &cluster.submit(&output, &["--wait"]))
    };
    let submits = [start("a"), start("b")];
    let workers: Vec<Process> =
        (0..2).map(|number| cluster.worker(&format!("worker-{number}"), &[])).collect();
    for (submit, name) in submits.into_iter().zip(["a", "b"]) {
        assert_eq!(submit.code(), Some(0), "{}", cluster.log(name));
        cluster.assert_whole(&format!("{name}.mkv"));
    }
    workers.into_iter().for_each(Process::end);
    let logs = cluster.log("worker-0") + &cluster.log("worker-1");
    assert_eq!(logs.matches(": encoded").count(), 4, "{logs}");
    let status = cluster.status();
    assert_eq!(status["jobs"].as_array().unwrap().len(), 1, "{status}");
    assert_eq!(status["workers"], Value::Array(Vec::new()), "{status}");
}

#[test]
fn an_interrupt_ends_the_waiting_and_not_the_job() {
    let Some(cluster) = Cluster::new(2) else { return };
    let mut submit = cluster
        .place
        .command(&cluster.submit("o.mkv", &["--wait"]))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(submit.stderr.take().unwrap()).lines();
    wait_for(&mut lines, "no worker of version");
    interrupt(&submit);
    wait_for(&mut lines, "goes on");
    wait_for(&mut lines, "codec cluster cancel");
    assert_eq!(submit.wait().unwrap().code(), Some(130));
    let run = cluster.drain(&[]);
    assert!(run.err.contains("2 chunks encoded"), "{}", run.err);
}

#[cfg(feature = "http")]
#[test]
fn workers_read_inputs_by_http_unless_they_have_a_root_folder() {
    use super::super::http::{Faults, Server};

    let Some(cluster) = Cluster::new(2) else { return };
    let server = Server::start(cluster.place.path("."), Faults::Passing);
    let url = server.url("clip.y4m");
    let submit = ["cluster", "submit", &url, "-o", "o.mkv", "--work", "work"];
    let submit = [&submit[..], &["--nats", &cluster.url], &OPTIONS].concat();
    cluster.place.ok(&submit);
    let run = cluster.drain(&["--root", ".", "--attempts", "1"]);
    assert!(run.err.contains("is not in ., where inputs must be"), "{}", run.err);
    let status = cluster.status();
    let input = status["jobs"][0]["input"].as_str().unwrap();
    assert!(input.ends_with("/clip.y4m"), "{input}");
    cluster.place.ok(&submit);
    cluster.drain(&[]);
    cluster.place.ok(&[&submit[..], &["--wait"]].concat());
    cluster.assert_whole("o.mkv");
}
