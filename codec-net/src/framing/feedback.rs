//! Feedback from the receiver.

use super::fields::Fields;

/// The payload of a feedback record. Its first byte is the number of the variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feedback {
    /// A key frame is needed: 1.
    KeyRequest,
    /// A reception report: 2.
    Report(Report),
}

/// A reception report, counted from the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Received records.
    pub records: u64,
    /// Bytes of their payloads.
    pub bytes: u64,
    /// Records that were not received completely.
    pub lost: u64,
    /// [`super::Record::captured`] of the newest frame; 0 before the first.
    pub captured: u64,
    /// Time from the capture of the newest frame to its decoding, by the receiver's clock, in
    /// microseconds; 0 if unknown.
    pub delay_us: u32,
    /// Time from the arrival of the newest frame to this report, in microseconds.
    pub held_us: u32,
}

impl Feedback {
    /// Returns the payload.
    #[must_use]
    pub fn payload(&self) -> Vec<u8> {
        match self {
            Self::KeyRequest => vec![1],
            Self::Report(report) => {
                let mut out = vec![2];
                for number in [report.records, report.bytes, report.lost, report.captured] {
                    out.extend(number.to_be_bytes());
                }
                out.extend(report.delay_us.to_be_bytes());
                out.extend(report.held_us.to_be_bytes());
                out
            }
        }
    }

    /// Parses a payload; `None` if it is invalid.
    #[must_use]
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let mut fields = Fields(payload);
        let feedback = match fields.u8()? {
            1 => Self::KeyRequest,
            2 => Self::Report(Report {
                records: fields.u64()?,
                bytes: fields.u64()?,
                lost: fields.u64()?,
                captured: fields.u64()?,
                delay_us: fields.u32()?,
                held_us: fields.u32()?,
            }),
            _ => return None,
        };
        fields.0.is_empty().then_some(feedback)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn feedback_is_parsed_back() {
        let report = Report {
            records: 1,
            bytes: u64::MAX,
            lost: 3,
            captured: 1 << 40,
            delay_us: 20_000,
            held_us: 7,
        };
        for feedback in [Feedback::KeyRequest, Feedback::Report(report)] {
            let payload = feedback.payload();
            assert_eq!(Feedback::parse(&payload), Some(feedback));
            assert_eq!(Feedback::parse(&payload[..payload.len() - 1]), None);
            assert_eq!(Feedback::parse(&[payload, vec![0]].concat()), None);
        }
        assert_eq!(Feedback::parse(&[9]), None);
    }
}
