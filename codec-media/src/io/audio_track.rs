//! Selects the audio track of an input.

use std::str::FromStr;

use codec_container::{CodedPacket, FileMetadata, PacketReader, Result as ContainerResult, Track};

use crate::failure::{Failure, Kind, Result};

/// The choice of an audio track.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AudioTrackChoice {
    /// The first audio track.
    #[default]
    First,
    /// All audio tracks.
    All,
    /// The audio track with this number among the audio tracks, from 1.
    Number(usize),
    /// The first audio track in this language: a code of ISO 639-1 or 639-2, in lower case.
    Language(String),
}

/// Codes of one language in ISO 639-1, 639-2/T and 639-2/B, where the last two differ or the first is common.
const LANGUAGES: [&[&str]; 40] = [
    &["en", "eng"],
    &["de", "deu", "ger"],
    &["fr", "fra", "fre"],
    &["es", "spa"],
    &["it", "ita"],
    &["pt", "por"],
    &["nl", "nld", "dut"],
    &["sv", "swe"],
    &["da", "dan"],
    &["no", "nor", "nb", "nob"],
    &["fi", "fin"],
    &["is", "isl", "ice"],
    &["pl", "pol"],
    &["cs", "ces", "cze"],
    &["sk", "slk", "slo"],
    &["hu", "hun"],
    &["ro", "ron", "rum"],
    &["bg", "bul"],
    &["sq", "sqi", "alb"],
    &["mk", "mkd", "mac"],
    &["sr", "srp"],
    &["hr", "hrv"],
    &["el", "ell", "gre"],
    &["tr", "tur"],
    &["ru", "rus"],
    &["uk", "ukr"],
    &["ka", "kat", "geo"],
    &["hy", "hye", "arm"],
    &["eu", "eus", "baq"],
    &["cy", "cym", "wel"],
    &["ar", "ara"],
    &["he", "heb"],
    &["fa", "fas", "per"],
    &["hi", "hin"],
    &["zh", "zho", "chi"],
    &["ja", "jpn"],
    &["ko", "kor"],
    &["th", "tha"],
    &["vi", "vie"],
    &["ms", "msa", "may"],
];

/// Whether both codes name one language. Of tags such as `pt-BR`, only the language counts.
pub(crate) fn same_language(a: &str, b: &str) -> bool {
    let language =
        |tag: &str| tag.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
    let (a, b) = (language(a), language(b));
    let both = |codes: &&&[&str]| codes.contains(&a.as_str()) && codes.contains(&b.as_str());
    a == b || LANGUAGES.iter().find(both).is_some()
}

impl FromStr for AudioTrackChoice {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        const EXPECTED: &str =
            "expected the number of an audio track (1 or higher), or a language, such as eng";
        if let Ok(number) = text.parse() {
            return if number > 0 { Ok(Self::Number(number)) } else { Err(EXPECTED.to_owned()) };
        }
        let is_code = text.split(['-', '_']).next().is_some_and(|language| {
            (2..=3).contains(&language.len())
                && language.bytes().all(|byte| byte.is_ascii_alphabetic())
        });
        if is_code && text != "all" {
            Ok(Self::Language(text.to_owned()))
        } else {
            Err(EXPECTED.to_owned())
        }
    }
}

impl AudioTrackChoice {
    /// The error of an input without audio.
    pub(super) fn missing(name: &str) -> Failure {
        Failure::new(Kind::Input, format!("{name}: no audio track, but --audio selects one"))
    }

