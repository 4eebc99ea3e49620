//! Reports of a synthetic study.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests: a panic is the report"
)]

mod browser;
#[path = "../../../tests/src/browsers.rs"]
#[expect(unreachable_pub, dead_code, reason = "shared with the tests of other crates")]
mod browsers;
#[path = "../../../tests/src/depth.rs"]
#[expect(unreachable_pub, reason = "shared with the tests of other crates")]
mod depth;
#[cfg(feature = "png")]
mod png;
mod sample;
mod schema;

use codec_measure::plot::{self, Scale, Theme};
use codec_measure::report;

#[test]
fn every_plot_is_well_formed_and_the_same_each_time() {
    for results in [sample::results(), sample::hostile()] {
        let plots = plot::all(&results);
        assert_eq!(plots, plot::all(&results));
        assert!(plots.len() > 20, "{}", plots.len());
        for plot in &plots {
            if let Err(error) = roxmltree::Document::parse(&plot.svg) {
                panic!("{}: {error}\n{}", plot.name, plot.svg);
            }
            assert!(!plot.svg.contains("NaN") && !plot.svg.contains("inf"), "{}", plot.name);
            if let Some(folder) = option_env!("CODEC_PLOTS") {
                std::fs::write(format!("{folder}/{}.svg", plot.name), &plot.svg).unwrap();
            }
        }
    }
}

#[test]
fn points_are_plotted_at_their_figures() {
    let mut results = sample::results();
    results.clips.truncate(1);
    results.points.retain(|point| point.clip == results.clips[0].name && point.failure.is_none());
    let clip = results.clips[0].name.clone();
    let svg = plot::rd(&results, &clip, "psnr_y", Scale::Linear, Theme::Light).unwrap();
    let document = roxmltree::Document::parse(&svg).unwrap();
    // Markers of the first arm, in pixels, by their titles.
    let group = document.descendants().filter(|node| node.attribute("data-arm") == Some("0"));
    let places: Vec<(f64, f64)> = group
        .flat_map(|node| node.descendants())
        .filter(|node| node.children().any(|child| child.has_tag_name("title")))
        .map(|node| {
            let place = node.attribute("transform").unwrap();
            let place = place.strip_prefix("translate(").unwrap().strip_suffix(')').unwrap();
            let (x, y) = place.split_once(' ').unwrap();
            (x.parse().unwrap(), y.parse().unwrap())
        })
        .collect();
    let values: Vec<(f64, f64)> = results.points[..4]
        .iter()
        .map(|point| (point.kbps, point.quality["psnr_y"].mean))
        .collect();
    assert_eq!(places.len(), 4);
    // Relative positions between the outer points: the same in pixels as in the figures.
    let share = |from: f64, to: f64, at: f64| (at - from) / (to - from);
    for index in [1, 2] {
        let across = share(places[0].0, places[3].0, places[index].0);
        let wanted = share(values[0].0, values[3].0, values[index].0);
        assert!((across - wanted).abs() < 1e-3, "{across} {wanted}");
        let up = share(places[0].1, places[3].1, places[index].1);
        let wanted = share(values[0].1, values[3].1, values[index].1);
        assert!((up - wanted).abs() < 1e-3, "{up} {wanted}");
    }
    assert!(places[0].0 < places[3].0 && places[0].1 > places[3].1);
}

#[test]
fn an_empty_study_has_a_report() {
    let mut empty = codec_measure::results::Results::default();
    for _ in 0..2 {
        for plot in plot::all(&empty) {
            roxmltree::Document::parse(&plot.svg).unwrap();
        }
        assert!(report::html(&empty, &report::ReportExtras::default()).ends_with("</html>\n"));
        assert!(report::csv(&empty).starts_with("arm,clip,"));
        assert!(report::table(&empty, 80, true).contains("arm"));
        // Then a study in which every point failed.
        empty = sample::results();
        for point in &mut empty.points {
            point.failure = Some("no such encoder".into());
        }
        empty.compare(codec_measure::bd::Interpolation::Pchip);
    }
}

#[test]
fn the_csv_quotes_what_must_be_quoted_and_every_line_has_every_column() {
    let results = sample::hostile();
    let csv = report::csv(&results);
    assert!(csv.ends_with("\r\n"));
    let rows = parse_csv(&csv);
    assert_eq!(rows.len(), 1 + results.points.len());
    assert!(rows.iter().all(|row| row.len() == rows[0].len()));
    let column = |name: &str| rows[0].iter().position(|head| head == name).unwrap();
    for (row, point) in rows[1..].iter().zip(&results.points) {
        assert_eq!(row[column("arm")], point.arm);
        assert_eq!(row[column("clip")], point.clip);
        assert_eq!(row[column("failure")], point.failure.clone().unwrap_or_default());
        let quality = point.quality.get("psnr_y").map(|pooled| pooled.mean);
        let written: Option<f64> = row[column("psnr_y_mean_dB")].parse().ok();
        let near = match (quality, written) {
            (Some(quality), Some(written)) => (quality - written).abs() < 1e-6,
            (quality, written) => quality.is_none() && written.is_none(),
        };
        assert!(near, "{row:?}");
    }
}

