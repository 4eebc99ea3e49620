//! The environment of the study, and the command that repeats it.

use super::cells::{arm_cell, arm_index, pre};
use super::controls::sample;
use crate::plot::escape;
use crate::report::tables::{Cell, Row, Table, head, text_head};
use crate::results::Results;
use crate::words::Words;

pub(super) fn environment(results: &Results) -> String {
    let known = &results.environment;
    let cores = known.cores.to_string();
    let timing =
        if known.timing { "one point at a time" } else { "points in parallel: unreliable" };
    let facts = [
        ("Processor", known.cpu.as_str()),
        ("Cores", if known.cores == 0 { "" } else { &cores }),
        ("Instruction set", &known.simd),
        ("System", &known.os),
        ("codec", &known.codec),
        ("Started", &known.date),
        ("Finished", &known.finished),
        ("Times", timing),
        ("Busy", &known.busy.join("; ")),
    ];
    let facts: String = facts
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("<dt>{name}</dt><dd>{}</dd>\n", escape(value)))
        .collect();
    let heads = ["Arm", "Version", "Threads", "Given as"].into_iter().map(text_head).collect();
    let rows = results.arms.iter().map(|arm| Row {
        arm: arm_index(results, &arm.name),
        clip: None,
        cells: vec![
            arm_cell(results, &arm.name),
            Cell::text(&arm.version),
            Cell::text(
                &arm.threads
                    .map_or_else(|| "chosen by the encoder".into(), |count| count.to_string()),
            ),
            Cell { html: format!("<code>{}</code>", escape(&arm.given)), ..Cell::default() },
        ],
    });
    let arms = Table { caption: "Arms".into(), heads, rows: rows.collect() };
    let heads = [
        text_head("Clip"),
        head(if results.is_audio() { "Format" } else { "Pixels" }),
        head(&Words::head(Words::of(results).frames)),
        head(&format!("{} per s", Words::head(Words::of(results).frames))),
        head("Seconds"),
        text_head(if results.is_audio() { "MD5 of the samples" } else { "MD5 of the frames" }),
    ];
    let rows = results.clips.iter().enumerate().map(|(index, clip)| Row {
        arm: None,
        clip: Some(index),
        cells: vec![
            Cell::text(&clip.name),
            match clip.audio {
                Some(audio) => Cell {
                    html: audio.to_string(),
                    sort: Some(f64::from(audio.sample_rate) * f64::from(audio.channels)),
                    class: "",
                },
                None => Cell {
                    html: format!("{} × {}", clip.width, clip.height),
                    sort: Some(f64::from(clip.width) * f64::from(clip.height)),
                    class: "",
                },
            },
            Cell::whole(clip.frames),
            Cell::short(Some(clip.fps)),
            Cell::short(Some(clip.seconds)),
            Cell { html: format!("<code>{}</code>", escape(&clip.digest)), ..Cell::default() },
        ],
    });
    let clips = Table { caption: "Clips".into(), heads: heads.into(), rows: rows.collect() };
    format!("<dl>\n{facts}</dl>\n{}{}", arms.html(), clips.html())
}

pub(super) fn repeat(results: &Results) -> String {
    let mut out = String::new();
    if !results.command.is_empty() {
        out.push_str(&format!("<p>The whole study:</p>\n<pre>{}</pre>\n", pre(&results.command)));
    }
    let commands: Vec<_> = results.arms.iter().filter(|arm| !arm.command.is_empty()).collect();
    if !commands.is_empty() {
        out.push_str("<p>One point of each arm:</p>\n");
    }
    for arm in commands {
        out.push_str(&format!(
            "<p class=\"arm\">{}{}</p>\n<pre>{}</pre>\n",
            sample(results, &arm.name, false),
            escape(&arm.name),
            pre(&arm.command)
        ));
    }
    out
}