    /// Makes the chosen track the first audio track of `reader`.
    ///
    /// # Errors
    /// If there is no such track. `name` is the name of the input, for the message.
    pub(super) fn apply(
        &self,
        reader: Box<dyn PacketReader>,
        name: &str,
    ) -> Result<Box<dyn PacketReader>> {
        let audio: Vec<_> = (reader.tracks().iter().enumerate())
            .filter_map(|(number, track)| Some((number, track.audio()?)))
            .collect();
        let Some(&(first, _)) = audio.first() else {
            let is_optional = matches!(self, Self::First | Self::All);
            return if is_optional { Ok(reader) } else { Err(Self::missing(name)) };
        };
        let found = match self {
            Self::First | Self::All => Some(first),
            Self::Number(number) => audio.get(number - 1).map(|(number, _)| *number),
            Self::Language(language) => audio
                .iter()
                .find(|(_, track)| {
                    track.language.as_deref().is_some_and(|of| same_language(of, language))
                })
                .map(|(number, _)| *number),
        };
        let Some(chosen) = found else {
            let languages = named(&*reader, |_| true);
            let what = match self {
                Self::Language(language) => format!("in {language}"),
                Self::Number(number) => format!("number {number}"),
                Self::First | Self::All => String::new(),
            };
            let help = match audio.as_slice() {
                [_] => format!("its only audio track is {languages}"),
                _ => format!("choose one of the tracks {languages}"),
            };
            let message = format!("{name}: no audio track {what}\nhelp: {help}");
            return Err(Failure::new(Kind::Input, message));
        };
        if chosen == first {
            return Ok(reader);
        }
        let mut tracks = reader.tracks().to_vec();
        tracks.swap(first, chosen);
        Ok(Box::new(ChosenAudio { reader, tracks, exchanged: (first, chosen) }))
    }
}

/// The audio tracks with some of the numbers, which count from 1, with their languages.
pub(super) fn named(reader: &dyn PacketReader, is_meant: impl Fn(usize) -> bool) -> String {
    let tracks = (1..).zip(reader.tracks().iter().filter_map(Track::audio));
    let named = tracks.filter(|(number, _)| is_meant(*number)).map(|(number, track)| {
        let language = track.language.as_deref().unwrap_or("no language");
        format!("{number} ({language})")
    });
    named.collect::<Vec<_>>().join(", ")
}

/// Exchanges the numbers of two tracks, so that the chosen audio track is the first one.
struct ChosenAudio {
    reader: Box<dyn PacketReader>,
    tracks: Vec<Track>,
    exchanged: (usize, usize),
}

impl ChosenAudio {
    fn number(&self, track: usize) -> usize {
        match self.exchanged {
            (a, b) if track == a => b,
            (a, b) if track == b => a,
            _ => track,
        }
    }
}

impl PacketReader for ChosenAudio {
    fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    fn metadata(&self) -> &FileMetadata {
        self.reader.metadata()
    }

    fn select(&mut self, tracks: &[usize]) {
        let tracks: Vec<usize> = tracks.iter().map(|track| self.number(*track)).collect();
        self.reader.select(&tracks);
    }

    fn read(&mut self, packet: &mut CodedPacket) -> ContainerResult<bool> {
        let has_packet = self.reader.read(packet)?;
        packet.track = self.number(packet.track);
        Ok(has_packet)
    }

    fn seek(&mut self, track: usize, time: i64) -> ContainerResult<bool> {
        self.reader.seek(self.number(track), time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_have_several_codes() {
        for (a, b) in
            [("de", "ger"), ("deu", "ger"), ("EN", "eng"), ("pt-BR", "por"), ("und", "und")]
        {
            assert!(same_language(a, b) && same_language(b, a), "{a} {b}");
        }
        assert!(!same_language("de", "eng") && !same_language("xx", "yy"));
    }

    #[test]
    fn choices_are_numbers_or_languages() {
        let parsed = |text: &str| text.parse::<AudioTrackChoice>();
        assert_eq!(parsed("2"), Ok(AudioTrackChoice::Number(2)));
        assert_eq!(parsed("pt-BR"), Ok(AudioTrackChoice::Language("pt-BR".to_owned())));
        for wrong in ["0", "-1", "english", "all", "", "e2"] {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
    }
}
