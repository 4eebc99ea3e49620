//! Controls that select a rate-distortion point, and the area in which the script draws the quality
//! of this point over time.

use crate::plot::{escape, target_text};
use crate::report::extras::ReportExtras;
use crate::results::Results;
use crate::words::Words;

/// The choice of a point without a pointer, and its figures.
pub(super) fn picked_point(results: &Results) -> String {
    let points = results.points.iter().filter(|point| point.failure.is_none());
    // The numbers count the points that have results, as in the data of the script.
    let options: String = points
        .enumerate()
        .map(|(index, point)| {
            let name = format!("{}, {}, {}", point.clip, point.arm, target_text(point.target));
            format!("<option value=\"{}\">{}</option>", index + 1, escape(&name))
        })
        .collect();
    if options.is_empty() {
        return String::new();
    }
    format!(
        "<p class=\"pick\" hidden><label>Point <select id=\"point\"><option value=\"0\">none</option>{options}\
         </select></label></p>\n<p id=\"point-facts\" class=\"about\" role=\"status\" hidden></p>\n"
    )
}

pub(super) fn frames(results: &Results, extras: &ReportExtras) -> String {
    if extras.frames.iter().flatten().next().is_none() {
        return String::new();
    }
    let clips: String = results
        .clips
        .iter()
        .enumerate()
        .map(|(index, clip)| format!("<option value=\"{index}\">{}</option>", escape(&clip.name)))
        .collect();
    format!(
        "<p class=\"pick\" hidden><label>Clip <select id=\"frames-clip\">{clips}</select></label>\n\
         <label>Target <select id=\"frames-target\"></select></label>\n\
         <label>From frame <input id=\"frames-from\" type=\"number\" min=\"0\" step=\"1\" value=\"0\"></label>\n\
         <label>To frame <input id=\"frames-to\" type=\"number\" min=\"0\" step=\"1\" placeholder=\"last\"></label>\n\
         <button id=\"frames-all\" type=\"button\">whole clip</button></p>\n\
         <figure><div class=\"plot wide\" id=\"frames-plot\"><p class=\"about\">The chart requires JavaScript; \
         the tables of the frames are files in the folder of this page.</p></div>\
         <figcaption>{} Drag over the chart to \
         select a part of the clip. <span id=\"frames-group\"></span></figcaption></figure>\n",
        Words::of(results).over_time
    )
}
