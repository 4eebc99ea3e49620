//! The files of a batch, and the names of their outputs.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use codec_container::Format;

use crate::failure::{Failure, Kind, Result};
use crate::io::names::{is_pipe, is_same_file};
use crate::io::remote::without_query;

/// Files that get the same work, and where their outputs go.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The inputs.
    pub inputs: Vec<PathBuf>,
    /// The folder of the outputs; it is created if it does not exist.
    pub folder: PathBuf,
    /// Extension of the outputs, such as `.webm`.
    pub suffix: String,
    /// Number of threads, at least 1, and of files that are processed at the same time. If there are fewer files than
    /// threads, each file gets several threads.
    pub threads: usize,
    /// Whether existing outputs are replaced; otherwise their inputs are skipped.
    pub overwrite: bool,
}

/// An input and its output.
#[derive(Clone, Debug)]
pub(super) struct File {
    pub(super) input: PathBuf,
    pub(super) output: PathBuf,
    /// Bytes of the input; 0 if it cannot be found.
    pub(super) bytes: u64,
}

/// Whether a file needs work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// The output exists and is not older than the input.
    Done,
    ToDo,
}

impl Batch {
    /// Names the outputs.
    ///
    /// # Errors
    /// If an input is a pipe or a folder, two outputs have one name, or an output is one of the inputs.
    pub(super) fn plan(&self) -> Result<Vec<File>> {
        if self.suffix.contains(['/', '\\']) {
            let message = format!("the suffix {} contains a folder", self.suffix);
            return Err(Failure::usage(format!("{message}\nhelp: name the folder with --out-dir")));
        }
        if !self.suffix.contains('.') {
            let suffix = &self.suffix;
            let known = Format::from_extension(suffix).is_some();
            let better = if known { format!(".{suffix}") } else { format!("{suffix}.webm") };
            return Err(Failure::usage(format!(
                "the suffix {suffix} has no extension\nhelp: write --suffix {better}"
            )));
        }
        let mut taken: HashMap<PathBuf, &Path> = HashMap::new();
        let mut files = Vec::new();
        for input in &self.inputs {
            let output = self.output_of(input)?;
            if let Some(other) = taken.insert(output.clone(), input) {
                let (first, second) = (other.display(), input.display());
                return Err(Failure::usage(format!(
                    "{first} and {second} have the same output {}",
                    output.display()
                )));
            }
            let bytes = fs::metadata(input).map_or(0, |found| found.len());
            files.push(File { input: input.clone(), output, bytes });
        }
        for file in &files {
            if let Some(input) = self.inputs.iter().find(|input| is_same_file(&file.output, input))
            {
                let (output, input) = (file.output.display(), input.display());
                return Err(Failure::usage(format!(
                    "the output {output} is the same file as the input {input}\n\
                     help: choose another --suffix or --out-dir"
                )));
            }
        }
        Ok(files)
    }

    fn output_of(&self, input: &Path) -> Result<PathBuf> {
        if is_pipe(input) {
            return Err(Failure::usage("standard input cannot be one of several inputs"));
        }
        let input = without_query(input);
        if input.is_dir() {
            let name = input.display();
            return Err(Failure::usage(format!(
                "{name} is a folder\nhelp: give its files: {name}/*"
            )));
        }
        let Some(stem) = input.file_stem() else {
            return Err(Failure::usage(format!("{} names no file", input.display())));
        };
        let mut name = stem.to_owned();
        name.push(&self.suffix);
        Ok(self.folder.join(name))
    }
}

impl File {
    /// Determines whether this file needs work.
    ///
    /// # Errors
    /// If the output is older than the input and must not be replaced.
    pub(super) fn standing(&self, overwrite: bool) -> Result<Standing> {
        if overwrite {
            return Ok(Standing::ToDo);
        }
        let Ok(existing) = fs::metadata(&self.output) else { return Ok(Standing::ToDo) };
        let output = self.output.display();
        if existing.is_dir() {
            let message = format!("cannot write {output}: is a folder");
            return Err(Failure::new(Kind::Output, message));
        }
        let changed = fs::metadata(&self.input).and_then(|input| input.modified()).ok();
        match (changed, existing.modified().ok()) {
            (Some(changed), Some(made)) if changed > made => Err(Failure::usage(format!(
                "{output} exists, and is older than {}\nhelp: overwrite all outputs with -y",
                self.input.display()
            ))),
            _ => Ok(Standing::Done),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(inputs: &[&str], suffix: &str) -> Batch {
        let inputs = inputs.iter().map(PathBuf::from).collect();
        let suffix = suffix.to_owned();
        Batch { inputs, folder: PathBuf::from("out"), suffix, threads: 2, overwrite: false }
    }

    #[test]
    fn suffixes_replace_the_extension() {
        let files = batch(&["in/a.b.mp4", "c"], "-small.webm").plan().unwrap();
        let names: Vec<_> = files.iter().map(|file| file.output.display().to_string()).collect();
        assert_eq!(names, ["out/a.b-small.webm", "out/c-small.webm"]);
    }

    #[test]
    fn names_that_collide_are_refused() {
        let refused =
            |inputs: &[&str], suffix: &str| batch(inputs, suffix).plan().unwrap_err().message;
        let message = refused(&["x/a.mp4", "y/a.mkv"], ".webm");
        assert_eq!(message, "x/a.mp4 and y/a.mkv have the same output out/a.webm");
        assert!(refused(&["a.mp4", "out/a.webm"], ".webm").contains("have the same output"));
        assert!(refused(&["out/a.webm"], ".webm").contains("the same file as the input"));
        assert!(refused(&["-", "a.webm"], ".mp4").contains("standard input"));
        assert!(refused(&[".."], ".mp4").contains("is a folder"));
        assert!(refused(&["a.mp4"], "/../b.webm").contains("contains a folder"));
        assert!(refused(&["a.mp4"], "mp4").contains("help: write --suffix .mp4"));
        assert!(refused(&["a.mp4"], "-small").contains("help: write --suffix -small.webm"));
    }
}
