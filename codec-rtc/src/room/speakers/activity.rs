//! Speech activity of one participant, from the levels of its packets.
//!
//! A slot is 20 ms long and is active if its level is well above the noise floor of the microphone
//! and not far below the usual level of the participant. A block of five slots is active if three of
//! them are: speech fills blocks, the clicks of a keyboard do not.

use std::time::Duration;

use codec_audio::level::SILENCE_DBOV;

/// Length of a slot.
pub(super) const SLOT: Duration = Duration::from_millis(20);
/// Number of slots of a block.
const BLOCK_SLOTS: u8 = 5;
/// Number of active slots that make a block active.
const ACTIVE_SLOTS: u32 = 3;
/// Length of a block.
pub(super) const BLOCK: Duration = Duration::from_millis(100);
/// A level is valid for this time, which covers packets of 60 ms.
const IDLE: Duration = Duration::from_millis(70);
/// Number of slots whose levels are kept: one second.
const RECENT_SLOTS: usize = 50;
/// Number and length of the windows whose minimum is the noise floor: 8 s.
const FLOOR_WINDOWS: usize = 16;
const WINDOW_SLOTS: usize = 25;
/// Lowest noise floor in decibels above silence (-75 dBov).
const MIN_FLOOR_DB: u8 = SILENCE_DBOV - 75;
/// Distance of active slots from the noise floor in decibels.
const ABOVE_FLOOR_DB: f32 = 10.0;
/// Largest distance of active slots from the usual level in decibels. It excludes the voices of others
/// that the microphone picks up.
const BELOW_USUAL_DB: f32 = 22.0;
/// Levels of one second that differ by at most this are noise, not speech.
const STEADY_DB: u8 = 10;
/// Share of the distance by which an active block moves the usual level.
const USUAL_STEP: f32 = 0.1;
/// Decrease of the usual level in decibels per block.
const USUAL_DECAY: f32 = 0.05;

/// Speech activity of one participant.
#[derive(Clone, Debug)]
pub(super) struct Activity {
    /// End of the current slot.
    slot_end: Duration,
    /// Loudest level of the current slot, in decibels above silence.
    slot_peak: Option<u8>,
    /// The last level and its time.
    last: (u8, Duration),
    /// One bit per slot and per block, the newest lowest.
    slots: u64,
    blocks: u64,
    slots_in_block: u8,
    recent: [u8; RECENT_SLOTS],
    recent_at: usize,
    floors: [u8; FLOOR_WINDOWS],
    floor_at: usize,
    slots_in_window: usize,
    usual: f32,
    smoothed: f32,
}

impl Activity {
    pub(super) fn new(now: Duration) -> Self {
        Self {
            slot_end: now.saturating_add(SLOT),
            slot_peak: None,
            last: (0, now),
            slots: 0,
            blocks: 0,
            slots_in_block: 0,
            recent: [0; RECENT_SLOTS],
            recent_at: 0,
            floors: [MIN_FLOOR_DB; FLOOR_WINDOWS],
            floor_at: 0,
            slots_in_window: 0,
            usual: 0.0,
            smoothed: 0.0,
        }
    }

    /// Records the level of a packet.
    pub(super) fn record(&mut self, now: Duration, dbov: u8) {
        self.advance(now);
        let level = SILENCE_DBOV.saturating_sub(dbov);
        self.slot_peak = Some(self.slot_peak.map_or(level, |peak| peak.max(level)));
        self.last = (level, now);
    }

    /// Ends the slots that lie before `now`.
    pub(super) fn advance(&mut self, now: Duration) {
        let behind = now.saturating_sub(self.slot_end);
        if behind > SLOT * 64 {
            // Nothing was heard for longer than the history.
            (self.slots, self.blocks, self.slots_in_block) = (0, 0, 0);
            (self.slot_peak, self.smoothed) = (None, 0.0);
            self.recent = [0; RECENT_SLOTS];
            self.slot_end = now.saturating_add(SLOT);
            return;
        }
        while self.slot_end <= now && self.slot_end < Duration::MAX {
            let is_valid = self.slot_end.saturating_sub(self.last.1) <= IDLE;
            let held = if is_valid { self.last.0 } else { 0 };
            let level = self.slot_peak.take().unwrap_or(held);
            self.slot_end = self.slot_end.saturating_add(SLOT);
            self.end_slot(level);
        }
    }

