//! The file of an encoded chunk: packets with their exact times, and a checksum.
//!
//! All integers are little endian. A file consists of the header (`MAGIC`, the [`Key`], the length of the codec
//! configuration in 4 bytes, the configuration), one record per packet, and the end (the byte 255, the number
//! of packets in 8 bytes, the SHA-256 of everything before).
//!
//! A record consists of a byte with flags (1: key frame, 2: shown, 4: with decoding time, 8: with duration),
//! presentation time, decoding time and duration in ticks (8 bytes each; 0 if unknown), the length of the payload in 4
//! bytes, and the payload.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;

use codec_container::{CodedPacket, Error, PacketRef, PacketWriter};
use sha2::{Digest, Sha256};

use super::key::{KEY_BYTES, Key};
use crate::failure::{Failure, Kind, Result};

const MAGIC: &[u8; 8] = b"CDCCHNK1";
const END: u8 = 255;

const IS_KEY: u8 = 1;
const IS_SHOWN: u8 = 2;
const HAS_DTS: u8 = 4;
const HAS_DURATION: u8 = 8;

/// Limit of the codec configuration and of a payload, in bytes.
const MAX_BYTES: u32 = 1 << 30;
/// Payloads are read in pieces of this size, so that a wrong length allocates little.
const PIECE: usize = 1 << 13;

/// Writes the packets of a chunk.
pub(super) struct ChunkWriter<W: Write> {
    to: BufWriter<W>,
    hash: Sha256,
    packets: u64,
}

impl<W: Write> ChunkWriter<W> {
    /// Writes the header.
    pub(super) fn new(to: W, key: &Key, codec_private: &[u8]) -> std::io::Result<Self> {
        let mut writer = Self { to: BufWriter::new(to), hash: Sha256::new(), packets: 0 };
        writer.put(MAGIC)?;
        writer.put(&key.0)?;
        writer.put(&length(codec_private.len())?.to_le_bytes())?;
        writer.put(codec_private)?;
        Ok(writer)
    }

    fn put(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.hash.update(bytes);
        self.to.write_all(bytes)
    }

    fn put_packet(&mut self, packet: &PacketRef<'_>) -> std::io::Result<()> {
        let flags = [
            (packet.key, IS_KEY),
            (packet.shown, IS_SHOWN),
            (packet.dts.is_some(), HAS_DTS),
            (packet.duration.is_some(), HAS_DURATION),
        ];
        let flags = flags.into_iter().filter(|(is_set, _)| *is_set).map(|(_, flag)| flag).sum();
        self.put(&[flags])?;
        self.put(&packet.pts.to_le_bytes())?;
        self.put(&packet.dts.unwrap_or(0).to_le_bytes())?;
        self.put(&packet.duration.unwrap_or(0).to_le_bytes())?;
        self.put(&length(packet.data.len())?.to_le_bytes())?;
        self.put(packet.data)?;
        self.packets += 1;
        Ok(())
    }

    fn end(&mut self) -> std::io::Result<()> {
        self.put(&[END])?;
        self.put(&self.packets.to_le_bytes())?;
        let checksum = self.hash.clone().finalize();
        self.to.write_all(&checksum)?;
        self.to.flush()
    }
}

fn length(bytes: usize) -> std::io::Result<u32> {
    let length = u32::try_from(bytes).ok().filter(|length| *length <= MAX_BYTES);
    length.ok_or_else(|| std::io::Error::other("a packet is larger than 1 GiB"))
}

impl<W: Write + Send> PacketWriter for ChunkWriter<W> {
    fn write(&mut self, packet: PacketRef<'_>) -> codec_container::Result<()> {
        self.put_packet(&packet).map_err(Error::Io)
    }

    fn finish(&mut self) -> codec_container::Result<()> {
        self.end().map_err(Error::Io)
    }
}

/// Reads the packets of a chunk.
pub(super) struct ChunkReader<R> {
    from: BufReader<R>,
    hash: Sha256,
    packets: u64,
    /// Name of the file, for messages.
    name: String,
    /// The configuration of the codec.
    pub(super) codec_private: Vec<u8>,
}

impl ChunkReader<File> {
    /// Opens the file of the chunk with `key`; `None` if it does not exist.
    ///
    /// # Errors
    /// If the file cannot be read, is damaged, or belongs to another chunk.
    pub(super) fn open(path: &Path, key: &Key) -> Result<Option<Self>> {
        let name = path.display().to_string();
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                let message = format!("cannot open {name}: {error}");
                return Err(Failure::new(Kind::Input, message));
            }
        };
        Self::new(file, name, key).map(Some)
    }
}

impl<R: Read> ChunkReader<R> {
    fn new(from: R, name: String, key: &Key) -> Result<Self> {
        let mut reader = Self {
            from: BufReader::new(from),
            hash: Sha256::new(),
            packets: 0,
            name,
            codec_private: Vec::new(),
        };
        let magic: [u8; MAGIC.len()] = reader.take()?;
        if magic != *MAGIC {
            return Err(reader.damaged("is not a chunk file"));
        }
        let found: [u8; KEY_BYTES] = reader.take()?;
        if found != key.0 {
            return Err(reader.damaged("is the file of a different chunk or plan"));
        }
        let mut codec_private = Vec::new();
        reader.payload(&mut codec_private)?;
        reader.codec_private = codec_private;
        Ok(reader)
    }

