//! The list of the images in the folder of the report page, for the script of the page.

use serde_json::{Value, json};

use super::extras::{ClipPictures, href};
use super::json::plain;
use crate::plot::target_text;
use crate::results::Results;

/// For each clip with images: its frames, and the images of them, the source first.
pub(super) fn picture_data(results: &Results, pictures: &[ClipPictures]) -> Vec<Value> {
    let clips = pictures.iter().filter_map(|pictures| {
        let clip = results.clips.iter().position(|clip| clip.name == pictures.clip)?;
        let frames = pictures.frames.iter();
        let frames = frames.map(|one| json!({ "frame": one.frame, "reason": plain(&one.reason) }));
        let files = |paths: &[String]| paths.iter().map(|path| href(path)).collect::<Vec<_>>();
        let source = json!({ "name": "source", "files": files(&pictures.source) });
        let points = pictures.points.iter().filter_map(|point| {
            let arm = results.arms.iter().position(|arm| arm.name == point.arm)?;
            Some(json!({
                "name": plain(&format!("{}, {}", point.arm, target_text(point.target))),
                "arm": arm,
                "target": target_text(point.target),
                "files": files(&point.files),
            }))
        });
        let size = results.clips.get(clip).map(|clip| [clip.width, clip.height]);
        Some(json!({
            "clip": clip,
            "size": size,
            "frames": frames.collect::<Vec<_>>(),
            "views": std::iter::once(source).chain(points).collect::<Vec<_>>(),
        }))
    });
    clips.collect()
}
