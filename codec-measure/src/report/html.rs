//! The page.

use crate::plot::{self, Scale, Theme, escape};
use crate::results::Results;

/// The study as one page that needs nothing else: no network, no file beside it.
#[must_use]
pub fn html(results: &Results) -> String {
    let metric = results.metrics.first().map_or("", |metric| metric.id.as_str());
    let title = escape(&results.title);
    let curves = plot::rd_overview(results, metric, Scale::Log, Theme::Light).unwrap_or_default();
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title>\
         <h1>{title}</h1>{curves}</html>\n"
    )
}
