//! Tags that describe the whole file. RFC 9559, section 5.1.8.

use super::ebml::Elements;
use super::ids;
use crate::metadata::Metadata;

/// Adds the tags in the payload of a `Tags` element that do not target a track.
pub(super) fn add_tags(payload: &[u8], metadata: &mut Metadata) {
    for (_, tag) in Elements(payload).filter(|(id, _)| *id == ids::TAG) {
        let targets = Elements(tag).filter(|(id, _)| *id == ids::TARGETS);
        let mut inside = targets.flat_map(|(_, targets)| Elements(targets));
        if inside.any(|(id, _)| ids::TARGET_UIDS.contains(&id)) {
            continue;
        }
        for (_, simple) in Elements(tag).filter(|(id, _)| *id == ids::SIMPLE_TAG) {
            let text = |needed| {
                let found = Elements(simple).find(|(id, _)| *id == needed);
                found.map(|(_, text)| String::from_utf8_lossy(text).into_owned())
            };
            if let (Some(name), Some(value)) = (text(ids::TAG_NAME), text(ids::TAG_STRING)) {
                metadata.add_tag(&name, &value);
            }
        }
    }
}
