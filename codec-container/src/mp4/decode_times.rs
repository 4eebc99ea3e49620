//! Decoding times of samples. ISO/IEC 14496-12, section 8.6.1.
//!
//! MP4 stores when a sample is decoded, and by how much later it is shown. Packets state the
//! decoding time if they come from an encoder with B frames or from a container that stores it.
//! Otherwise (Matroska, RTP), decoding times are derived: they are the presentation times in
//! ascending order, all reduced by the smallest delay with which no sample is decoded after it is
//! shown.

/// Times of a sample, in ticks of the track in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SampleTime {
    pub(super) shown: i64,
    /// When it is decoded, if the packet states it.
    pub(super) decoded: Option<i64>,
}

/// Assigns decoding times to the samples of a track, a fragment at a time.
#[derive(Debug, Default)]
pub(super) struct DecodeTimes {
    /// Decoding time of the last sample.
    last: Option<i64>,
    /// Delay of derived times. It is the delay of the first samples, because later ones are unknown.
    delay: Option<i64>,
}

impl DecodeTimes {
    /// Returns the decoding time of each sample. Decoding times never decrease, not even between
    /// calls.
    pub(super) fn assign(&mut self, samples: &[SampleTime]) -> Vec<i64> {
        let times = self.stated(samples).unwrap_or_else(|| self.derived(samples));
        self.last = times.last().copied().or(self.last);
        times
    }

    /// The times that all packets state, if they are in order.
    fn stated(&self, samples: &[SampleTime]) -> Option<Vec<i64>> {
        let times: Vec<i64> = samples.iter().map(|sample| sample.decoded).collect::<Option<_>>()?;
        let in_order = times.is_sorted() && times.first().copied() >= self.last;
        in_order.then_some(times)
    }

    fn derived(&mut self, samples: &[SampleTime]) -> Vec<i64> {
        let mut times: Vec<_> = samples.iter().map(|sample| sample.shown).collect();
        times.sort_unstable();
        let late =
            times.iter().zip(samples).map(|(time, sample)| time.saturating_sub(sample.shown));
        let late = late.max().unwrap_or(0);
        let delay = *self.delay.get_or_insert(late);
        let last = self.last.unwrap_or(i64::MIN);
        times.iter().map(|time| time.saturating_sub(delay).max(last)).collect()
    }
}

/// Returns the time from each sample to the next one. The last sample gets `stated`, or else the
/// duration of the sample before it.
pub(super) fn durations(times: &[i64], stated: Option<u64>) -> Vec<u32> {
    let length = |pair: &[i64]| u32::try_from(pair[1].saturating_sub(pair[0])).unwrap_or(0);
    let mut durations: Vec<_> = times.windows(2).map(length).collect();
    if !times.is_empty() {
        let stated = stated.and_then(|ticks| u32::try_from(ticks).ok());
        let usual = durations.last().copied().unwrap_or(0);
        durations.push(stated.unwrap_or(usual));
    }
    durations
}

/// Returns the time from the decoding of each sample until it is shown.
pub(super) fn compositions<'a>(
    samples: impl IntoIterator<Item = &'a SampleTime>,
    times: &[i64],
) -> Vec<i32> {
    let offset = |(sample, &time): (&SampleTime, &i64)| {
        i32::try_from(sample.shown.saturating_sub(time)).unwrap_or(0)
    };
    samples.into_iter().zip(times).map(offset).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(times: &[(i64, Option<i64>)]) -> Vec<SampleTime> {
        times.iter().map(|&(shown, decoded)| SampleTime { shown, decoded }).collect()
    }

    #[test]
    fn stated_times_are_kept() {
        let mut times = DecodeTimes::default();
        let first = samples(&[(0, Some(-20)), (30, Some(-10)), (10, Some(3))]);
        assert_eq!(times.assign(&first), [-20, -10, 3]);
        assert_eq!(times.assign(&samples(&[(20, Some(3)), (40, Some(20))])), [3, 20]);
        assert_eq!(durations(&[-20, -10, 3], Some(7)), [10, 13, 7]);
        assert_eq!(compositions(&first, &[-20, -10, 3]), [20, 40, 7]);
    }

    #[test]
    fn missing_and_disordered_times_are_derived_with_the_least_delay() {
        for decoded in [None, Some(5)] {
            let mut times = DecodeTimes::default();
            let shown = [0, 40, 20, 10, 30];
            let first = samples(&shown.map(|time| (time, decoded.filter(|_| time == 20))));
            let assigned = times.assign(&first);
            assert_eq!(assigned, [-20, -10, 0, 10, 20]);
            assert_eq!(compositions(&first, &assigned), [20, 50, 20, 0, 10]);
            // Samples that are shown before an earlier fragment ends.
            assert_eq!(times.assign(&samples(&[(35, None), (50, None)])), [20, 30]);
            assert_eq!(times.assign(&samples(&[(60, Some(29))])), [40]);
        }
        let mut plain = DecodeTimes::default();
        assert_eq!(plain.assign(&samples(&[(3, None), (9, None), (9, None)])), [3, 9, 9]);
        assert_eq!(plain.assign(&[]), []);
        assert_eq!(durations(&[4], None), [0]);
    }
}
