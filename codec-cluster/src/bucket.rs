//! Reads and writes records in a key-value bucket of NATS.

use std::time::{Duration, SystemTime};

use async_nats::jetstream::kv::{Operation, Store, UpdateErrorKind};
use bytes::Bytes;
use codec_media::failure::{Failure, Result};
use codec_media::stop::Stop;
use futures_util::TryStreamExt;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::runtime::{pause, unreachable};

/// How long a change waits after an error of the server before it is repeated.
const RETRY: Duration = Duration::from_millis(500);

/// A key-value bucket.
#[derive(Clone, Debug)]
pub(crate) struct Bucket(pub(crate) Store);

/// The value of a key.
#[derive(Debug)]
pub(crate) struct Entry<T> {
    /// `None` if the key has no value, or if the value is not valid.
    pub(crate) value: Option<T>,
    /// Identifies the value, or its absence.
    pub(crate) revision: u64,
    /// Time since the value was written.
    pub(crate) age: Duration,
}

impl Bucket {
    /// Reads a record.
    pub(crate) async fn read<T: DeserializeOwned>(&self, key: &str) -> Result<Entry<T>> {
        let bytes = self.read_bytes(key).await?;
        let Entry { value, revision, age } = bytes;
        let value = value.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Ok(Entry { value, revision, age })
    }

    /// Reads the bytes of a value.
    pub(crate) async fn read_bytes(&self, key: &str) -> Result<Entry<Bytes>> {
        let entry =
            self.0.entry(key).await.map_err(|error| unreachable("read the state", error))?;
        let Some(entry) = entry else {
            return Ok(Entry { value: None, revision: 0, age: Duration::ZERO });
        };
        let value = (entry.operation == Operation::Put).then_some(entry.value);
        // Zero if the clocks of the machines differ.
        let age = SystemTime::now().duration_since(entry.created.into()).unwrap_or_default();
        Ok(Entry { value, revision: entry.revision, age })
    }

    /// Writes a record, and replaces the previous one.
    pub(crate) async fn write<T: Serialize>(&self, key: &str, value: &T) -> Result<()> {
        self.write_bytes(key, json(value)?).await
    }

    /// Writes the bytes of a value.
    pub(crate) async fn write_bytes(&self, key: &str, value: Bytes) -> Result<()> {
        let written = self.0.put(key, value).await;
        written.map(drop).map_err(|error| unreachable("write the state", error))
    }

    /// Writes a record, and repeats that until the server can be reached. Fails if a stop is requested
    /// meanwhile.
    pub(crate) async fn write_surely<T: Serialize>(
        &self,
        key: &str,
        value: &T,
        stop: &Stop,
    ) -> Result<()> {
        loop {
            match self.write(key, value).await {
                Err(failure) if stop.is_requested() => return Err(failure),
                Err(_) => pause(RETRY, stop).await,
                Ok(()) => return Ok(()),
            }
        }
    }

    /// Replaces a record if it still has this revision. Returns the new one, or `None` if another process has
    /// changed it.
    pub(crate) async fn replace<T: Serialize>(
        &self,
        key: &str,
        value: &T,
        revision: u64,
    ) -> Result<Option<u64>> {
        match self.0.update(key, json(value)?, revision).await {
            Ok(revision) => Ok(Some(revision)),
            Err(error) if error.kind() == UpdateErrorKind::WrongLastRevision => Ok(None),
            Err(error) => Err(unreachable("write the state", error)),
        }
    }

    /// Removes a record.
    pub(crate) async fn remove(&self, key: &str) -> Result<()> {
        self.0.purge(key).await.map_err(|error| unreachable("write the state", error))
    }

    /// The keys that match a pattern of subjects, in order; removed ones are included.
    pub(crate) async fn keys(&self, pattern: &str) -> Result<Vec<String>> {
        let prefix = &self.0.prefix;
        let listed = self.0.stream.info_with_subjects(format!("{prefix}{pattern}")).await;
        let listed = listed.map_err(|error| unreachable("list the state", error))?;
        let listed: Vec<(String, usize)> =
            listed.try_collect().await.map_err(|error| unreachable("list the state", error))?;
        let keys = listed.into_iter();
        let mut keys: Vec<_> = keys
            .filter_map(|(subject, _)| subject.strip_prefix(prefix.as_str()).map(str::to_owned))
            .collect();
        keys.sort();
        Ok(keys)
    }
}

fn json<T: Serialize>(value: &T) -> Result<Bytes> {
    serde_json::to_vec(value).map(Bytes::from).map_err(Failure::internal)
}
