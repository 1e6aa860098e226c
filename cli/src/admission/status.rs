//! `mcp-runtime admission status`, and what the other two say at their end.

use std::process::ExitCode;

use serde_json::json;
use webhook::{Standing, State};

use super::{Args, Configurations};
use crate::output::exit;

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let configurations = Configurations::of(&args.cluster.connect().await?);
    let standings = configurations.standings().await?;
    print(&standings, &args.output);
    let all_on = standings.iter().all(|standing| standing.state == State::On);
    Ok(if all_on {
        ExitCode::SUCCESS
    } else {
        exit::NO.into()
    })
}

/// One line each, or one object.
#[allow(clippy::print_stdout, reason = "the command's result")]
pub(super) fn print(standings: &[Standing], output: &str) {
    if output == "json" {
        println!("{}", json!({ "endpoints": standings }));
    } else {
        standings
            .iter()
            .for_each(|standing| println!("{}", line(standing)));
    }
}

#[allow(clippy::print_stderr, reason = "for the person, beside the result")]
pub(super) fn hint(text: &str) {
    eprintln!("{text}");
}

fn line(standing: &Standing) -> String {
    let endpoint = standing.endpoint.as_str();
    match (standing.state, &standing.until) {
        (State::On, _) => format!("{endpoint:9} on"),
        (State::Off, Some(until)) => format!("{endpoint:9} off until {until}"),
        (State::Off, None) => format!("{endpoint:9} off"),
        (State::Missing, _) => format!("{endpoint:9} missing"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use webhook::Endpoint;

    #[test]
    fn a_line_says_whether_and_until_when() {
        let line = |state, until: Option<&str>| {
            line(&Standing {
                endpoint: Endpoint::Default,
                state,
                until: until.map(str::to_owned),
            })
        };
        assert_eq!(line(State::On, None), "default   on");
        assert_eq!(
            line(State::Off, Some("2026-01-02T03:04:05Z")),
            "default   off until 2026-01-02T03:04:05Z"
        );
        assert_eq!(line(State::Missing, None), "default   missing");
    }
}
