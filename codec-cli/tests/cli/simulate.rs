//! `codec simulate`: results agree with those of other commands, and are the same for the same
//! seed.

use serde_json::Value;

use super::{Place, depth, y4m_frames};

const LOSSY: &str = "rate=400k,delay=30ms,jitter=10ms,loss=5%,burst=2";

fn simulate<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec!["simulate", "clip.y4m", "-b", "250k"];
    arguments.extend(more);
    arguments
}

/// A column of a CSV file.
fn column(place: &Place, file: &str, name: &str) -> Vec<String> {
    let text = String::from_utf8(place.read(file)).unwrap();
    let mut lines = text.lines();
    let index = lines.next().unwrap().split(',').position(|known| known == name).unwrap();
    lines.map(|line| line.split(',').nth(index).unwrap().to_owned()).collect()
}

fn number(report: &Value, part: &str, name: &str) -> f64 {
    report[part][name].as_f64().unwrap()
}

fn sum_of_fates(report: &Value) -> u64 {
    report["fates"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum()
}

#[test]
fn a_perfect_link_shows_the_encoder_output_exactly() {
    if depth::skips_long() {
        return;
    }
    for coder in [&["-c", "vp8"][..], &["-c", "vp9"], &["-c", "vp9", "--layers", "L3T3_KEY"]] {
        a_perfect_link_shows_the_output_of(coder);
    }
}

#[cfg(feature = "h264")]
#[test]
fn a_perfect_link_shows_h264_exactly() {
    for layers in ["L1T1", "L1T3"] {
        a_perfect_link_shows_the_output_of(&["-c", "h264", "--layers", layers]);
    }
}

fn a_perfect_link_shows_the_output_of(coder: &[&str]) {
    let place = Place::with_clip("talking-head", "160x96", 40);
    let encode =
        ["encode", "clip.y4m", "-o", "a.ivf", "--preset", "rtc", "-b", "250k", "--metrics", "ssim"];
    place.ok(&[&encode[..], &["--report", "encode.csv"], coder].concat());
    let outputs = ["-o", "b.ivf", "-o", "seen.y4m", "--report", "frames.csv", "--json"];
    let report = place.json(&simulate(&[&outputs[..], coder].concat()));
    for name in ["psnr_y_db", "psnr_u_db", "psnr_v_db", "ssim", "bytes", "qindex"] {
        assert_eq!(
            column(&place, "frames.csv", name),
            column(&place, "encode.csv", name),
            "{name}"
        );
    }
    assert_eq!(report["schema"], "codec-simulate");
    assert_eq!(report["version"], 1);
    assert_eq!(report["fates"]["clean"], 40);
    assert_eq!(sum_of_fates(&report), 40);
    assert_eq!(report["seen"]["psnr_y"], report["coded"]["psnr_y"]);
    assert_eq!(report["freezes"]["count"], 0);
    assert_eq!(report["delay_ms"]["max"], 100);
    assert_eq!(report["requests"]["pli"], 0);
    // The decoder receives the encoder's packets, and the viewer sees every frame.
    let md5 = |file: &str| place.ok(&["decode", file, "--framemd5"]).out;
    assert_eq!(md5("a.ivf"), md5("b.ivf"));
    assert_eq!(y4m_frames(&place.read("seen.y4m")).len(), 40);
    let metrics = place.json(&["metrics", "clip.y4m", "seen.y4m", "--json"]);
    assert_eq!(metrics["psnr_y"], report["seen"]["psnr_y"]);
    assert_eq!(metrics["ssim"], report["seen"]["ssim"]);
}

#[test]
fn scores_under_loss_match_other_commands() {
    if depth::skips_long() {
        return;
    }
    let place = Place::with_clip("talking-head", "160x96", 180);
    for on_loss in ["conceal", "freeze"] {
        let link = ["--link", LOSSY, "--on-loss", on_loss, "-o", "seen.y4m", "-y", "--json"];
        let report = place.json(&simulate(&link));
        assert_eq!(report["frames"], 180);
        assert_eq!(sum_of_fates(&report), 180);
        assert!(report["link"]["lost"].as_u64().unwrap() > 0);
        assert!(report["seen"]["psnr_y"].as_f64() < report["coded"]["psnr_y"].as_f64());
        // Instants before the first frame are black and not scored.
        let before = usize::try_from(report["seen"]["before_first"].as_u64().unwrap()).unwrap();
        assert!(before < 10);
        let metrics = place.json(&["metrics", "clip.y4m", "seen.y4m", "--json"]);
        let frames = &metrics["frames"].as_array().unwrap()[before..];
        assert_eq!(frames.len() as u64, report["seen"]["pictures"].as_u64().unwrap());
        let mean = frames.iter().map(|frame| frame["psnr_y"].as_f64().unwrap()).sum::<f64>()
            / frames.len() as f64;
        assert!((mean - report["seen"]["psnr_y"].as_f64().unwrap()).abs() < 1e-3);
        if on_loss == "freeze" {
            assert_eq!(report["fates"]["damaged"], 0, "nothing damaged is shown");
        }
    }
}

#[test]
fn results_depend_on_the_seed_and_not_on_threads() {
    if depth::skips_long() {
        return;
    }
    let place = Place::with_clip("talking-head", "320x192", 45);
    let run = |seed: &str, threads: &str| {
        let outputs = ["-o", "o.json", "-o", "o.ivf", "-o", "o.y4m", "--report", "o.csv", "-y"];
        let more = ["--link", LOSSY, "--recovery", "nack", "--seed", seed, "-j", threads];
        let table = place.ok(&simulate(&[&outputs[..], &more].concat())).out;
        let files = ["o.json", "o.ivf", "o.y4m", "o.csv"].map(|file| place.read(file));
        (table, files)
    };
    let first = run("7", "1");
    assert!(first == run("7", "1"));
    assert!(first == run("7", "3"), "threads change nothing");
    let other = run("8", "1");
    // Retransmission may recover everything: the frames may be the same.
    assert!(first.0 != other.0 && first.1[0] != other.1[0] && first.1[3] != other.1[3]);
}

#[test]
fn key_frames_and_retransmission_repair_damage() {
    if depth::skips_long() {
        return;
    }
    let place = Place::with_clip("talking-head", "160x96", 150);
    let run = |recovery| {
        let more = ["--link", LOSSY, "--recovery", recovery, "--playout", "200ms", "--json"];
        place.json(&simulate(&more))
    };
    let (none, pli, nack) = (run("none"), run("pli"), run("nack"));
    assert_eq!(none["requests"]["pli"], 0);
    assert_eq!(none["key_frames"]["count"], 1);
    assert!(none["recovery"]["unrecovered_ms"].as_f64().unwrap() > 1000.0);
    assert!(number(&pli, "requests", "pli") > 0.0);
    assert!(number(&pli, "key_frames", "requested") > 0.0);
    let recovered = pli["recovery"]["times_ms"]["p50"].as_f64().unwrap();
    assert!(recovered < 600.0, "a round trip, the limit of requests and a frame: {recovered}");
    assert!(number(&nack, "requests", "retransmitted") > 0.0);
    assert_eq!(nack["requests"]["retransmitted"], nack["requests"]["nacked_packets"]);
    let clean = |report: &Value| number(report, "fates", "clean");
    assert!(clean(&none) < clean(&pli) && clean(&pli) < clean(&nack));
    assert!(clean(&nack) > 140.0, "{}", clean(&nack));
    let seen = |report: &Value| number(report, "seen", "psnr_y");
    assert!(seen(&none) < seen(&pli) && seen(&pli) < seen(&nack));
}

#[test]
fn loss_delay_and_queue_match_the_link() {
    if depth::skips_long() {
        return;
    }
    let place = Place::with_clip("talking-head", "160x96", 300);
    let link = "rate=2M,delay=40ms,jitter=20ms,reorder=on,loss=10%";
    let more = ["--link", link, "--mtu", "128", "--recovery", "none", "--json"];
    let report = place.json(&simulate(&more));
    let stats = &report["link"];
    let packets = stats["packets"].as_f64().unwrap();
    assert!(packets > 2000.0);
    // Four standard deviations.
    let bound = 400.0 * (0.1 * 0.9 / packets).sqrt();
    assert!((stats["lost_pct"].as_f64().unwrap() - 10.0).abs() < bound, "{stats}");
    let mean = stats["propagation_ms"]["mean"].as_f64().unwrap();
    assert!((mean - 50.0).abs() < 4.0 * 20.0 / 12_f64.sqrt() / packets.sqrt() + 0.01, "{mean}");
    let most = stats["propagation_ms"]["max"].as_f64().unwrap();
    assert!((59.0..=60.0).contains(&most), "{most}");
    assert!(stats["reordered"].as_u64().unwrap() > 0);
}

#[test]
fn a_trace_throttles_the_link_and_the_encoder_follows_it() {
    if depth::skips_long() {
        return;
    }
    let place = Place::with_clip("talking-head", "320x192", 180);
    std::fs::write(place.path("trace.csv"), "time_s,rate\n0,600k\n2,150k\n4,600k\n").unwrap();
    let link = "rate=trace.csv,delay=20ms,queue=500ms";
    let run = |more: &[&str]| {
        // No frame is late: the playout delay covers the queue.
        let common = ["simulate", "clip.y4m", "-b", "500k", "--link", link, "--playout", "600ms"];
        place.json(&[&common[..], &["--json"], more].concat())
    };
    let seconds = |report: &Value, name: &str| -> Vec<f64> {
        let rows = report["seconds"].as_array().unwrap();
        rows.iter().take(6).map(|row| row[name].as_f64().unwrap()).collect()
    };
    let stubborn = run(&[]);
    assert_eq!(seconds(&stubborn, "link_kbps"), [600.0, 600.0, 150.0, 150.0, 600.0, 600.0]);
    assert_eq!(seconds(&stubborn, "target_kbps"), [500.0; 6]);
    assert!(stubborn["link"]["dropped_by_queue"].as_u64().unwrap() > 0);
    let following = run(&["--rate-trace", "link", "--rate-delay", "200ms"]);
    assert_eq!(seconds(&following, "target_kbps"), [510.0, 510.0, 127.5, 127.5, 510.0, 510.0]);
    let clean = |report: &Value| number(report, "fates", "clean");
    assert!(clean(&following) > clean(&stubborn));
    let dropped = |report: &Value| number(report, "link", "dropped_by_queue");
    assert!(dropped(&stubborn) > 4.0 * dropped(&following));
    assert!(number(&following, "seen", "psnr_y") > number(&stubborn, "seen", "psnr_y") + 1.0);
    // Arrivals never exceed the link's capacity, except for the packet at the boundary.
    for (arrived, link) in
        seconds(&stubborn, "arrived_kbps").iter().zip(seconds(&stubborn, "link_kbps"))
    {
        assert!(*arrived <= link + 20.0, "{arrived} of {link}");
    }
}

#[test]
fn layers_and_constant_times_are_simulated_too() {
    let place = Place::with_clip("talking-head", "160x96", 60);
    let link = ["--link", "rate=1M,delay=20ms", "--encode-time", "10ms", "--decode-time", "5ms"];
    let more =
        ["--layers", "L1T3", "--mtu", "300", "--token-parts", "4", "--report", "f.csv", "--json"];
    let report = place.json(&simulate(&[&link[..], &more].concat()));
    assert_eq!(report["fates"]["lost"], 0);
    assert!(report["ready_ms"]["p50"].as_f64().unwrap() >= 35.0);
    assert!(column(&place, "f.csv", "layer").iter().any(|layer| layer == "2"));
    assert!(column(&place, "f.csv", "decodable").iter().all(|decodable| decodable == "1"));
}

#[test]
fn losses_of_vp9_are_repaired_and_scored() {
    if depth::skips_long() {
        return;
    }
    losses_are_repaired_and_scored("vp9", &["L1T1", "L1T3", "L3T1", "L2T2_KEY"]);
}

#[cfg(feature = "h264")]
#[test]
fn losses_of_h264_are_repaired_and_scored() {
    if depth::skips_long() {
        return;
    }
    losses_are_repaired_and_scored("h264", &["L1T1", "L1T3"]);
}

fn losses_are_repaired_and_scored(codec: &str, modes: &[&str]) {
    // With temporal layers, all losses of 150 frames may hit frames to which no other refers.
    const FRAMES: u32 = 300;
    let place = Place::with_clip("talking-head", "160x96", FRAMES);
    for &layers in depth::sample(modes, modes.len(), modes.len() - 1) {
        let run = |recovery, on_loss, seed| {
            let link = ["--link", LOSSY, "--recovery", recovery, "--on-loss", on_loss];
            let more = ["-c", codec, "--layers", layers, "--playout", "200ms", "--seed", seed];
            let outputs = ["-o", "seen.y4m", "-y", "--json"];
            let report = place.json(&simulate(&[&link[..], &more, &outputs].concat()));
            assert_eq!(sum_of_fates(&report), u64::from(FRAMES), "{layers}");
            assert!(report["link"]["lost"].as_u64().unwrap() > 0);
            assert_eq!(y4m_frames(&place.read("seen.y4m")).len(), FRAMES as usize);
            report
        };
        let clean = |report: &Value| report["fates"]["clean"].as_u64().unwrap();
        let (mut of_plis, mut of_nacks) = (0, 0);
        for seed in ["1", "2", "3"] {
            let none = run("none", "conceal", seed);
            let (pli, nack) = (run("pli", "freeze", seed), run("nack", "freeze", seed));
            assert_eq!(none["requests"]["pli"], 0);
            assert!(pli["key_frames"]["requested"].as_u64().unwrap() > 0, "{layers}");
            assert!(nack["requests"]["retransmitted"].as_u64().unwrap() > 0, "{layers}");
            let [none, pli, nack] = [none, pli, nack].map(|report| clean(&report));
            assert!(none < pli && pli <= nack, "{layers}, seed {seed}: {none}, {pli}, {nack}");
            of_plis += pli;
            of_nacks += nack;
        }
        assert!(of_plis < of_nacks, "{layers}: {of_plis}, {of_nacks}");
        // A lost retransmission of one key frame costs a twentieth of the clip.
        assert!(of_nacks >= 3 * u64::from(FRAMES) * 138 / 150, "{layers}: {of_nacks}");
    }
}

#[test]
fn unsupported_simulations_are_rejected() {
    let place = Place::with_clip("talking-head", "64x48", 3);
    let refused = |code, word: &str, more: &[&str]| {
        place.fails(code, word, &simulate(more));
    };
    refused(2, "no frame can arrive", &["--link", "delay=50ms", "--playout", "20ms"]);
    refused(2, "reorder, loss, burst, queue, overhead", &["--link", "speed=3"]);
    refused(2, "unknown key", &["--link", "dup=1%"]);
    refused(2, "--seed sets the seed", &["--link", "seed=3"]);
    refused(2, "at most", &["--link", "loss=90%,burst=2"]);
    refused(2, "[possible values: rtc]", &["--preset", "file"]);
    refused(2, "differ between machines", &["--max-frame-time", "5ms"]);
    refused(2, "ending in .json", &["-o", "out.webm"]);
    refused(2, "standard output", &["-o", "-"]);
    refused(2, "given twice", &["-o", "a.json", "-o", "a.json"]);
    refused(2, ".csv", &["--report", "a.txt"]);
    refused(2, "same file", &["-o", "clip.y4m", "-y"]);
    refused(2, "--pace", &["--pace", "nan"]);
    refused(3, "missing.csv", &["--link", "rate=missing.csv"]);
    std::fs::write(place.path("bad.csv"), "0,1M\n0,2M\n").unwrap();
    refused(3, "line 2", &["--link", "rate=bad.csv"]);
    std::fs::write(place.path("there.json"), "kept").unwrap();
    refused(2, "already exists", &["-o", "there.json"]);
    assert_eq!(place.read("there.json"), b"kept");
    place.fails(2, "-q or --qp", &["simulate", "clip.y4m", "--qp", "40", "--rate-trace", "link"]);
    if cfg!(feature = "av1") {
        place.fails(2, "cannot simulate av1", &["simulate", "clip.y4m", "-c", "av1"]);
    }
    assert!(!place.names().iter().any(|name| name.contains(".part")));
}

#[test]
fn arrival_times_match_a_calculation_by_hand() {
    let place = Place::with_clip("talking-head", "160x96", 60);
    let link = ["--link", "rate=280k,delay=40ms,queue=5s", "--pace", "0", "--report", "f.csv"];
    place.ok(&simulate(&link));
    let numbers = |name: &str| -> Vec<f64> {
        column(&place, "f.csv", name).iter().map(|cell| cell.parse().unwrap()).collect()
    };
    let (captured, arrived) = (numbers("capture_ms"), numbers("arrived_ms"));
    let (bytes, packets) = (numbers("bytes"), numbers("packets"));
    let mut free = 0.0_f64;
    let mut longest = 0.0_f64;
    for frame in 0..60 {
        // Each packet has 28 bytes of IP and UDP headers, 12 of RTP and 4 of the payload
        // descriptor.
        let bits = 8.0 * (bytes[frame] + 44.0 * packets[frame]);
        longest = longest.max(free - captured[frame]);
        free = free.max(captured[frame]) + bits / 280.0;
        assert!((arrived[frame] - free - 40.0).abs() < 1e-3, "frame {frame}");
    }
    assert!(longest > 20.0, "frames wait for the key frame: {longest}");
}

#[test]
fn dropped_frames_are_counted_by_reason_and_seen_as_frozen() {
    if depth::skips_long() {
        return;
    }
    let place = Place::with_clip("texture-pan", "320x192", 60);
    let run = ["simulate", "clip.y4m", "-b", "20k", "--drop", "--report", "f.csv", "--json"];
    let report = place.json(&run);
    let dropped = report["fates"]["dropped"].as_u64().unwrap();
    assert!(dropped > 0);
    let reasons = report["encoder_drops"].as_object().unwrap().values();
    assert_eq!(reasons.map(|count| count.as_u64().unwrap()).sum::<u64>(), dropped);
    assert_eq!(sum_of_fates(&report), 60);
    let (fates, seen) = (column(&place, "f.csv", "fate"), column(&place, "f.csv", "seen_frame"));
    for (frame, (fate, seen)) in fates.iter().zip(seen).enumerate() {
        assert_eq!(fate == "clean", seen == frame.to_string(), "frame {frame}: {fate}");
    }
}

#[test]
fn link_utilisation_never_exceeds_its_capacity() {
    let place = Place::with_clip("texture-pan", "320x180", 40);
    for link in ["rate=150k,queue=2s", "rate=150k", "rate=150k,queue=60s,loss=20%"] {
        let report = place.json(&["simulate", "clip.y4m", "-b", "600k", "--link", link, "--json"]);
        let used = report["rates"]["used_pct"].as_f64().unwrap();
        // The queue is never empty, and drains after the last frame.
        assert!(used > 60.0 && used <= 100.0, "{link}: {used}");
    }
}

#[test]
fn several_seeds_give_the_means_of_single_runs() {
    let place = Place::with_clip("texture-pan", "96x64", 45);
    let link = "rate=400k,delay=30ms,jitter=10ms,loss=5%";
    let base = ["simulate", "clip.y4m", "-b", "200k", "--link", link, "--json"];
    let several =
        |more: &[&str]| place.json(&[&base[..], &["--seeds", "3", "--seed", "7"], more].concat());
    let all = several(&["-j", "1"]);
    assert_eq!(several(&["-j", "3"]), all);
    assert_eq!(all["schema"], "codec-simulate-seeds");
    assert_eq!(all["seeds"].to_string(), "[7,8,9]");
    let mut psnr = Vec::new();
    for (index, seed) in ["7", "8", "9"].into_iter().enumerate() {
        let single = place.json(&[&base[..], &["--seed", seed]].concat());
        assert_eq!(all["runs"][index], single, "seed {seed}");
        psnr.push(single["seen"]["psnr_y"].as_f64().unwrap());
    }
    let figure = |key: &str| all["figures"]["seen.psnr_y"][key].as_f64().unwrap();
    let mean = psnr.iter().sum::<f64>() / 3.0;
    assert!((figure("mean") - mean).abs() < 1e-3, "{} {mean}", figure("mean"));
    assert!(figure("low") < figure("min") && figure("max") < figure("high"), "{}", all["figures"]);
    // Student's t with 2 degrees of freedom.
    let variance = psnr.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / 2.0;
    let half = 4.3027 * (variance / 3.0).sqrt();
    assert!((figure("high") - mean - half).abs() < 0.01 * half, "{half}");

    let run = place.ok(&[&base[..6], &["--seeds", "2", "-o", "all.json"]].concat());
    assert!(run.text().contains("2 seeds, 1 to 2"), "{}", run.text());
    assert!(run.text().contains("seen PSNR Y        "), "{}", run.text());
    let saved: Value = serde_json::from_slice(&place.read("all.json")).unwrap();
    assert_eq!(saved["runs"].as_array().unwrap().len(), 2);
    let refused = |word: &str, more: &[&str]| {
        place.fails(2, word, &[&base[..6], &["--seeds", "2"], more].concat());
    };
    refused("single output: -o F.json", &["-o", "a.ivf"]);
    refused("single output: -o F.json", &["--report", "a.csv"]);
    refused("already exists", &["-o", "all.json"]);
    place.fails(2, "it must be a file", &["simulate", "-", "-b", "200k", "--seeds", "2"]);
}
