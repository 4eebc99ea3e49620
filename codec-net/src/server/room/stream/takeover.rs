//! The publishers of a stream: a stream waits for the return of its publisher, and another publisher
//! of the same owner may take it over.

use std::time::Duration;

use super::super::locked;
use super::super::owner::Owner;
use super::super::subscription::Subscription;
use super::{RequestKeyFrame, Stream, StreamInfo};

impl Stream {
    /// Whether it belongs to this owner.
    pub(in super::super) fn belongs_to(&self, owner: &Owner) -> bool {
        let state = locked(&self.state);
        state.owner.as_ref().is_some_and(|own| own.identity == owner.identity)
    }

    /// Whether its publisher is the one with this number.
    pub(in super::super) fn is_current(&self, generation: u64) -> bool {
        locked(&self.state).generation == generation
    }

    /// Handles the loss of the publisher; returns whether the stream waits for another one.
    pub(in super::super) fn wait_for_publisher(&self, longest: Duration) -> bool {
        let now = self.clock.now();
        let mut state = locked(&self.state);
        let stats = state.meter.stats(now);
        let has_had_media = stats.frames + stats.audio_packets > 0;
        if state.owner.is_some() && has_had_media {
            state.waits_until = Some(now.saturating_add(longest));
        }
        state.waits_until.is_some()
    }

    /// Until when it waits for a publisher to return.
    pub(in super::super) fn waits_until(&self) -> Option<Duration> {
        locked(&self.state).waits_until
    }

    /// Replaces the publisher: viewers stay, and continue with a key frame. Returns the new
    /// publisher's number, and the owner of the replaced publisher, if that publisher had not left.
    pub(in super::super) fn take_over(
        &self,
        info: StreamInfo,
        request_key_frame: RequestKeyFrame,
        owner: Owner,
    ) -> (u64, Option<Owner>) {
        let mut state = locked(&self.state);
        let is_alone = state.waits_until.take().is_some();
        state.generation += 1;
        (state.info, state.request_key_frame) = (info, request_key_frame.into());
        state.viewers.values_mut().for_each(Subscription::restart);
        state.keys.set_needed(true);
        let replaced = state.owner.replace(owner).filter(|_| !is_alone);
        (state.generation, replaced)
    }
}
