//! Cluster messages and chunk plans (`codec chunks plan`) of other versions, and hostile ones.

use super::Cluster;

/// A job that no plan has.
const JOB: &str = "0123456789abcdef";

/// The version of this command in subjects.
fn version() -> String {
    env!("CARGO_PKG_VERSION").replace('.', "-")
}

/// The state of a job with one chunk.
fn record(version: &str) -> String {
    format!(
        "{{\"version\":\"{version}\",\"input\":\"in\",\"chunks\":1,\"frames\":9,\"is_cancelled\":false}}"
    )
}

impl Cluster {
    fn put_job(&self, version: &str) {
        self.nats.put(&format!("job.{JOB}"), record(version).as_bytes());
    }
}

#[test]
fn chunks_of_another_version_are_left_to_other_workers() {
    let Some(cluster) = Cluster::new(2) else { return };
    cluster.place.ok(&cluster.submit("o.mkv", &[]));
    cluster.put_job("9.9.9");
    cluster.nats.publish(&format!("codec.chunks.9-9-9.{JOB}.0"), b"key");
    cluster.drain(&[]);
    let text = cluster.place.ok(&["cluster", "status", "--nats", &cluster.url]).text();
    assert!(text.contains("it waits for a worker of version 9.9.9"), "{text}");
    assert!(text.contains(&format!("job {JOB}: waiting, 0 of 1 chunks done")), "{text}");

    // A plan of another version that came into the own queue.
    let plan = ["chunks", "plan", "clip.y4m", "-o", "plan.json", "-q", "40"];
    cluster.place.ok(&plan);
    let plan = String::from_utf8(cluster.place.read("plan.json")).unwrap();
    let own = format!("\"version\":\"{}\"", env!("CARGO_PKG_VERSION"));
    let plan = plan.replace(&own, "\"version\":\"9.9.9\"");
    cluster.nats.put(&format!("plan.{JOB}"), plan.as_bytes());
    cluster.nats.publish(&format!("codec.chunks.{}.{JOB}.0", version()), b"key");
    cluster.drain(&[]);
    let of_job = ["cluster", "status", JOB, "--nats", &cluster.url];
    let run = cluster.place.fails(3, "1 chunk failed", &of_job);
    assert!(run.text().contains("the plan was made by version 9.9.9"), "{}", run.text());
    std::fs::write(cluster.place.path("plan.json"), plan).unwrap();
    let submit = ["cluster", "submit", "plan.json", "--plan", "-o", "o.mkv", "--work", "work"];
    let submit = [&submit[..], &["--nats", &cluster.url]].concat();
    cluster.place.fails(3, "the plan was made by version 9.9.9", &submit);
}

#[test]
fn hostile_messages_are_refused_with_a_reason() {
    let Some(cluster) = Cluster::new(2) else { return };
    cluster.place.ok(&cluster.submit("o.mkv", &[]));
    let own = format!("codec.chunks.{}", version());
    let garbage: Vec<u8> = (0..=255).collect();
    for subject in ["x", "..%2f.0", "0123.0", &format!("{JOB}.-1"), &format!("{JOB}.7")] {
        let subject = format!("{own}.{}", subject.replace("..", "dots"));
        cluster.nats.publish(&subject, &garbage);
    }
    // The queue accepts no large messages.
    cluster.nats.publish(&format!("{own}.{JOB}.large"), &vec![b'x'; 100_000]);
    let run = cluster.drain(&[]);
    assert!(run.err.contains("2 chunks encoded"), "{}", run.err);
    let status = cluster.status();
    let refused = status["refused"].as_array().unwrap();
    assert_eq!(refused.len(), 5, "{status}");
    assert!(refused.iter().all(|one| !one["error"].as_str().unwrap().is_empty()), "{status}");

    // Plans that are none, and states of chunks that are none.
    let own = format!("{own}.{JOB}.0");
    cluster.put_job(env!("CARGO_PKG_VERSION"));
    let mut plans = vec![garbage, b"{}".to_vec(), vec![b'['; 500_000]];
    let plan = ["chunks", "plan", "clip.y4m", "-o", "plan.json", "-q", "40"];
    cluster.place.ok(&plan);
    // The plan of another job, with another input.
    let plan = String::from_utf8(cluster.place.read("plan.json")).unwrap();
    plans.push(plan.replace("clip.y4m", "../../../etc/passwd").into_bytes());
    for plan in plans {
        cluster.nats.put(&format!("plan.{JOB}"), &plan);
        cluster.nats.put(&format!("chunk.{JOB}.0"), b"\xff\x00");
        cluster.nats.publish(&own, b"key");
        cluster.drain(&[]);
        let run = cluster.place.run(&["cluster", "status", JOB, "--json", "--nats", &cluster.url]);
        assert_eq!(run.code, 3, "{} {}", run.text(), run.err);
        assert!(run.text().contains("the plan of job"), "{}", run.text());
    }
}

#[test]
fn inputs_outside_of_the_root_folder_are_not_read() {
    let Some(cluster) = Cluster::new(2) else { return };
    cluster.place.ok(&cluster.submit("o.mkv", &[]));
    std::fs::create_dir(cluster.place.path("root")).unwrap();
    let run = cluster.drain(&["--root", "root", "--attempts", "1"]);
    assert!(run.err.contains("0 chunks encoded"), "{}", run.err);
    let path = cluster.place.path("clip.y4m");
    let path = path.to_str().unwrap();
    let submit = ["cluster", "submit", path, "-o", "o.mkv", "--work", "work", "-q", "20"];
    cluster.place.ok(&[&submit[..], &["--nats", &cluster.url]].concat());
    let run = cluster.drain(&["--root", "root", "--attempts", "1"]);
    assert!(run.err.contains("is not in root, where inputs must be"), "{}", run.err);
    assert_eq!(cluster.results(), [""; 0]);
}
