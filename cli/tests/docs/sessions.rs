//! Blocks of `console` are run, page by page, in a folder with the files that the page gives, and
//! say what the page says they say.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::commands::program;
use super::markdown::{Block, pages, root, words};
use super::proxy::Running;

/// One command of a session.
#[derive(Debug, Default, PartialEq, Eq)]
struct Step {
    command: String,
    expected: String,
}

/// `$ ` begins a command, a backslash continues it; the rest is output.
fn steps(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut continued = false;
    for line in text.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step::default());
            steps.last_mut().unwrap().command = command.to_owned();
        } else {
            let step = steps.last_mut().expect("a session begins with a command");
            let part = if continued {
                &mut step.command
            } else {
                &mut step.expected
            };
            part.push_str(line);
            part.push('\n');
            if !continued {
                continue;
            }
        }
        let step = steps.last_mut().unwrap();
        continued = step.command.trim_end().ends_with('\\');
        if continued {
            step.command = step.command.trim_end().trim_end_matches('\\').to_owned();
        }
    }
    steps
}

/// A reader's shell: a folder, and the proxy that was left running in it.
struct Shell<'a> {
    folder: &'a Path,
    proxy: Option<Running>,
    code: i32,
}

impl Shell<'_> {
    /// What the command prints.
    fn run(&mut self, command: &str) -> String {
        let words = words(command);
        match words.first().map(String::as_str) {
            Some("echo") if words[1..] == ["$?"] => {
                format!("{}\n", std::mem::take(&mut self.code))
            }
            Some("curl") => self
                .proxy
                .as_ref()
                .expect("no proxy runs")
                .curl(&words[1..]),
            Some("mcp-proxy") if words.last().is_some_and(|word| word == "&") => {
                let arguments = &words[1..words.len() - 1];
                self.proxy = Some(Running::start(
                    &program("mcp-proxy"),
                    arguments,
                    self.folder,
                ));
                String::new()
            }
            _ => self.spawn(command),
        }
    }

    fn spawn(&mut self, command: &str) -> String {
        let programs = program("mcp-proxy");
        let path = format!(
            "{}:{}",
            programs.parent().unwrap().display(),
            std::env::var("PATH").unwrap()
        );
        let output = Command::new("sh")
            .args(["-c", command])
            .current_dir(self.folder)
            .env_clear()
            .env("PATH", path)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        self.code = output.status.code().unwrap();
        // Read like this, a page shows standard output only; `2>&1` shows the rest.
        String::from_utf8(output.stdout).unwrap()
    }
}

#[test]
fn every_session_says_what_its_page_says() {
    let mut ran = 0;
    for page in pages() {
        let folder = tempfile::tempdir().unwrap();
        // Pages name the examples from the checkout's root.
        std::os::unix::fs::symlink(root().join("deploy"), folder.path().join("deploy")).unwrap();
        let mut shell = Shell {
            folder: folder.path(),
            proxy: None,
            code: 0,
        };
        for block in page.blocks() {
            if let Some(file) = block.file {
                std::fs::write(folder.path().join(file), &block.text).unwrap();
            }
            if block.language == "console" {
                ran += run(&block, &mut shell);
            }
        }
    }
    assert!(ran > 10, "only {ran} commands were run");
}

fn run(block: &Block<'_>, shell: &mut Shell<'_>) -> usize {
    let steps = steps(&block.text);
    for (index, step) in steps.iter().enumerate() {
        let printed = shell.run(&step.command);
        assert!(
            agree(&step.expected, &printed),
            "{}: {}\n-- the page has\n{}-- it printed\n{printed}",
            block.at,
            step.command,
            step.expected
        );
        let asked = steps
            .get(index + 1)
            .is_some_and(|next| next.command == "echo $?");
        assert!(
            asked || shell.code == 0,
            "{}: {} ended with {}; show it with `$ echo $?`",
            block.at,
            step.command,
            shell.code
        );
    }
    steps.len()
}

/// JSON is compared as JSON, so that a page may wrap it; `…` stands for any text.
fn agree(expected: &str, printed: &str) -> bool {
    let values = |text: &str| -> Option<Vec<Value>> {
        let stream = serde_json::Deserializer::from_str(text).into_iter();
        stream.collect::<Result<_, _>>().ok()
    };
    if expected.starts_with('{') {
        let (Some(expected), Some(printed)) = (values(expected), values(printed)) else {
            return false;
        };
        return same(&Value::Array(expected), &Value::Array(printed));
    }
    let (expected, printed) = (expected.trim_end(), printed.trim_end());
    expected.lines().count() == printed.lines().count()
        && expected
            .lines()
            .zip(printed.lines())
            .all(|(expected, printed)| like(expected.trim_end(), printed.trim_end()))
}

fn same(expected: &Value, printed: &Value) -> bool {
    match (expected, printed) {
        (Value::String(expected), Value::String(printed)) => like(expected, printed),
        (Value::Array(expected), Value::Array(printed)) => {
            expected.len() == printed.len() && expected.iter().zip(printed).all(|(e, p)| same(e, p))
        }
        (Value::Object(expected), Value::Object(printed)) => {
            expected.len() == printed.len()
                && expected.iter().all(|(name, e)| {
                    // Ages differ from run to run.
                    let age = name == "age_seconds";
                    printed.get(name).is_some_and(|p| age || same(e, p))
                })
        }
        _ => expected == printed,
    }
}

fn like(expected: &str, printed: &str) -> bool {
    let mut parts = expected.split('…');
    let Some(mut rest) = parts.next().and_then(|first| printed.strip_prefix(first)) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, between)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in between {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[test]
fn output_is_compared_as_json_or_line_by_line() {
    assert!(agree("a…c\n", "abc\n"));
    assert!(!agree("a…c\n", "abd\n"));
    assert!(!agree("a\n", "a\nb\n"));
    assert!(agree(
        "{\"a\": \"x…\",\n \"b\": 1}\n",
        "{\"b\":1,\"a\":\"xyz\"}\n"
    ));
    assert!(!agree("{\"a\": \"x\"}\n", "{\"a\":\"x\",\"b\":1}\n"));
    assert!(!agree("{\"b\": 1}\n", "{\"b\":2}\n"));
}

#[test]
fn a_command_may_go_on_for_lines() {
    let step = |command: &str, expected: &str| Step {
        command: command.into(),
        expected: expected.into(),
    };
    let found = steps("$ a \\\n  b\nout\n$ c\n");
    assert_eq!(found, [step("a   b\n", "out\n"), step("c", "")]);
}
