//! Every command line that a page shows is one that the programs understand, and the tables of
//! flags have every flag.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::markdown::{Page, code_spans, joined, page, pages, words};

/// Our programs, by the name that pages use.
pub(super) fn program(name: &str) -> PathBuf {
    let cli = Path::new(env!("CARGO_BIN_EXE_mcp-runtime"));
    let path = cli.with_file_name(name);
    assert!(
        path.exists(),
        "{} isn't there: build it with cargo build -p mcp-proxy",
        path.display()
    );
    path
}

/// Help for these arguments; `None` where they aren't understood.
fn help(name: &str, arguments: &[String]) -> Result<String, String> {
    let output = Command::new(program(name))
        .args(arguments)
        .arg("--help")
        .output()
        .unwrap();
    if output.status.success() {
        Ok(String::from_utf8(output.stdout).unwrap())
    } else {
        Err(String::from_utf8(output.stderr).unwrap())
    }
}

/// What ends the arguments of a command.
fn ends(word: &str) -> bool {
    ["|", "<", ">", "&", "&&", ";", "#", "2>&1"].contains(&word)
}

#[test]
fn every_command_line_is_understood() {
    let mut checked = 0;
    for page in pages() {
        for block in page.blocks() {
            if !["sh", "console"].contains(&block.language) {
                continue;
            }
            for line in joined(&block.text) {
                let line = line.trim_start_matches("$ ");
                let mut words = words(line).into_iter().take_while(|word| !ends(word));
                let name = words.next().unwrap_or_default();
                if !["mcp-runtime", "mcp-proxy"].contains(&name.as_str()) {
                    continue;
                }
                let arguments: Vec<String> = words.collect();
                if let Err(error) = help(&name, &arguments) {
                    panic!("{}: {line}\n{error}", block.at);
                }
                checked += 1;
            }
        }
    }
    assert!(checked > 10, "only {checked} command lines found");
}

/// Flags, or names of variables, that a help text lists.
fn listed(help: &str, variables: bool) -> BTreeSet<String> {
    let shared = ["--help", "--version", "--log-format", "--log-level"];
    let flags = help
        .lines()
        .map(str::trim_start)
        .filter(|line| line.starts_with('-'))
        .filter_map(|line| {
            line.split([' ', ',', '=', '['])
                .find(|word| word.starts_with("--"))
        })
        .filter(|flag| !shared.contains(flag))
        .map(str::to_owned);
    let env = help
        .split("[env: ")
        .skip(1)
        .filter_map(|rest| rest.split_once('='))
        .map(|(name, _)| name.to_owned())
        .filter(|name| !name.starts_with("LOG_"));
    if variables {
        env.collect()
    } else {
        flags.collect()
    }
}

/// The first words of the code spans of a table's cells that look like flags or variables.
fn told(section: &str, variables: bool) -> BTreeSet<String> {
    let rows = Page::rows(section);
    let cells = rows.iter().flat_map(|row| row.iter().take(2));
    let spans = cells.flat_map(|cell| code_spans(cell));
    let names = spans.filter_map(|span| span.split([' ', '=']).next());
    names
        .filter(|name| match variables {
            true => !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c == '_'),
            false => name.starts_with("--"),
        })
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_tables_of_flags_have_every_flag_and_no_other() {
    let interfaces = page("interfaces.md");
    for (heading, name, arguments) in [
        ("## mcp-runtime setup", "mcp-runtime", &["setup"][..]),
        (
            "## mcp-runtime admission",
            "mcp-runtime",
            &["admission", "disable"],
        ),
        (
            "## mcp-runtime certs rotate",
            "mcp-runtime",
            &["certs", "rotate"],
        ),
        ("## mcp-runtime operator", "mcp-runtime", &["operator"]),
        ("## mcp-runtime webhook", "mcp-runtime", &["webhook"]),
        ("## mcp-runtime validate", "mcp-runtime", &["validate"]),
        (
            "## mcp-runtime access explain",
            "mcp-runtime",
            &["access", "explain"],
        ),
        (
            "## mcp-runtime access matrix",
            "mcp-runtime",
            &["access", "matrix"],
        ),
        (
            "## mcp-runtime access diff",
            "mcp-runtime",
            &["access", "diff"],
        ),
        ("## mcp-runtime inject", "mcp-runtime", &["inject"]),
        ("## mcp-runtime uninject", "mcp-runtime", &["uninject"]),
        (
            "## mcp-runtime explain-injection",
            "mcp-runtime",
            &["explain-injection"],
        ),
        ("## mcp-proxy", "mcp-proxy", &[]),
        ("## mcp-proxy inspect", "mcp-proxy", &["inspect"]),
        ("## mcp-proxy drain", "mcp-proxy", &["drain"]),
    ] {
        let arguments: Vec<String> = arguments.iter().map(|word| (*word).to_owned()).collect();
        let help = help(name, &arguments).unwrap();
        let section = interfaces.section(heading);
        for variables in [false, true] {
            assert_eq!(
                told(&section, variables),
                listed(&help, variables),
                "{heading}: left what the page has, right what --help has"
            );
        }
    }
}
