//! Messages about frames that are changed, or lose properties, because the output cannot hold how they are shown.

use codec_core::frame::{PictureInfo, Rotation, Size};

use super::display::{DisplaySupport, Kind, square_size};
use super::transform::Transform;
use crate::events::Events;

impl DisplaySupport {
    /// Reports what `transform` changes in frames of `size` because this output cannot hold their properties, and warns of
    /// the properties that are lost.
    pub fn report(&self, transform: &Transform, size: Size, info: PictureInfo, events: &Events) {
        if let Some(rotation) = transform.forced_rotation(info) {
            let help = if self.kind == Kind::Live { "" } else { "\nhelp: --rotate=0 keeps them" };
            events.note(format!(
                "frames are rotated by {} degrees: {} cannot hold a rotation{help}",
                rotation.degrees(),
                self.name
            ));
        }
        if transform.limits_range(info) {
            let message = "samples are converted from full to limited range: VP8 in";
            events.note(format!("{message} {} has no full range", self.name));
        }
        let Ok((new_size, result)) = transform.outcome(size, info) else { return };
        if let Some((coded, aspect)) = transform.squares(size, info) {
            events.note(format!(
                "frames of {coded} with the pixel aspect ratio {aspect} are scaled to {new_size}: images have square pixels\n\
                 help: --resize {coded} keeps the pixels"
            ));
        }
        if let Some(warning) = self.lost(transform, new_size, result) {
            events.warn(warning);
        }
    }

    fn lost(&self, transform: &Transform, size: Size, info: PictureInfo) -> Option<String> {
        let mut lost = self.lost_properties(size, info);
        if self.is_image() && transform.has_exact_size() {
            lost.clear();
        }
        let holds_rotation = self.rotation || self.kind == Kind::Y4m;
        if info.rotation != Rotation::None && !holds_rotation && !transform.has_rotation() {
            lost.insert(0, format!("rotation of {} degrees", info.rotation.degrees()));
        }
        let mut help = Vec::new();
        if !matches!(self.kind, Kind::Images | Kind::Live) && !lost.is_empty() {
            help.push("write WebM, Matroska or MP4".to_owned());
        }
        if let Some(square) = info.pixel_aspect.and_then(|aspect| square_size(size, aspect))
            && !self.aspect
        {
            help.push(format!("make the pixels square with --resize {square}"));
        }
        (!lost.is_empty()).then(|| {
            let help = help.join(", or ");
            let help = if help.is_empty() { help } else { format!("\nhelp: {help}") };
            format!("{}{help}", self.sentence(&lost))
        })
    }
}
