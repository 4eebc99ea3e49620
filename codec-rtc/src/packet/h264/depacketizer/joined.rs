//! Joins payloads to NAL units and discards NAL units with missing parts. RFC 6184, section 5.8.

use super::super::payload::{Fragment, Payload};

/// State between payloads.
#[derive(Debug, Default)]
pub(crate) struct Joiner {
    /// First byte of the unit whose parts are being joined, and where it starts in the output.
    open: Option<(u8, usize)>,
    /// Whether later parts belong to a unit that was discarded.
    discards: bool,
    /// Units discarded.
    pub(crate) damaged: u32,
}

impl Joiner {
    /// Appends the units of a payload.
    pub(crate) fn append(&mut self, payload: Payload<'_>, out: &mut Vec<u8>) {
        let Payload::Fragment(part) = payload else {
            self.gap(out);
            self.discards = false;
            return payload.append_to(out);
        };
        if part.is_first {
            self.gap(out);
            self.discards = false;
            self.open = Some((part.header, out.len()));
            return payload.append_to(out);
        }
        self.continue_with(part, out);
    }

    fn continue_with(&mut self, part: Fragment<'_>, out: &mut Vec<u8>) {
        if self.open.is_some_and(|(header, _)| header == part.header) {
            out.extend_from_slice(part.data);
            if part.is_last {
                self.open = None;
            }
            return;
        }
        self.gap(out);
        if !self.discards {
            // All parts before this one are missing.
            self.damaged += 1;
        }
        self.discards = !part.is_last;
    }

    /// Packets are missing: discards the unit whose parts are being joined.
    pub(crate) fn gap(&mut self, out: &mut Vec<u8>) {
        if let Some((_, start)) = self.open.take() {
            out.truncate(start);
            self.damaged += 1;
            self.discards = true;
        }
    }
}
