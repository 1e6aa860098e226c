//! As much of Markdown as the tests need: fenced blocks, links and headings.

use std::fs;
use std::path::{Path, PathBuf};

/// One page.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) path: PathBuf,
    pub(super) text: String,
}

/// One fenced block.
#[derive(Debug)]
pub(super) struct Block<'a> {
    /// `page:line`, for messages.
    pub(super) at: String,
    /// First word behind the fence.
    pub(super) language: &'a str,
    /// Second word: the file that a reader puts it in.
    pub(super) file: Option<&'a str>,
    pub(super) text: String,
}

/// The checkout.
pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// README.md, its two neighbours, and every page of `docs/`.
pub(super) fn pages() -> Vec<Page> {
    let mut paths: Vec<_> = fs::read_dir(root().join("docs"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    paths.sort();
    paths.extend(["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"].map(|name| root().join(name)));
    paths.into_iter().map(Page::read).collect()
}

/// One page of `docs/`.
pub(super) fn page(name: &str) -> Page {
    Page::read(root().join("docs").join(name))
}

impl Page {
    fn read(path: PathBuf) -> Self {
        let text =
            fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self { path, text }
    }

    pub(super) fn name(&self) -> std::borrow::Cow<'_, str> {
        self.path.file_name().unwrap().to_string_lossy()
    }

    pub(super) fn blocks(&self) -> Vec<Block<'_>> {
        let mut blocks = Vec::new();
        let mut open: Option<Block<'_>> = None;
        for (index, line) in self.text.lines().enumerate() {
            match (line.strip_prefix("```"), open.take()) {
                (Some(info), None) => {
                    let mut words = info.split_whitespace();
                    open = Some(Block {
                        at: format!("{}:{}", self.name(), index + 1),
                        language: words.next().unwrap_or_default(),
                        file: words.next(),
                        text: String::new(),
                    });
                }
                (Some(_), Some(block)) => blocks.push(block),
                (None, Some(mut block)) => {
                    block.text.push_str(line);
                    block.text.push('\n');
                    open = Some(block);
                }
                (None, None) => {}
            }
        }
        assert!(open.is_none(), "{}: a block isn't closed", self.name());
        blocks
    }

    /// The page without its fenced blocks.
    pub(super) fn prose(&self) -> String {
        let mut inside = false;
        let mut prose = String::new();
        for line in self.text.lines() {
            if line.starts_with("```") {
                inside = !inside;
            } else if !inside {
                prose.push_str(line);
                prose.push('\n');
            }
        }
        prose
    }

    /// What stands below a heading, down to the next one.
    pub(super) fn section(&self, heading: &str) -> String {
        let mut lines = self.text.lines().skip_while(|line| *line != heading);
        assert!(lines.next().is_some(), "{} has no {heading:?}", self.name());
        lines
            .take_while(|line| !line.starts_with("## "))
            .map(|line| format!("{line}\n"))
            .collect()
    }

    /// The cells of every row of every table, without the header rows.
    pub(super) fn rows(text: &str) -> Vec<Vec<String>> {
        let lines: Vec<&str> = text.lines().collect();
        let is_rule = |line: &str| line.starts_with("| ---");
        let body = lines.iter().enumerate().filter(|(index, line)| {
            let header = lines.get(index + 1).is_some_and(|next| is_rule(next));
            line.starts_with("| ") && !is_rule(line) && !header
        });
        body.map(|(_, line)| {
            let cells = line.trim_matches('|').split(" | ");
            cells.map(|cell| cell.trim().to_owned()).collect()
        })
        .collect()
    }
}

/// What stands between backticks.
pub(super) fn code_spans(text: &str) -> Vec<&str> {
    text.lines()
        .flat_map(|line| line.split('`').skip(1).step_by(2))
        .collect()
}

/// Commands of a block, with lines that end in a backslash joined.
pub(super) fn joined(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut begun = String::new();
    for line in text.lines() {
        match line.strip_suffix('\\') {
            Some(part) => begun.push_str(part),
            None => lines.push(std::mem::take(&mut begun) + line),
        }
    }
    lines
}

/// Words of a command line as a shell splits them; single and double quotes.
pub(super) fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in line.chars() {
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}
