//! Code blocks of Markdown.

/// A block of commands.
pub(crate) struct Block {
    /// The document, relative to the repository.
    pub(crate) file: String,
    /// Line of its opening fence.
    pub(crate) at: usize,
    /// The reason in `<!-- not run: REASON -->` above it.
    pub(crate) not_run: Option<String>,
    /// Its commands, with continued lines joined.
    pub(crate) lines: Vec<String>,
}

impl Block {
    pub(crate) fn place(&self) -> String {
        format!("{}:{}", self.file, self.at)
    }
}

/// The blocks of a document without a language. Those with one (`rust`, `text`) hold no commands.
pub(crate) fn of(file: &str, text: &str) -> Vec<Block> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let mut blocks = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let Some(language) = lines[at].strip_prefix("```") else {
            at += 1;
            continue;
        };
        let length = lines[at + 1..].iter().position(|line| line.starts_with("```"));
        let length = length.unwrap_or_else(|| panic!("{file}:{}: no closing fence", at + 1));
        if language.is_empty() {
            blocks.push(Block {
                file: file.to_owned(),
                at: at + 1,
                not_run: reason(&lines[..at]),
                lines: joined(&lines[at + 1..=at + length]),
            });
        }
        at += length + 2;
    }
    blocks
}

/// Joins the lines that end in a backslash with their next.
fn joined(lines: &[&str]) -> Vec<String> {
    let mut all = Vec::new();
    let mut open = String::new();
    for line in lines {
        if let Some(start) = line.strip_suffix('\\') {
            open += start;
        } else {
            all.push(std::mem::take(&mut open) + line);
        }
    }
    all.retain(|line| !line.is_empty());
    all
}

/// The reason among the comments directly above a block.
fn reason(above: &[&str]) -> Option<String> {
    let comments = above.iter().rev().skip_while(|line| line.is_empty());
    let comments = comments.map_while(|line| line.strip_prefix("<!--")?.strip_suffix("-->"));
    comments.filter_map(|text| text.trim().strip_prefix("not run: ")).next().map(str::to_owned)
}
