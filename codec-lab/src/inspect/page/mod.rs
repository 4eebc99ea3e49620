//! The report as a self-contained page: style and script are inlined, and frame images and blocks
//! are part of its data.

use codec_core::codec::trace::FrameTrace;
use codec_core::frame::Rational;
use codec_media::Env;
use codec_media::failure::{Failure, Result};
use codec_media::json::{self, Object, array};
use codec_rtc::sdp::base64;

use super::comparison::Comparison;
use super::image::Images;
use super::packets::{InputInfo, Outcome, Seen};
use super::totals::Totals;
use super::{data, overlay};

const STYLE: &str = include_str!("style.css");
const BODY: &str = include_str!("body.html");
const SCRIPT: &str = include_str!("script.js");

/// Maximum number of blocks in a page, so that it opens quickly: nearly two minutes of 360p or half
/// a minute of 720p.
const MAX_BLOCKS: u64 = 3_000_000;

/// Writes the page.
#[derive(Debug)]
pub(super) struct PageReport {
    env: Env,
    max_images: u64,
    rows: u64,
    images: Images,
    /// Number of frames with an image in the page, and number of frames that could have one.
    with_picture: u64,
    could_have_picture: u64,
    /// Number of frames with blocks in the page, and number of frames that could have blocks.
    with_blocks: u64,
    could_have_blocks: u64,
    blocks: u64,
    /// Mode names, from the first frame that has any.
    modes: Option<String>,
    note: Option<String>,
}

impl PageReport {
    /// Starts a report; also returns the beginning of the page.
    pub(super) fn begin(input_info: &InputInfo, max_images: u64, env: &Env) -> (Self, String) {
        let title = escape_html(&input_info.name);
        let head = format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <link rel=\"icon\" href=\"data:,\">\n<title>{title}</title>\n\
             <style>\n{STYLE}</style>\n</head>\n<body>\n{BODY}\
             <script type=\"application/json\" id=\"input\">{}</script>\n\
             <script type=\"application/json\" id=\"frames\">[",
            escape_json(data::input(input_info).finish())
        );
        let report = Self {
            env: env.clone(),
            max_images,
            rows: 0,
            images: Images::default(),
            with_picture: 0,
            could_have_picture: 0,
            with_blocks: 0,
            could_have_blocks: 0,
            blocks: 0,
            modes: None,
            note: input_info.note.clone(),
        };
        (report, head)
    }

    /// Returns the row of one packet.
    pub(super) fn row(&mut self, seen: &Seen<'_>) -> Result<String> {
        let mut object = data::row(seen);
        if let Outcome::Traced(trace) = &seen.outcome {
            self.modes.get_or_insert_with(|| data::modes(trace));
            object = self.with_overlay(object, trace, seen)?;
            object = self.with_picture(object, trace, seen)?;
        }
        let separator = if self.rows == 0 { "\n" } else { ",\n" };
        self.rows += 1;
        Ok(format!("{separator}{}", escape_json(object.finish())))
    }

    fn with_overlay(
        &mut self,
        object: Object,
        trace: &FrameTrace,
        seen: &Seen<'_>,
    ) -> Result<Object> {
        if trace.blocks.is_empty() {
            return Ok(object);
        }
        self.could_have_blocks += 1;
        self.blocks += trace.blocks.len() as u64;
        if self.blocks > MAX_BLOCKS {
            return Ok(object);
        }
        self.with_blocks += 1;
        let error = seen.comparison.as_ref().and_then(Comparison::error);
        let packed = overlay::pack(trace, error).map_err(Failure::internal)?;
        let mut text = "\"".to_owned();
        text.push_str(&base64::encode(&packed));
        text.push('"');
        Ok(object.raw("blocks", text))
    }

    fn with_picture(
        &mut self,
        object: Object,
        trace: &FrameTrace,
        seen: &Seen<'_>,
    ) -> Result<Object> {
        let Some(frame) = &trace.picture else { return Ok(object) };
        self.could_have_picture += 1;
        if self.could_have_picture > self.max_images {
            return Ok(object);
        }
        self.with_picture += 1;
        let file = self.images.webp(frame, seen.info, &self.env)?;
        let mut text = "\"data:image/webp;base64,".to_owned();
        text.push_str(&base64::encode(&file));
        text.push('"');
        Ok(object.raw("picture", text))
    }

    /// Remarks on data that the page omits.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.with_picture < self.could_have_picture && self.max_images > 0 {
            notes.push(format!(
                "the page has images of {} of {} frames; select others with --pictures N or all, or with --frames A..B",
                self.with_picture, self.could_have_picture
            ));
        }
        if self.with_blocks < self.could_have_blocks {
            notes.push(format!(
                "the page has blocks of {} of {} frames; select others with --frames A..B",
                self.with_blocks, self.could_have_blocks
            ));
        }
        notes
    }

    /// Returns the end of the page.
    pub(super) fn end(&self, totals: &Totals, time_base: Rational, end: &Result<()>) -> String {
        let modes = self.modes.as_deref().unwrap_or("null");
        let notes = self.note.iter().cloned().chain(self.notes());
        let notes = array(notes.map(|note| json::text(&note)));
        let summary = data::summary(totals, time_base, end);
        let object = Object::new()
            .raw("modes", modes)
            .raw("notes", notes)
            .raw("summary", summary)
            .text("made_by", concat!("codec ", env!("CARGO_PKG_VERSION")));
        format!(
            "\n]</script>\n<script type=\"application/json\" id=\"rest\">{}</script>\n\
             <script>\n{SCRIPT}</script>\n</body>\n</html>\n",
            escape_json(object.finish())
        )
    }
}

/// Escapes JSON so that it cannot end the script element around it.
fn escape_json(json: String) -> String {
    if json.contains('<') { json.replace('<', "\\u003c") } else { json }
}

fn escape_html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}