    fn damaged(&self, what: &str) -> Failure {
        let help = "help: remove the file and run the chunk again";
        Failure::new(Kind::Corrupt, format!("{} {what}\n{help}", self.name))
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<()> {
        match self.from.read_exact(bytes) {
            Ok(()) => {
                self.hash.update(&*bytes);
                Ok(())
            }
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                Err(self.damaged("is incomplete"))
            }
            Err(error) => {
                let message = format!("cannot read {}: {error}", self.name);
                Err(Failure::new(Kind::Input, message))
            }
        }
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    /// Reads a length, and that many bytes.
    fn payload(&mut self, out: &mut Vec<u8>) -> Result<()> {
        let length = u32::from_le_bytes(self.take()?);
        if length > MAX_BYTES {
            return Err(self.damaged("is damaged: a packet is larger than 1 GiB"));
        }
        out.clear();
        let mut left = usize::try_from(length).map_err(Failure::internal)?;
        let mut piece = [0; PIECE];
        while left > 0 {
            let bytes = &mut piece[..left.min(PIECE)];
            self.fill(bytes)?;
            out.extend_from_slice(bytes);
            left -= bytes.len();
        }
        Ok(())
    }

    /// Reads the next packet; `false` after the last one, if the checksum is right.
    ///
    /// # Errors
    /// If the file cannot be read or is damaged.
    pub(super) fn read(&mut self, packet: &mut CodedPacket) -> Result<bool> {
        let [flags] = self.take()?;
        if flags == END {
            self.check_end()?;
            return Ok(false);
        }
        if flags > IS_KEY | IS_SHOWN | HAS_DTS | HAS_DURATION {
            return Err(self.damaged("is damaged: unknown flags"));
        }
        let pts = i64::from_le_bytes(self.take()?);
        let dts = i64::from_le_bytes(self.take()?);
        let duration = u64::from_le_bytes(self.take()?);
        let mut data = std::mem::take(&mut packet.data);
        self.payload(&mut data)?;
        *packet = CodedPacket::default();
        (packet.data, packet.pts) = (data, pts);
        packet.dts = (flags & HAS_DTS != 0).then_some(dts);
        packet.duration = (flags & HAS_DURATION != 0).then_some(duration);
        packet.key = flags & IS_KEY != 0;
        packet.shown = flags & IS_SHOWN != 0;
        self.packets += 1;
        Ok(true)
    }

    fn check_end(&mut self) -> Result<()> {
        let packets = u64::from_le_bytes(self.take()?);
        let expected = self.hash.clone().finalize();
        let checksum: [u8; 32] = self.take()?;
        if packets != self.packets || checksum[..] != expected[..] {
            return Err(self.damaged("is damaged: its checksum is wrong"));
        }
        Ok(())
    }

    /// Reads all packets to verify the checksum.
    ///
    /// # Errors
    /// If the file cannot be read or is damaged.
    pub(super) fn verify(mut self) -> Result<()> {
        let mut packet = CodedPacket::default();
        while self.read(&mut packet)? {}
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Key = Key([7; KEY_BYTES]);

    fn file(packets: &[PacketRef<'_>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut writer = ChunkWriter::new(&mut bytes, &KEY, b"private").unwrap();
        packets.iter().for_each(|packet| writer.write(*packet).unwrap());
        writer.finish().unwrap();
        drop(writer);
        bytes
    }

    fn read(bytes: &[u8]) -> Result<Vec<CodedPacket>> {
        let mut reader = ChunkReader::new(bytes, "a.chunk".to_owned(), &KEY)?;
        let (mut packets, mut packet) = (Vec::new(), CodedPacket::default());
        while reader.read(&mut packet)? {
            packets.push(packet.clone());
        }
        Ok(packets)
    }

    #[test]
    fn packets_are_read_as_they_were_written() {
        let long = vec![3; 3 * PIECE + 1];
        let packets = [
            PacketRef { data: &long, pts: -4, dts: Some(-9), ..PacketRef::default() },
            PacketRef { data: &[], pts: 1, key: false, shown: false, ..PacketRef::default() },
            PacketRef { data: b"b", pts: i64::MAX, duration: Some(2), ..PacketRef::default() },
        ];
        let bytes = file(&packets);
        let found = read(&bytes).unwrap();
        assert!(found.iter().map(CodedPacket::as_ref).eq(packets));
        let reader = ChunkReader::new(&bytes[..], String::new(), &KEY).unwrap();
        assert_eq!(reader.codec_private, b"private");
    }

    #[test]
    fn damaged_files_are_rejected() {
        let whole = file(&[PacketRef { data: b"packet", ..PacketRef::default() }]);
        for length in 0..whole.len() {
            let failure = read(&whole[..length]).unwrap_err();
            assert_eq!(failure.kind, Kind::Corrupt, "{length}: {failure}");
        }
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x40;
            assert_eq!(read(&damaged).unwrap_err().kind, Kind::Corrupt, "byte {at}");
        }
        let other = ChunkReader::new(&whole[..], "a.chunk".to_owned(), &Key([8; KEY_BYTES]));
        assert!(
            other.err().unwrap().message.starts_with("a.chunk is the file of a different chunk")
        );
    }
}
