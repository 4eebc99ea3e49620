//! Copies the packets of a file into another container, without decoding them.
//!
//! `cargo run -p codec-container --example remux -- IN OUT`, for example `talk.webm talk.mp4`. The
//! input format is detected by content, the output format by the name.

#![forbid(unsafe_code)]

use std::error::Error;
use std::fs::File;
use std::path::Path;

use codec_container::{
    CodedPacket, Format, Output, ReadOptions, Source, WriteOptions, create_packets, open_packets,
};

/// Copies all tracks of `input` to `output`; returns the number of packets.
///
/// # Errors
/// If a file cannot be opened, is damaged, or the output format cannot hold a track.
pub fn remux(input: &Path, output: &Path) -> Result<u64, Box<dyn Error>> {
    let extension = output.extension().and_then(|extension| extension.to_str());
    let format = extension.and_then(Format::from_extension).ok_or("unknown extension")?;
    // `Source::stream` reads from a pipe or a socket instead.
    let source = Source::seekable(File::open(input)?);
    let mut reader = open_packets(source, &ReadOptions::default())?;
    let tracks = reader.tracks().to_vec();
    let file = Output::seekable(File::create(output)?);
    let mut writer = create_packets(file, format, &tracks, &WriteOptions::default())?;
    // One packet is reused: its buffer grows to the largest packet.
    let (mut packet, mut count) = (CodedPacket::default(), 0);
    while reader.read(&mut packet)? {
        writer.write(packet.as_ref())?;
        count += 1;
    }
    // Writes the index and the durations.
    writer.finish()?;
    Ok(count)
}

/// Takes the names of two files.
///
/// # Errors
/// As for [`remux`].
pub fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [input, output] = arguments.as_slice() else { return Err("usage: remux IN OUT".into()) };
    remux(Path::new(input), Path::new(output))?;
    Ok(())
}
