//! Whatever comes, something well-formed is answered, and nothing panics.
//!
//! The corpus is changed as bytes and as JSON. Without `MCP_CASES` and `MCP_FUZZ_SECONDS` the
//! changes are the same ones every time.

use std::time::{Duration, Instant};

use axum::Router;
use axum::http::StatusCode;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::app::{ask, path, post, read_patch, routes};

const ENDPOINTS: [&str; 3] = ["/default", "/validate", "/inject"];
/// Of each property in `make test`.
const CASES: u32 = 500;
/// Bits of reviews, to be put anywhere.
const TOKENS: [&str; 16] = [
    "null",
    "{}",
    "[]",
    "\"\"",
    "0",
    "-1",
    "1e400",
    "18446744073709551616",
    "true",
    ",",
    ":",
    "\"",
    "\\u0000",
    "{\"uid\":",
    "\"object\":",
    "\u{feff}",
];

fn corpus() -> Vec<Vec<u8>> {
    let folder = std::fs::read_dir(path("../fuzz-corpus")).unwrap();
    let mut files: Vec<_> = folder.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|found| found == "json"));
    files.sort();
    files
        .iter()
        .map(|file| std::fs::read(file).unwrap())
        .collect()
}

/// Where bodies are sent.
struct Place {
    runtime: Runtime,
    router: Router,
}

impl Place {
    fn new() -> Self {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        Self {
            runtime: builder.enable_all().build().unwrap(),
            router: routes(),
        }
    }
}

/// Tries the property on a round of cases, and on further rounds until the time is over.
fn hold<S: Strategy>(
    strategy: &S,
    property: impl Fn(&Place, S::Value) -> Result<(), TestCaseError>,
) {
    let number = |name| {
        std::env::var(name)
            .ok()
            .map(|text| text.parse::<u32>().unwrap())
    };
    let (cases, seconds) = (number("MCP_CASES"), number("MCP_FUZZ_SECONDS"));
    let end = Instant::now() + Duration::from_secs(seconds.unwrap_or(0).into());
    let place = Place::new();
    loop {
        let config = Config {
            cases: cases.unwrap_or(CASES),
            failure_persistence: None,
            ..Config::default()
        };
        let mut runner = if cases.is_none() && seconds.is_none() {
            let same = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
            TestRunner::new_with_rng(config, same)
        } else {
            TestRunner::new(config)
        };
        match runner.run(strategy, |case| property(&place, case)) {
            Ok(()) => (),
            Err(TestError::Fail(why, case)) => {
                panic!("{why}\nadd to webhook/fuzz-corpus: {case:?}")
            }
            Err(error) => panic!("{error}"),
        }
        if Instant::now() >= end {
            return;
        }
    }
}

/// The answer to a body, if it is one that may be given to this body.
fn answered(place: &Place, endpoint: &str, body: &[u8]) -> Result<Option<Value>, TestCaseError> {
    let (status, text) = place
        .runtime
        .block_on(ask(place.router.clone(), post(endpoint, body.to_vec())));
    if status != StatusCode::OK {
        prop_assert!(
            status == StatusCode::BAD_REQUEST || status == StatusCode::PAYLOAD_TOO_LARGE,
            "{}: {}",
            status,
            text
        );
        prop_assert!(!text.is_empty());
        return Ok(None);
    }
    let mut answer: Value =
        serde_json::from_str(&text).map_err(|e| TestCaseError::fail(e.to_string()))?;
    let sent: Value =
        serde_json::from_slice(body).map_err(|e| TestCaseError::fail(e.to_string()))?;
    prop_assert_eq!(&answer["apiVersion"], "admission.k8s.io/v1");
    prop_assert_eq!(&answer["kind"], "AdmissionReview");
    let response = answer["response"].clone();
    prop_assert_eq!(&response["uid"], &sent["request"]["uid"]);
    prop_assert!(
        response["auditAnnotations"]["code"].is_string(),
        "{response}"
    );
    prop_assert_eq!(
        response.get("patch").is_some(),
        response.get("patchType").is_some()
    );
    let allowed = response["allowed"].as_bool();
    let code = response["status"]["code"].as_u64();
    match allowed {
        Some(true) => prop_assert_eq!(code, None),
        _ => prop_assert!(code == Some(403) || code == Some(422), "{response}"),
    }
    read_patch(&mut answer);
    Ok(Some(answer))
}

/// That its patch only adds, applies to the object, and leaves nothing to add.
fn patch_is_final(place: &Place, endpoint: &str, review: &Value) -> Result<(), TestCaseError> {
    let Some(answer) = answered(place, endpoint, review.to_string().as_bytes())? else {
        return Ok(());
    };
    let Some(patch) = answer["response"].get("patch") else {
        return Ok(());
    };
    prop_assert!(
        patch.as_array().unwrap().iter().all(|op| op["op"] == "add"),
        "{patch}"
    );
    let ops: json_patch::Patch = serde_json::from_value(patch.clone()).unwrap();
    let mut after = review.clone();
    let applied = json_patch::patch(&mut after["request"]["object"], &ops);
    applied.map_err(|error| TestCaseError::fail(format!("{error}: {patch}")))?;
    let again = answered(place, endpoint, after.to_string().as_bytes())?;
    let again = again.map(|answer| answer["response"].get("patch").cloned());
    prop_assert_eq!(again, Some(None));
    Ok(())
}

