//! The audio tracks of a run, which advance together.

use codec_container::PacketWriter;

use super::pipeline::AudioPipeline;
use crate::failure::Result;

/// Steps in which the audio after the video is written, in seconds, so that no track runs far ahead of the others.
const STEP_S: f64 = 1.0;

/// The audio paths from inputs to tracks of an output.
pub struct AudioTracks {
    tracks: Vec<AudioPipeline>,
    /// The number of tracks of the input; tracks of other files follow, and end with the video.
    own: usize,
}

impl AudioTracks {
    /// `own` is the number of tracks of the input, which come first.
    pub(crate) fn new(tracks: Vec<AudioPipeline>, own: usize) -> Self {
        Self { tracks, own }
    }

    /// Drops audio of other files after this time.
    pub(crate) fn end_others_at(&mut self, seconds: f64) {
        self.tracks.iter_mut().skip(self.own).for_each(|track| track.end_at(seconds));
    }

    /// Number of tracks.
    pub(crate) fn count(&self) -> usize {
        self.tracks.len()
    }

    /// As [`AudioPipeline::start_at`].
    pub(crate) fn start_at(&mut self, seconds: f64, origin_s: f64) {
        self.tracks.iter_mut().for_each(|track| track.start_at(seconds, origin_s));
    }

    /// Drops audio after this time.
    pub fn end_at(&mut self, seconds: f64) {
        self.tracks.iter_mut().for_each(|track| track.end_at(seconds));
    }

    /// Drops the audio that was not processed yet.
    pub(crate) fn end_here(&mut self) {
        self.tracks.iter_mut().for_each(|track| track.end_at(track.reached_s()));
    }

    /// As [`AudioPipeline::difference`], for each track of another file.
    pub(crate) fn differences(&self, end_s: f64) -> Vec<String> {
        let named = |(number, track): (usize, &AudioPipeline)| {
            let difference = track.difference(end_s)?;
            let is_alone = self.tracks.len() == 1;
            Some(if is_alone { difference } else { format!("audio track {number}: {difference}") })
        };
        (1..).zip(&self.tracks).skip(self.own).filter_map(named).collect()
    }

    /// The latest end of the processed audio, in seconds of the input.
    pub(crate) fn reached_s(&self) -> f64 {
        self.tracks.iter().map(AudioPipeline::reached_s).fold(0.0, f64::max)
    }

    /// The longest duration of the processed audio, in seconds.
    pub(crate) fn heard_s(&self) -> f64 {
        self.tracks.iter().map(AudioPipeline::heard_s).fold(0.0, f64::max)
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.tracks.iter().all(AudioPipeline::has_ended)
    }

    /// Packets and bytes written so far.
    pub(crate) fn totals(&self) -> (u64, u64) {
        let totals = self.tracks.iter().map(AudioPipeline::totals);
        totals.fold((0, 0), |sum, (packets, bytes)| (sum.0 + packets, sum.1 + bytes))
    }

    pub(crate) fn lost_packets(&self) -> u64 {
        self.tracks.iter().map(AudioPipeline::lost_packets).sum()
    }

    /// Processes all audio that begins before `until_s`. An error of a track does not stop the others.
    ///
    /// # Errors
    /// If the audio of a track is damaged or cannot be written: the first such error.
    pub fn advance(&mut self, until_s: f64, writer: &mut dyn PacketWriter) -> Result<()> {
        self.each(|track| track.advance(until_s, writer))
    }

    /// Processes the remaining audio up to the configured end and flushes the encoders.
    ///
    /// # Errors
    /// Returns the errors of [`Self::advance`].
    pub fn finish(&mut self, writer: &mut dyn PacketWriter) -> Result<()> {
        let mut outcome = Ok(());
        let (mut until_s, mut moves) = (self.reached_s(), self.tracks.len() > 1);
        while moves {
            until_s += STEP_S;
            let before = self.totals();
            outcome = outcome.and(self.advance(until_s, writer));
            moves = self.totals() != before;
        }
        outcome.and(self.each(|track| track.finish(writer)))
    }

    fn each(&mut self, mut work: impl FnMut(&mut AudioPipeline) -> Result<()>) -> Result<()> {
        let mut outcome = Ok(());
        for track in &mut self.tracks {
            outcome = outcome.and(work(track));
        }
        outcome
    }
}
