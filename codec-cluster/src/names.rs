//! Names of jobs, and of the subjects, streams and buckets in NATS.

use std::fmt;
use std::fmt::Write as _;
use std::str::FromStr;

use codec_media::failure::Result;
use codec_media::session::chunks::VERSION;
use sha2::{Digest, Sha256};

use crate::plan::JobPlan;

/// The stream with a message for each chunk that is not complete.
pub(crate) const STREAM: &str = "codec-chunks";
/// The subjects of that stream.
pub(crate) const SUBJECTS: &str = "codec.chunks.>";
/// The bucket with plans and the state of jobs and chunks.
pub(crate) const JOBS: &str = "codec-jobs";
/// The bucket with the state of workers.
pub(crate) const WORKERS: &str = "codec-workers";

/// Number of bytes of the digest that a job's name has.
const ID_BYTES: usize = 8;
/// Limit of chunk numbers in subjects.
const MAX_INDEX: usize = 1 << 32;

/// Identifies a job: 16 hexadecimal digits, derived from the units of its plan. The same input with the same
/// settings is the same job.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct JobId(String);

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for JobId {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() == 2 * ID_BYTES && text.bytes().all(is_digit) {
            Ok(Self(text.to_owned()))
        } else {
            Err("expected 16 hexadecimal digits, as `codec cluster status` lists them".to_owned())
        }
    }
}

impl JobId {
    /// The job of a plan.
    ///
    /// # Errors
    /// If a unit has no key, which does not happen for plans of this library.
    pub fn of(plan: &JobPlan) -> Result<Self> {
        let mut hasher = Sha256::new();
        for index in 0..plan.count() {
            hasher.update(plan.key(index)?);
        }
        Ok(Self(digits(hasher)))
    }

    /// The key of its state.
    pub(crate) fn key(&self) -> String {
        format!("job.{self}")
    }

    /// The key of its plan.
    pub(crate) fn plan_key(&self) -> String {
        format!("plan.{self}")
    }

    /// The key of the state of a chunk.
    pub(crate) fn chunk_key(&self, index: usize) -> String {
        format!("chunk.{self}.{index}")
    }

    /// The keys of the states of all chunks.
    pub(crate) fn chunk_key_pattern(&self) -> String {
        format!("chunk.{self}.*")
    }
}

/// The first digits of a digest.
fn digits(hasher: Sha256) -> String {
    let mut digits = String::new();
    for byte in hasher.finalize().iter().take(ID_BYTES) {
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

/// The part of a subject that selects workers: workers of this version, and if `machine` is given, workers on such a
/// machine.
fn lane(machine: Option<&str>) -> String {
    let version = token(VERSION);
    match machine {
        None => version,
        Some(machine) => format!("{version}-{}", digits(Sha256::new_with_prefix(machine))),
    }
}

/// A version as a part of a subject.
fn token(version: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    version.chars().map(plain).collect()
}

/// The subject of a chunk, for workers of this version, on a kind of machine or on any.
pub(crate) fn subject(job: &JobId, index: usize, machine: Option<&str>) -> String {
    format!("codec.chunks.{}.{job}.{index}", lane(machine))
}

/// The subjects of all chunks of a job, for workers of any version.
pub(crate) fn subjects_of(job: &JobId) -> String {
    format!("codec.chunks.*.{job}.*")
}

/// The subjects of all chunks for workers of this version, on a kind of machine or on any.
pub(crate) fn own_subjects(machine: Option<&str>) -> String {
    format!("codec.chunks.{}.>", lane(machine))
}

/// The consumer that all workers of this version share, on a kind of machine or on any.
pub(crate) fn consumer(machine: Option<&str>) -> String {
    format!("codec-{}", lane(machine))
}

/// Parses the subject of a chunk; `None` if it is not valid.
pub(crate) fn parse_subject(subject: &str) -> Option<(JobId, usize)> {
    let mut parts = subject.strip_prefix("codec.chunks.")?.split('.').skip(1);
    let (job, index) = (parts.next()?.parse().ok()?, parts.next()?);
    let number = index.parse::<usize>().ok().filter(|number| *number < MAX_INDEX)?;
    let is_exact = parts.next().is_none() && index == number.to_string();
    is_exact.then_some((job, number))
}

/// Parses the key of the state of a chunk.
pub(crate) fn index_of(chunk_key: &str) -> Option<usize> {
    chunk_key.rsplit('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_parsed_as_they_are_written() {
        let job: JobId = "0123456789abcdef".parse().unwrap();
        for machine in [None, Some("a CPU, 4 cores")] {
            let subject = subject(&job, 17, machine);
            assert_eq!(parse_subject(&subject), Some((job.clone(), 17)));
            assert!(subject.starts_with(own_subjects(machine).trim_end_matches('>')));
        }
        assert!(
            !subject(&job, 17, Some("x")).starts_with(own_subjects(None).trim_end_matches('>'))
        );
        assert_ne!(consumer(Some("x")), consumer(Some("y")));
        for wrong in [
            "codec.chunks.",
            "codec.chunks.0-1-0",
            "codec.chunks.0-1-0.0123456789abcdef",
            "codec.chunks.0-1-0.0123456789abcdef.x",
            "codec.chunks.0-1-0.0123456789abcdef.-1",
            "codec.chunks.0-1-0.0123456789abcdef.01",
            "codec.chunks.0-1-0.0123456789abcdef.99999999999",
            "codec.chunks.0-1-0.0123456789abcdef.1.2",
            "codec.chunks.0-1-0.0123456789abcdeF.1",
            "codec.chunks.0-1-0./etc/passwd.1",
        ] {
            assert_eq!(parse_subject(wrong), None, "{wrong}");
        }
        assert_eq!(token("1.2.3-beta+4"), "1-2-3-beta-4");
        assert!("..".parse::<JobId>().is_err());
    }
}