    fn end_slot(&mut self, level: u8) {
        let is_active = f32::from(level) >= self.threshold();
        self.slots = self.slots << 1 | u64::from(is_active);
        let step = if f32::from(level) > self.smoothed { 0.5 } else { 0.1 };
        self.smoothed += (f32::from(level) - self.smoothed) * step;
        if let Some(place) = self.recent.get_mut(self.recent_at) {
            *place = level;
        }
        self.recent_at = (self.recent_at + 1) % RECENT_SLOTS;
        self.update_floor(level);
        self.slots_in_block += 1;
        if self.slots_in_block >= BLOCK_SLOTS {
            self.slots_in_block = 0;
            self.end_block();
        }
    }

    fn update_floor(&mut self, level: u8) {
        self.slots_in_window += 1;
        if self.slots_in_window >= WINDOW_SLOTS {
            self.slots_in_window = 0;
            self.floor_at = (self.floor_at + 1) % FLOOR_WINDOWS;
            if let Some(next) = self.floors.get_mut(self.floor_at) {
                *next = SILENCE_DBOV;
            }
        }
        if let Some(window) = self.floors.get_mut(self.floor_at) {
            *window = (*window).min(level.max(MIN_FLOOR_DB));
        }
    }

    fn end_block(&mut self) {
        let is_active = self.immediate() >= ACTIVE_SLOTS;
        self.blocks = self.blocks << 1 | u64::from(is_active);
        let range = self
            .recent
            .iter()
            .fold((u8::MAX, 0), |(least, most), &level| (level.min(least), level.max(most)));
        if range.0 > MIN_FLOOR_DB && range.1 - range.0 <= STEADY_DB {
            // Steady noise, such as a fan that was switched on.
            let middle = range.0 + (range.1 - range.0) / 2;
            self.floors = self.floors.map(|floor| floor.max(middle));
        }
        self.usual -= USUAL_DECAY;
        if is_active {
            let difference = self.smoothed - self.usual;
            // The first block sets the level, the others move it slowly.
            self.usual += if self.usual <= 0.0 { difference } else { difference * USUAL_STEP };
        }
        self.usual = self.usual.max(0.0);
    }

    /// Least level of active slots in decibels above silence.
    fn threshold(&self) -> f32 {
        let floor = self.floors.iter().copied().min().unwrap_or(MIN_FLOOR_DB);
        (f32::from(floor) + ABOVE_FLOOR_DB).max(self.usual - BELOW_USUAL_DB)
    }

    /// Whether the last packet has the level of speech or of another loud event.
    pub(super) fn is_loud(&self) -> bool {
        f32::from(self.last.0) >= self.threshold()
    }

    /// Level of the last 100 ms in decibels above silence, with a slow decay.
    pub(super) fn loudness_db(&self) -> f32 {
        self.smoothed
    }

    /// Active slots of the last 100 ms, 0..=5.
    fn immediate(&self) -> u32 {
        (self.slots & 0x1f).count_ones()
    }

    /// Active blocks of the last 400 ms, 0..=4.
    pub(super) fn fast(&self) -> u32 {
        (self.blocks & 0xf).count_ones()
    }

    /// Active blocks of the last 500 ms, 0..=5.
    pub(super) fn medium(&self) -> u32 {
        (self.blocks & 0x1f).count_ones()
    }

    /// Active blocks of the last second, 0..=10.
    pub(super) fn long(&self) -> u32 {
        (self.blocks & 0x3ff).count_ones()
    }
}
