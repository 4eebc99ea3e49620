//! Links to the files in the folder of the report page.

use crate::plot::escape;
use crate::report::extras::{ReportExtras, href};
use crate::results::Results;

/// The files of the study, then the files of the plots.
pub(super) fn files(results: &Results, extras: &ReportExtras) -> String {
    let (plots, others): (Vec<&String>, Vec<&String>) =
        extras.files.iter().partition(|path| path.starts_with("plots/"));
    let tables = results.points.iter().filter_map(|point| {
        let path = point.frames_csv.as_ref()?;
        let name =
            format!("{}, {}, {}", point.arm, point.clip, crate::plot::target_text(point.target));
        Some(item(path, &name))
    });
    let tables: Vec<String> = tables.collect();
    let mut out = String::new();
    if !others.is_empty() {
        let items: String = others.iter().map(|path| item(path, path)).collect();
        out.push_str(&format!("<ul class=\"files\">\n{items}</ul>\n"));
    }
    if !plots.is_empty() {
        let items: String = plots.iter().map(|path| item(path, file_name(path))).collect();
        out.push_str(&folded(&format!("Plots ({})", plots.len()), &items));
    }
    if !extras.files.is_empty() && !tables.is_empty() {
        out.push_str(&folded(
            &format!("Each frame, one table for each point ({})", tables.len()),
            &tables.concat(),
        ));
    }
    out
}

pub(super) fn folded(title: &str, items: &str) -> String {
    format!("<details><summary>{title}</summary><ul class=\"files\">\n{items}</ul></details>\n")
}

pub(super) fn item(path: &str, name: &str) -> String {
    format!("<li><a href=\"{}\">{}</a></li>\n", href(path), escape(name))
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
