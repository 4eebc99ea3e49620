//! The words of comments, documents, help and messages. Each marker below is typical of sentences that an engineer of
//! this field has to decode. `LIMIT` may only fall.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use codec_tests::prose::{self, Kind, Piece};

/// Phrases by marker. A phrase is a sequence of words; `a|b` stands for either.
const MARKERS: [(&str, &[&str]); 9] = [
    ("headless clause", &["what is|was|are|were|has|had|a|an|it|they|comes|goes|can|must"]),
    ("tell", &["tell|tells|told|telling"]),
    ("anew, beside, nobody", &["anew|beside|besides|nobody|somebody|whoever|whatever"]),
    ("where for if", &["where there|it|they|one|no|nothing"]),
    ("left out, made up", &["left|leaves|leave|leaving out", "made up", "taken over", "given up"]),
    ("sound for audio", &["sound|sounds"]),
    ("picture for frame", &["picture|pictures"]),
    ("seal, correction", &["seal|seals|sealed|sealing|unsealed", "correction|corrections"]),
    (
        "dialect",
        &[
            "thereby|hence|lest|ample|foretold|foretells|mended|mends|believes|spurt|spurts|strain",
            "spoken with",
            "stands|stand for",
            "asked for again",
            "in step",
            "at all",
        ],
    ),
];

/// Terms of the standards that a marker would count.
const TERMS: [&str; 4] =
    ["picture parameter", "picture order", "reference picture", "picture loss|id|parameters"];

/// Markers per 10,000 words, at most. Lower a limit when the count has fallen; never raise one.
const LIMIT: f64 = 3.6;

/// Fewest words of a group that rates are computed of.
const WORDS: usize = 5000;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn files(dir: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    let skipped = ["target", ".git", "node_modules", "seeds", "corpus"];
    let mut entries: Vec<_> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        let name = path.file_name().unwrap().to_string_lossy();
        if path.is_dir() && !skipped.contains(&name.as_ref()) {
            files(&path, extension, found);
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
}

/// A piece of prose and its file, relative to the repository.
struct Place {
    file: String,
    piece: Piece,
}

impl Place {
    /// Documents, and each crate.
    fn group(&self) -> &str {
        if self.file.ends_with(".md") {
            return "documents";
        }
        self.file.split('/').next().unwrap_or_default()
    }

    /// Whether users of the command see it: help, which is the documentation of arguments, and
    /// string literals of crates that talk to users.
    fn is_help_or_message(&self) -> bool {
        let talks = [
            "codec-cli/src",
            "codec-net/src",
            "codec-media/src",
            "codec-cluster/src",
            "codec-lab/src",
        ];
        match self.piece.kind {
            Kind::Doc => self.file.starts_with("codec-cli/src/args"),
            Kind::Message => talks.iter().any(|folder| self.file.starts_with(folder)),
            Kind::Comment => false,
        }
    }
}

fn places() -> Vec<Place> {
    let mut found = Vec::new();
    let mut sources = Vec::new();
    files(&root(), "rs", &mut sources);
    let this = Path::new(file!()).file_name().unwrap();
    let mut documents = Vec::new();
    files(&root(), "md", &mut documents);
    for path in sources.into_iter().chain(documents) {
        let name = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
        let text = fs::read_to_string(&path).unwrap();
        let is_rust = name.ends_with(".rs");
        if path.file_name() == Some(this) || name.ends_with("prose.rs") {
            continue;
        }
        let pieces = if is_rust { prose::of_rust(&text) } else { prose::of_markdown(&text) };
        let is_test = name.contains("/tests/") || name.ends_with("tests.rs");
        let kept = pieces.into_iter().filter(|piece| !is_test || piece.kind != Kind::Message);
        found.extend(kept.map(|piece| Place { file: name.clone(), piece }));
    }
    found
}

/// How often a phrase occurs in words.
fn count(words: &[String], phrase: &str) -> usize {
    let phrase: Vec<Vec<&str>> = phrase.split(' ').map(|word| word.split('|').collect()).collect();
    let is_here = |window: &&[String]| {
        window.iter().zip(&phrase).all(|(word, choices)| choices.contains(&word.as_str()))
    };
    words.windows(phrase.len()).filter(is_here).count()
}

/// Counts of one group: words, and hits by marker with their places.
#[derive(Default)]
struct Tally<'a> {
    words: usize,
    hits: BTreeMap<&'static str, Vec<&'a Place>>,
}

impl<'a> Tally<'a> {
    fn add(&mut self, place: &'a Place) {
        let words = prose::words(&place.piece.text);
        self.words += words.iter().filter(|word| !word.is_empty()).count();
        let terms: usize = TERMS.iter().map(|term| count(&words, term)).sum();
        for (marker, phrases) in MARKERS {
            let is_about_pictures = marker.starts_with("picture");
            // In ITU-T H.264 a picture is a frame or a field, and no other word covers both.
            let excused = match place.group() {
                "codec-h264" if is_about_pictures => usize::MAX,
                _ if is_about_pictures => terms,
                _ => 0,
            };
            for phrase in phrases {
                let hits = count(&words, phrase).saturating_sub(excused);
                self.hits.entry(marker).or_default().extend(std::iter::repeat_n(place, hits));
            }
        }
    }
}

fn shown(places: &[&Place]) -> String {
    let lines = places.iter().map(|Place { file, piece }| {
        format!("  {file}:{} {}", piece.line, piece.text.replace('\n', " "))
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn prose_is_plain_technical_english() {
    let places = places();
    let mut tallies: BTreeMap<&str, Tally<'_>> = BTreeMap::new();
    for place in &places {
        tallies.entry(place.group()).or_default().add(place);
    }
    let mut failed = Vec::new();
    for (group, tally) in &tallies {
        let words = u32::try_from(tally.words.max(WORDS)).unwrap();
        for (marker, hits) in &tally.hits {
            let rate = f64::from(u32::try_from(hits.len()).unwrap()) * 1e4 / f64::from(words);
            println!("{group}, {words} words, {marker}: {rate:.1} per 10,000");
            if rate > LIMIT {
                failed.push(format!("{group}, {marker}: {rate:.1}\n{}", shown(hits)));
            }
        }
    }
    assert!(failed.is_empty(), "more than {LIMIT} per 10,000 words:\n{}", failed.join("\n"));
}

#[test]
fn help_and_messages_have_no_marker() {
    let places = places();
    let mut tally = Tally::default();
    for place in places.iter().filter(|place| place.is_help_or_message()) {
        tally.add(place);
    }
    assert!(tally.words > 5000, "{} words of help and messages", tally.words);
    tally.hits.retain(|_, places| !places.is_empty());
    let lines = tally.hits.iter().map(|(marker, places)| format!("{marker}\n{}", shown(places)));
    let lines: Vec<_> = lines.collect();
    assert!(lines.is_empty(), "{}", lines.join("\n"));
}
