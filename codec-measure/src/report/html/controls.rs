//! The controls of the report page: choice of clips and encoders.

use crate::plot::{DASHES, Style, escape};
use crate::results::Results;

/// The arms, which also serve as the legend, and the choice of what is drawn.
pub(super) fn controls(results: &Results) -> String {
    let mut out = String::from(
        "<form id=\"controls\" autocomplete=\"off\">\n<fieldset class=\"arms\"><legend>Arms</legend>\n",
    );
    for (index, arm) in results.arms.iter().enumerate() {
        let anchor = if arm.name == results.anchor { " <small>anchor</small>" } else { "" };
        out.push_str(&format!(
            "<label><input type=\"checkbox\" name=\"arm\" value=\"{index}\" checked>{} {}{anchor}</label>\n",
            sample(results, &arm.name, true),
            escape(&arm.name)
        ));
    }
    out.push_str("</fieldset>\n<div class=\"choices\">\n<label>Metric <select name=\"metric\">");
    for (index, metric) in results.metrics.iter().enumerate() {
        out.push_str(&format!("<option value=\"{index}\">{}</option>", escape(&metric.name)));
    }
    out.push_str("</select></label>\n<label>Over frames <select name=\"pool\">");
    let pools = [
        "mean",
        "harmonic mean",
        "median",
        "5th percentile",
        "1st percentile",
        "worst second",
        "worst frame",
    ];
    for (index, pool) in pools.iter().enumerate() {
        out.push_str(&format!("<option value=\"{index}\">{pool}</option>"));
    }
    out.push_str(
        "</select></label>\n<label>Bitrate <select name=\"scale\"><option value=\"log\">logarithmic\
         </option><option value=\"linear\">linear</option></select></label>\n\
         <details class=\"clips\"><summary>Clips</summary><div>\n\
         <p><button type=\"button\" data-all=\"1\">all</button> \
         <button type=\"button\" data-all=\"\">none</button></p>\n",
    );
    for (index, clip) in results.clips.iter().enumerate() {
        out.push_str(&format!(
            "<label><input type=\"checkbox\" name=\"clip\" value=\"{index}\" checked> {}</label>\n",
            escape(&clip.name)
        ));
    }
    out.push_str("</div></details>\n</div>\n</form>\n");
    out
}

/// A piece of the arm's line with its marker, or only the marker.
pub(super) fn sample(results: &Results, arm: &str, line: bool) -> String {
    let style = Style::of_arm(results, arm);
    let (wide, middle) = if line { (26, 13) } else { (12, 6) };
    let dashes = DASHES[style.round % DASHES.len()];
    let line = if line {
        format!(
            "<path d=\"M1 7H25\" stroke=\"var(--s{0})\" stroke-width=\"1.75\" stroke-dasharray=\"{dashes}\"/>",
            style.index
        )
    } else {
        String::new()
    };
    format!(
        "<svg class=\"sample\" viewBox=\"0 0 {wide} 14\" width=\"{wide}\" height=\"14\" aria-hidden=\"true\">{line}\
         <path d=\"{}\" transform=\"translate({middle} 7)\" fill=\"var(--s{})\" stroke=\"var(--paper)\"/></svg>",
        style.marker(),
        style.index
    )
}