/// A change of bytes at a place.
#[derive(Clone, Debug)]
enum Cut {
    Put(Index, u8),
    Insert(Index, &'static str),
    Remove(Index, Index),
    /// What stands in one place also in another.
    Copy(Index, Index, Index),
}

fn cuts() -> impl Strategy<Value = Vec<Cut>> {
    let at = any::<Index>;
    let cut = prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Cut::Put(at, byte)),
        (at(), prop::sample::select(&TOKENS[..])).prop_map(|(at, token)| Cut::Insert(at, token)),
        (at(), at()).prop_map(|(from, to)| Cut::Remove(from, to)),
        (at(), at(), at()).prop_map(|(from, to, at)| Cut::Copy(from, to, at)),
    ];
    prop::collection::vec(cut, 1..6)
}

fn cut(body: &mut Vec<u8>, cut: &Cut) {
    let place = |index: &Index, body: &[u8]| index.index(body.len() + 1);
    let range = |a: &Index, b: &Index, body: &[u8]| {
        let (a, b) = (place(a, body), place(b, body));
        a.min(b)..a.max(b).min(a.min(b) + 64)
    };
    match cut {
        Cut::Put(at, byte) => {
            let at = place(at, body);
            if let Some(found) = body.get_mut(at) {
                *found = *byte;
            }
        }
        Cut::Insert(at, token) => {
            let at = place(at, body);
            body.splice(at..at, token.bytes());
        }
        Cut::Remove(from, to) => {
            body.drain(range(from, to, body));
        }
        Cut::Copy(from, to, at) => {
            let (copied, at) = (body[range(from, to, body)].to_vec(), place(at, body));
            body.splice(at..at, copied);
        }
    }
}

#[test]
fn any_bytes_get_an_answer() {
    let corpus = corpus();
    let strategy = (prop::sample::select(corpus), cuts());
    hold(&strategy, |place, (mut body, cuts)| {
        cuts.iter().for_each(|one| cut(&mut body, one));
        for endpoint in ENDPOINTS {
            answered(place, endpoint, &body)?;
        }
        Ok(())
    });
}

/// What may stand anywhere in an object that somebody applies.
fn odd() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        Just(json!({})),
        Just(json!([])),
        Just(json!([null, {}, [[]], ""])),
        Just(json!({"name": "forecast", "": {"a/b~c": null}})),
        prop::sample::select(vec![
            "",
            "high",
            "a:b@sha256:c",
            "/..//",
            "1e9Gi",
            "-1h",
            "9999-99-99",
            "{{}}"
        ])
        .prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        Just(Value::from("x".repeat(5000))),
    ]
}

/// Every node of an object, as pointers.
fn pointers(value: &Value, at: &str, all: &mut Vec<String>) {
    all.push(at.to_owned());
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let name = name.replace('~', "~0").replace('/', "~1");
                pointers(member, &format!("{at}/{name}"), all);
            }
        }
        Value::Array(items) => {
            for (n, item) in items.iter().enumerate() {
                pointers(item, &format!("{at}/{n}"), all);
            }
        }
        _ => (),
    }
}

#[test]
fn any_object_gets_an_answer_and_its_patch_applies_and_is_final() {
    let reviews: Vec<Value> = corpus()
        .iter()
        .filter_map(|body| serde_json::from_slice(body).ok())
        .filter(|review: &Value| review["request"]["object"].is_object())
        .collect();
    assert!(reviews.len() > 10, "{}", reviews.len());
    let change = (any::<Index>(), odd(), any::<bool>());
    let strategy = (
        prop::sample::select(reviews),
        prop::collection::vec(change, 0..5),
    );
    hold(&strategy, |place, (mut review, changes)| {
        for (at, odd, inside) in changes {
            let mut all = Vec::new();
            pointers(&review["request"]["object"], "/request/object", &mut all);
            match review.pointer_mut(at.get::<String>(&all)) {
                Some(Value::Object(members)) if inside => {
                    members.insert("name".into(), odd);
                }
                Some(Value::Array(items)) if inside => items.push(odd),
                Some(node) => *node = odd,
                None => (),
            }
        }
        let kind = review["request"]["kind"]["kind"].as_str().unwrap();
        let own: &[&str] = match kind {
            "Pod" => &["/inject"],
            _ => &["/default", "/validate"],
        };
        own.iter()
            .try_for_each(|endpoint| patch_is_final(place, endpoint, &review))
    });
}

#[test]
fn every_file_of_the_corpus_gets_an_answer_everywhere() {
    let place = Place::new();
    for body in corpus() {
        for endpoint in ENDPOINTS {
            let answer = answered(&place, endpoint, &body);
            assert!(
                answer.is_ok(),
                "{}: {answer:?}",
                String::from_utf8_lossy(&body)
            );
        }
    }
}