#[test]
fn figures_disturbed_by_a_busy_machine_are_marked_and_omitted() {
    let mut results = sample::results();
    let arm = results.arms[0].name.clone();
    let is_spoilt = |point: &&mut codec_measure::results::Point| point.arm == arm;
    for point in results.points.iter_mut().filter(is_spoilt) {
        point.speed.wall_s.iter_mut().for_each(|wall| *wall *= 3.0);
    }
    results.mark_busy();
    results.notes = results.cautions();
    assert_eq!(results.environment.busy.len(), 1, "{:?}", results.environment.busy);
    assert!(results.notes[0].starts_with("the machine was busy during 16 of 47 points"));
    let rows = parse_csv(&report::csv(&results));
    let column = |name: &str| rows[0].iter().position(|head| head == name).unwrap();
    for (row, point) in rows[1..].iter().zip(&results.points) {
        let is_busy = point.arm == arm;
        let has_times = point.failure.is_none();
        let wanted = if has_times { is_busy.to_string() } else { String::new() };
        assert_eq!(row[column("machine_busy")], wanted);
        let is_told = point.latency.is_some() && has_times;
        assert_eq!(row[column("encode_p50_ms")].is_empty(), !is_told);
        for tail in ["encode_p99_ms", "encode_max_ms", "deadline_misses"] {
            assert_eq!(row[column(tail)].is_empty(), is_busy || !is_told, "{tail}");
        }
    }
    assert!(report::table(&results, 200, false).contains("note: the machine was busy"));
    let page = report::html(&results, &sample::extras(&results));
    assert!(page.contains("the machine was busy during") && page.contains("<dt>Busy</dt>"));
}

fn parse_csv(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut field) = (Vec::new(), Vec::new(), String::new());
    let mut quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut field)),
            '\r' if !quoted => {}
            '\n' if !quoted => {
                row.push(std::mem::take(&mut field));
                rows.push(std::mem::take(&mut row));
            }
            c => field.push(c),
        }
    }
    assert!(!quoted && field.is_empty() && row.is_empty());
    rows
}

#[test]
fn the_terminal_gets_no_control_characters_of_names() {
    let mut results = sample::hostile();
    results.arms[0].name = "\x1b[2Jarm\x07\n".into();
    let table = report::table(&results, 200, false);
    assert!(table.chars().all(|c| c == '\n' || !c.is_control()));
    assert!(report::table(&results, 200, true).contains("\x1b[1marm\x1b[0m"));
}

#[test]
fn the_table_fits_the_terminal() {
    let results = sample::results();
    for width in [60, 80, 120, 200] {
        let text = report::table(&results, width, false);
        let lines: Vec<&str> = text.lines().take(4).collect();
        assert!(lines.iter().all(|line| line.chars().count() <= width), "{width}:\n{text}");
        println!("{text}");
    }
}

#[test]
fn times_of_audio_are_per_second() {
    let (video, audio) = (sample::results(), sample::audio());
    let table = |results| report::table(results, 200, false);
    assert!(table(&video).contains("  fps  ") && !table(&video).contains("real time"));
    let text = table(&audio);
    assert!(
        text.contains("× real time  CPU ms per s of audio") && text.contains("missing"),
        "{text}"
    );
    assert!(!text.contains("p95 ms") && !text.contains("fps"), "{text}");
    let page = report::html(&audio, &sample::extras(&audio));
    assert!(page.contains("44.1 kHz, 2 channels, 8.00 s"), "{}", &page[..9000]);
    assert!(page.contains("ms per s of audio") && page.contains("Each segment of 20 ms"));
    let names: Vec<String> = plot::all(&audio).into_iter().map(|plot| plot.name).collect();
    assert!(!names.contains(&"key-frames".to_owned()), "{names:?}");
}

#[test]
fn the_page_is_self_contained_and_escapes_names() {
    for (results, name) in [(sample::results(), "plain"), (sample::hostile(), "hostile")] {
        let page = report::html(&results, &sample::extras(&results));
        assert_eq!(page, report::html(&results, &sample::extras(&results)));
        for outside in ["src=", "@import", "url(", "http:", "https:"] {
            let count = page.matches(outside).count();
            // The namespace URI of SVG is not an external reference.
            let names = page.matches("http://www.w3.org/2000/svg").count();
            assert_eq!(count, if outside == "http:" { names } else { 0 }, "{outside}");
        }
        // Only our own scripts, and none injected by a name; nothing in the data ends the script
        // element.
        assert_eq!(page.matches("<script").count(), 2);
        assert_eq!(page.matches("</script").count(), 2);
        assert!(!page.contains('\u{202e}') && !page.contains('\u{1}'));
        let data = page.split("id=\"data\">").nth(1).unwrap().split("</script>").next().unwrap();
        assert!(!data.contains(['<', '>', '&', '\u{2028}']));
        let data: serde_json::Value = serde_json::from_str(data).unwrap();
        assert_eq!(data["arms"][1]["name"], results.arms[1].name);
        assert_eq!(data["points"].as_array().unwrap().len(), 47);
        if let Some(folder) = option_env!("CODEC_PLOTS") {
            std::fs::write(format!("{folder}/{name}.html"), &page).unwrap();
        }
    }
}

/// The sample has an arm with a failed point: three points remain in that curve.
#[test]
fn weak_comparisons_are_marked_everywhere() {
    let results = sample::results();
    let page = report::html(&results, &sample::extras(&results));
    assert!(page.contains("weak clip</small>") && page.contains("3 points"));
    assert!(page.contains("fewer than four points"));
    let text = report::table(&results, 200, false);
    assert!(text.contains("is based on little data:") && text.contains("3 points"), "{text}");
    let table = plot::bd_table(&results, Theme::Light);
    assert!(table.contains("†") && table.contains("fewer than four points"), "{table}");
}

#[test]
fn bars_of_key_frames_name_their_arms() {
    let results = sample::results();
    let bars = plot::key_frames(&results, Theme::Page).unwrap();
    for arm in &results.arms {
        let named = bars.matches(&format!(" {}</text>", plot::escape(&arm.name))).count();
        assert_eq!(named, results.clips.len(), "{}", arm.name);
    }
}
