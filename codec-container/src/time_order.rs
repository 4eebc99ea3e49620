//! Checks that the timestamps of a track do not decrease.

use crate::{Error, Format, Result};

/// Checks that times do not go backwards.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TimeOrder {
    last: Option<i64>,
}

impl TimeOrder {
    /// Checks `time` of packet `index`, whose record begins at `offset`.
    ///
    /// After an error the later time stays the minimum, so a single wrong time gives one error.
    pub(crate) fn check(
        &mut self,
        format: Format,
        offset: u64,
        index: u64,
        time: i64,
    ) -> Result<()> {
        if let Some(last) = self.last
            && time < last
        {
            return Err(Error::corrupt(
                format,
                offset,
                Some(index),
                format!(
                    "a timestamp of at least {last} ticks, the timestamp of the previous packet"
                ),
                format!("{time}"),
            ));
        }
        self.last = Some(time);
        Ok(())
    }
}
