//! `mcp-proxy inspect`: what the proxy would read, line by line, by the pipeline's own stage.

use std::io::{BufRead, BufReader, BufWriter, Write};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use bytes::Bytes;
use clap::Args;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use policy::Reason;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::inspect::{self, DEFAULT_LIMIT, Inspected, Message, Refusal};

/// What requests are read as.
#[derive(Debug, Args)]
pub(super) struct InspectArgs {
    /// MCP-Protocol-Version of the requests; left out, they have none
    #[arg(long, value_name = "VERSION")]
    protocol_version: Option<String>,
    /// Another header of every request
    #[arg(long = "header", value_name = "'K: V'", value_parser = header)]
    headers: Vec<(HeaderName, HeaderValue)>,
    /// Requests, one JSON object a line: {"id","body_base64","content_type","http_method"}; - is stdin
    #[arg(long, value_name = "FILE", default_value = "-")]
    requests: String,
}

/// One line in. `content_type` and `http_method` may be left out: application/json, POST.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    #[serde(default)]
    id: Value,
    #[serde(default)]
    body_base64: String,
    #[serde(default = "json")]
    content_type: Option<String>,
    #[serde(default = "post")]
    http_method: String,
}

/// One line out; what has no value is left out.
#[derive(Serialize)]
struct Report<'a> {
    id: &'a Value,
    verdict: &'static str,
    #[serde(flatten)]
    content: Content<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    elements: Vec<Content<'a>>,
}

#[derive(Default, Serialize)]
struct Content<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jsonrpc_id: Option<&'a str>,
}

#[derive(Serialize)]
struct BadLine<'a> {
    id: &'a Value,
    error: BadLineError<'a>,
}

#[derive(Serialize)]
struct BadLineError<'a> {
    code: &'static str,
    field: &'a str,
    message: String,
}

/// Reads every line and reports on each; the exit code is 2 where one couldn't be read.
///
/// # Errors
/// When the input can't be read or the output not written.
pub(super) fn run(args: &InspectArgs) -> anyhow::Result<ExitCode> {
    let input: Box<dyn BufRead> = match args.requests.as_str() {
        "-" => Box::new(std::io::stdin().lock()),
        path => Box::new(BufReader::new(
            std::fs::File::open(path).with_context(|| format!("opening {path}"))?,
        )),
    };
    let mut headers: HeaderMap = args.headers.iter().cloned().collect();
    if let Some(version) = &args.protocol_version {
        headers.insert("mcp-protocol-version", HeaderValue::try_from(version)?);
    }
    let mut output = BufWriter::new(std::io::stdout().lock());
    let mut all_read = true;
    for line in input.split(b'\n') {
        let line = line.with_context(|| format!("reading {}", args.requests))?;
        if line.trim_ascii().is_empty() {
            continue;
        }
        all_read &= report(&line, headers.clone(), &mut output)?;
    }
    output.flush().context("printing")?;
    Ok(if all_read {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(2)
    })
}

/// Reports on one line; false where it couldn't be read.
fn report(line: &[u8], mut headers: HeaderMap, output: &mut impl Write) -> anyhow::Result<bool> {
    let (id, request) = match read(line, &mut headers) {
        Ok(request) => request,
        Err(bad) => {
            let (id, field, message) = *bad;
            let error = BadLineError {
                code: "bad_request_line",
                field,
                message,
            };
            print(output, &BadLine { id: &id, error })?;
            return Ok(false);
        }
    };
    let (method, body) = request;
    let inspected = inspect::inspect_head(&method, &headers, DEFAULT_LIMIT)
        .and_then(|()| within_limit(&body))
        .and_then(|()| inspect::inspect(&method, &headers, &body));
    print(output, &describe(&id, &inspected))?;
    Ok(true)
}

type BadInput = Box<(Value, &'static str, String)>;

fn read(line: &[u8], headers: &mut HeaderMap) -> Result<(Value, (Method, Bytes)), BadInput> {
    let line: Line = serde_json::from_slice(line)
        .map_err(|error| Box::new((Value::Null, ".", error.to_string())))?;
    let bad = |field, error: &dyn std::fmt::Display| {
        Box::new((line.id.clone(), field, error.to_string()))
    };
    let body = base64::engine::general_purpose::STANDARD
        .decode(&line.body_base64)
        .map_err(|error| bad("body_base64", &error))?;
    let method = Method::from_bytes(line.http_method.as_bytes())
        .map_err(|error| bad("http_method", &error))?;
    if let Some(media_type) = &line.content_type {
        let value =
            HeaderValue::try_from(media_type).map_err(|error| bad("content_type", &error))?;
        headers.insert(http::header::CONTENT_TYPE, value);
    }
    Ok((line.id, (method, Bytes::from(body))))
}

fn within_limit(body: &Bytes) -> Result<(), Refusal> {
    match u64::try_from(body.len()) {
        Ok(length) if length <= DEFAULT_LIMIT => Ok(()),
        _ => Err(inspect::Fault::TooLarge {
            limit: DEFAULT_LIMIT,
        }
        .into()),
    }
}

fn describe<'a>(id: &'a Value, inspected: &'a Result<Inspected, Refusal>) -> Report<'a> {
    let mut report = Report {
        id,
        verdict: "ok",
        content: Content::default(),
        reason: None,
        status: None,
        code: None,
        message: None,
        elements: Vec::new(),
    };
    match inspected {
        Ok(Inspected::Nothing) => (),
        Ok(Inspected::One(message)) => report.content = content(message),
        Ok(Inspected::Batch(messages)) => {
            report.content.kind = Some("batch");
            report.elements = messages.iter().map(content).collect();
        }
        Err(refusal) => {
            report.verdict = "refused";
            report.content.jsonrpc_id = refusal.id.as_ref().map(crate::Text::as_str);
            report.reason = Some(refusal.reason());
            report.status = refusal.reason().status();
            report.code = Some(refusal.fault.code());
            report.message = Some(refusal.fault.to_string());
        }
    }
    report
}

fn content(message: &Message) -> Content<'_> {
    Content {
        kind: Some(message.kind.as_str()),
        method: message.method.as_ref().map(crate::Text::as_str),
        name: message.name.as_ref().map(crate::Text::as_str),
        jsonrpc_id: message.id.as_ref().map(crate::Text::as_str),
    }
}

fn print(output: &mut impl Write, line: &impl Serialize) -> anyhow::Result<()> {
    serde_json::to_writer(&mut *output, line).context("printing")?;
    output.write_all(b"\n").context("printing")
}

fn header(text: &str) -> anyhow::Result<(HeaderName, HeaderValue)> {
    let Some((name, value)) = text.split_once(':') else {
        bail!("{text:?} isn't 'NAME: VALUE'");
    };
    Ok((
        HeaderName::try_from(name.trim())?,
        HeaderValue::try_from(value.trim())?,
    ))
}

fn json() -> Option<String> {
    Some("application/json".to_owned())
}

fn post() -> String {
    "POST".to_owned()
}
