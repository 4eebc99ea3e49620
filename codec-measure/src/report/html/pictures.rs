//! Images of two arms (encoders with their settings) side by side. A script shows them; without
//! scripts, the page only lists the image files.

use super::files::{folded, item};
use crate::report::extras::ClipPictures;

pub(super) fn pictures(pictures: &[ClipPictures]) -> String {
    if pictures.is_empty() {
        return String::new();
    }
    let mut items = String::new();
    let mut count = 0;
    for clip in pictures {
        let sources = std::iter::once(("source", &clip.source));
        let points = clip.points.iter().map(|point| (point.arm.as_str(), &point.files));
        for (name, files) in sources.chain(points) {
            for (file, frame) in files.iter().zip(&clip.frames) {
                items.push_str(&item(
                    file,
                    &format!("{}, {name}, frame {}", clip.clip, frame.frame),
                ));
                count += 1;
            }
        }
    }
    let list = folded(&format!("Picture files ({count})"), &items);
    format!("{CHOICES}{STAGE}{list}")
}

const CHOICES: &str = "<p class=\"pick\" hidden>\
<label>Clip <select id=\"pictures-clip\"></select></label>\n\
<label>Frame <select id=\"pictures-frame\"></select></label>\n\
<label>A <select id=\"pictures-a\"></select></label>\n\
<label>B <select id=\"pictures-b\"></select></label>\n\
<label>View <select id=\"pictures-view\"><option value=\"side\">side by side</option>\
<option value=\"flicker\">one at a time</option><option value=\"difference\">difference of A and B</option></select></label>\n\
<label>Difference <select id=\"pictures-gain\"><option value=\"8\">× 8</option><option value=\"1\">× 1</option>\
<option value=\"2\">× 2</option><option value=\"4\">× 4</option><option value=\"16\">× 16</option>\
<option value=\"32\">× 32</option></select></label>\n\
<label>Zoom <select id=\"pictures-zoom\"><option value=\"0\">whole frame</option><option value=\"1\">100 %</option>\
<option value=\"2\">200 %</option><option value=\"4\">400 %</option><option value=\"8\">800 %</option></select></label>\n\
<label>From left, % <input id=\"pictures-x\" type=\"number\" min=\"0\" max=\"100\" step=\"1\" value=\"50\"></label>\n\
<label>From top, % <input id=\"pictures-y\" type=\"number\" min=\"0\" max=\"100\" step=\"1\" value=\"50\"></label></p>\n";

const STAGE: &str = "<div id=\"pictures-stage\" tabindex=\"0\" role=\"group\" aria-label=\"Pictures\" \
aria-describedby=\"pictures-keys\" hidden></div>\n\
<p id=\"pictures-shown\" class=\"about\" role=\"status\"></p>\n\
<p id=\"pictures-keys\" class=\"about\">A click, or the space bar, switches between A and B at the same place. Keys: \
A, B and S (source) show one picture, D the difference, V both side by side, + and − zoom, the arrows move \
the part of the frame. A drag moves it, too; all pictures show the same part.</p>\n";
