//! Order of times.

use crate::{Error, Format, Result};

/// Sees to it that times do not go backwards.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TimeOrder {
    last: Option<i64>,
}

impl TimeOrder {
    /// Takes note of `time`, the time of packet `index`, whose record begins at `offset`.
    ///
    /// After an error the later time stays the one to beat: a single wrong one gives one error.
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
                format!("a time of at least {last}, that of the packet before"),
                format!("{time}: times go backwards"),
            ));
        }
        self.last = Some(time);
        Ok(())
    }
}
