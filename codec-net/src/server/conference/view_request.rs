//! The sources and sizes that a member of a conference requests.

use std::collections::BTreeMap;

use codec_rtc::room::{SourceLimits, StreamId, ViewerConstraints};

use super::publishing::Source;

/// Height of a tile whose size the member has not reported yet.
const DEFAULT_HEIGHT: u32 = 360;

/// The sources that a member wants to see. Persons are given by the numbers of their seats.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ViewRequest {
    /// Large tiles.
    pub(super) stage: Vec<(u64, Source)>,
    /// Heights of tiles in pixels; 0 if it is not visible.
    pub(super) heights: BTreeMap<(u64, Source), u32>,
    /// Maximum number of cameras; `None` for no limit.
    pub(super) last_n: Option<usize>,
}

impl ViewRequest {
    /// The request, in terms of the room.
    pub(super) fn constraints(
        &self,
        sources: &BTreeMap<StreamId, (u64, Source)>,
    ) -> ViewerConstraints {
        let staged = sources.iter().filter(|(_, source)| self.stage.contains(source));
        let limited = sources.iter().filter_map(|(stream, source)| {
            let max_height = *self.heights.get(source)?;
            Some((*stream, SourceLimits { max_height, ..SourceLimits::NONE }))
        });
        ViewerConstraints {
            last_n: self.last_n,
            on_stage: staged.map(|(stream, _)| *stream).collect(),
            selected: Vec::new(),
            default_limits: SourceLimits { max_height: DEFAULT_HEIGHT, ..SourceLimits::NONE },
            limits: limited.collect(),
        }
    }
}
