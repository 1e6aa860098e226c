//! On which line of a text each field stands.

use std::collections::HashMap;

use granit_parser::{Event, Parser, ScanError};

/// The lines of one document's fields, by path such as `spec.tools[2].name`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Positions {
    lines: HashMap<String, usize>,
}

impl Positions {
    /// The line of a field, or of the nearest one around it that is there.
    pub(super) fn line(&self, field: &str) -> usize {
        let mut path = field;
        loop {
            if let Some(line) = self.lines.get(path) {
                return *line;
            }
            if path.is_empty() {
                return 1;
            }
            path = around(path);
        }
    }
}

/// The path without its last step.
fn around(path: &str) -> &str {
    let end = path.rfind(['.', '[']).unwrap_or_default();
    path.get(..end).unwrap_or_default()
}

/// The positions of every document of a YAML text that isn't empty; JSON is YAML. `first` is the
/// number of the text's first line.
pub(super) fn of(text: &str, first: usize) -> Result<Vec<Positions>, ScanError> {
    let mut documents = Vec::new();
    let mut walk = Walk::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event?;
        let line = span.start.line() + first - 1;
        match event {
            Event::DocumentStart(..) => walk = Walk::default(),
            Event::DocumentEnd if walk.is_something => {
                documents.push(std::mem::take(&mut walk.found));
            }
            Event::Scalar(text, ..) => walk.scalar(&text, line),
            Event::Alias(_) => walk.scalar("", line),
            Event::MappingStart(..) => walk.open(Level::Mapping(None), line),
            Event::SequenceStart(..) => walk.open(Level::Sequence(0), line),
            Event::MappingEnd | Event::SequenceEnd => walk.close(),
            _ => {}
        }
    }
    Ok(documents)
}

/// Where in a document the parser is.
#[derive(Debug, Default)]
struct Walk {
    found: Positions,
    levels: Vec<Level>,
    is_something: bool,
}

#[derive(Debug)]
enum Level {
    /// With the key whose value comes next.
    Mapping(Option<String>),
    /// With the number of the next item.
    Sequence(usize),
}

impl Walk {
    fn path(&self) -> String {
        let mut path = String::new();
        for level in &self.levels {
            match level {
                Level::Mapping(Some(key)) if path.is_empty() => path.push_str(key),
                Level::Mapping(Some(key)) => path.extend([".", key]),
                Level::Mapping(None) => {}
                Level::Sequence(n) => path.push_str(&format!("[{n}]")),
            }
        }
        path
    }

    fn scalar(&mut self, text: &str, line: usize) {
        if let Some(Level::Mapping(key @ None)) = self.levels.last_mut() {
            *key = Some(text.to_owned());
            // A field stands where its key does.
            let path = self.path();
            self.found.lines.insert(path, line);
            return;
        }
        // A document of nothing is a scalar too.
        self.is_something |= !self.levels.is_empty() || !matches!(text, "" | "~" | "null");
        self.note(line);
        self.next();
    }

    fn open(&mut self, level: Level, line: usize) {
        self.is_something = true;
        self.note(line);
        self.levels.push(level);
    }

    fn close(&mut self) {
        self.levels.pop();
        self.next();
    }

    /// The line of what begins here, unless its key said so already.
    fn note(&mut self, line: usize) {
        let path = self.path();
        self.found.lines.entry(path).or_insert(line);
    }

    /// One member or item is through.
    fn next(&mut self) {
        match self.levels.last_mut() {
            Some(Level::Mapping(key)) => *key = None,
            Some(Level::Sequence(n)) => *n += 1,
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# nothing
---
# a comment
kind: MCPServer
spec:
  image: a
  tools:
    - name: one
    - {name: two,
       sideEffect: read}
  text: |
    of
    lines
  after: &a [1, 2]
  alias: *a
  last: 1
---
---
kind: Second
";

    #[test]
    fn each_field_is_where_its_key_is_and_each_item_where_it_begins() {
        let found = of(TEXT, 1).unwrap();
        let lines = |n: usize, paths: &[&str]| -> Vec<usize> {
            paths.iter().map(|path| found[n].line(path)).collect()
        };
        assert_eq!(found.len(), 2);
        assert_eq!(
            lines(
                0,
                &[
                    "",
                    "kind",
                    "spec.image",
                    "spec.tools",
                    "spec.tools[0]",
                    "spec.tools[0].name",
                    "spec.tools[1]",
                    "spec.tools[1].sideEffect",
                    "spec.after[1]",
                    "spec.last"
                ]
            ),
            [4, 4, 6, 7, 8, 8, 9, 10, 14, 16]
        );
        assert_eq!(lines(1, &["", "kind"]), [19, 19]);
    }

    #[test]
    fn what_isnt_there_is_said_of_what_is_around_it() {
        let found = of(TEXT, 1).unwrap();
        assert_eq!(found[0].line("spec.tools[1].requiredTrust"), 9);
        assert_eq!(found[0].line("spec.gateway.port"), 5);
        assert_eq!(found[0].line("metadata.name"), 4);
    }

    #[test]
    fn json_has_lines_too() {
        let found = of("{\n\t\"spec\": {\n\t\t\"port\": 1\n}}", 10).unwrap();
        assert_eq!(found[0].line("spec.port"), 12);
    }
}
