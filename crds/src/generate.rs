//! Objects made by chance, for tests here and on a cluster: of a schema's shape, each optional member there or
//! not, each string from the edges of the shapes that rules ask for.

#![allow(
    clippy::indexing_slicing,
    reason = "JSON values are indexed by key, which gives null where there is none"
)]

mod cases;

use proptest::{prelude::*, sample::select};
use serde_json::{Map, Value, json};

use crate::{Kind, default::apply, nodes, schema};

pub use cases::{Case, Cases, SEES_MORE};

/// Strings that are almost something: the edge of each shape that a rule asks for.
pub(crate) const EDGES: &[&str] = &[
    "",
    " ",
    "a",
    "A",
    "-",
    "a-",
    "-a",
    "a b",
    "a\tb",
    "a.b",
    "a..b",
    "..a",
    ".",
    "..",
    "/",
    "//",
    "/a",
    "a/",
    "/a/../b",
    "a//b",
    "/a~b/c_d/",
    "*",
    "*.example.com",
    "*.*.com",
    "example.com",
    "Example.com",
    "a:80",
    "0",
    "00",
    "0%",
    "000%",
    "1",
    "100%",
    "0100%",
    "101%",
    "9999%",
    "99999%",
    "25%",
    "%",
    "1%%",
    "999999999",
    "9999999999",
    "50m",
    "0.5",
    ".5",
    "1.",
    "1e3",
    "1E3",
    "1E",
    "1Ei",
    "1e+3",
    "1e333",
    "-1",
    "+1",
    "128Mi",
    "128mi",
    "500m",
    "1h",
    "1h30m",
    "1.5h",
    ".5s",
    "1.s",
    "1d",
    "h",
    "0s",
    "0h0m",
    "1us",
    "1\u{b5}s",
    "1\u{3bc}s",
    "http://",
    "http://a",
    "https://a/b?c",
    "http://a b",
    "http://u@h",
    "http://[::1]:80/x",
    "http://localhost",
    "http://localhost:8091",
    "http://localhost:8091/a:1",
    "http://127.0.0.1:0",
    "http://127.0.0.1:65535",
    "http://127.0.0.1:65536",
    "http://127.0.0.256",
    "http://127.0.0.01",
    "http://127.1",
    "http://128.0.0.1",
    "https://127.0.0.1",
    "http://127.0.0.1:8091/\u{e9}",
    "http://localhost.evil",
    "external",
    "managed",
    "Canary",
    "Recreate",
    "oauth",
    "mtls",
    "header",
    "none",
    "traefik",
    "nginx",
    "mcp-proxy",
    "mcp-gateway",
    "X-MCP",
    "X:Y",
    "X_Y",
    "1A",
    "_a",
    "payments",
    "payments-mcp",
    "\u{e9}",
    "\u{2003}",
];

/// Networks and what is almost one.
pub(crate) const NETWORKS: &[&str] = &[
    "10.0.0.0/8",
    "10.1.2.3/8",
    "10.0.0.0/0",
    "10.0.0.0/33",
    "10.0.0/8",
    "10.0.0.0/",
    "10.0.0.0/a",
    "2001:db8::/32",
    "2001:db8::/129",
    "::/0",
    "::ffff:10.0.0.0/104",
    "fe80::%eth0/64",
    "10.0.0.0",
];

/// What a limit can be compared with.
const QUANTITIES: &[&str] = &[
    "", "0", "50m", "0.5", "1", "500m", "1e3", "1E", "1Ei", "128Mi", "0.1Gi", "1500u", "one",
];

/// Where the gateway may send requests, and where it may not.
const UPSTREAMS: &[&str] = &[
    "http://127.0.0.1:8088",
    "http://localhost:8091",
    "http://[::1]:8091",
    "http://127.0.0.1:8092/mcp",
    "http://127.9.0.2:8088/@team/mcp",
    "http://localhost",
    "https://127.0.0.1",
    "http://10.0.0.1",
    "",
];

/// Prefixes of a route, and what is none.
const PREFIXES: &[&str] = &["/", "//", "a", "/a/b", "a/../b", "a b", ""];

/// Times, and what isn't one.
const TIMES: &[&str] = &[
    "2026-01-02T15:04:05Z",
    "2026-01-02T15:04:05.123+02:00",
    "2026-01-02",
    "15:04:05",
    "2026-13-02T15:04:05Z",
    "tomorrow",
    "",
];

/// How many pods.
const AMOUNTS: &[&str] = &["", "0", "00", "0%", "1", "25%", "0100%", "101%", "half"];

fn text() -> impl Strategy<Value = Value> {
    prop_oneof![
        1 => Just(json!(" ")),
        12 => select(EDGES).prop_map(|text| json!(text)),
        3 => "[a-zA-Z0-9./:%_~*@ -]{0,12}".prop_map(|text| json!(text)),
    ]
}

/// A value of a schema's shape, each optional member there or not, each string from the edges or the enum.
fn value_of(schema: &Value) -> BoxedStrategy<Value> {
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        return select(words.clone()).boxed();
    }
    match schema["type"].as_str() {
        Some("string") if schema["format"] == "date-time" => {
            select(TIMES).prop_map(|text| json!(text)).boxed()
        }
        Some("string") => text().boxed(),
        Some("boolean") => any::<bool>().prop_map(Value::from).boxed(),
        Some("integer") => select(vec![0, 1, 2, 3, 80, 8088, 8091, 9103])
            .prop_map(Value::from)
            .boxed(),
        Some("array") => {
            let plain = schema.get("x-kubernetes-list-type").is_none();
            proptest::collection::vec(value_of(&schema["items"]), 0..4)
                .prop_map(move |items| twice(items, plain))
                .boxed()
        }
        _ => object_of(schema),
    }
}

/// The section that says who is logged in, half of the time with tokens: that mode asks for most.
fn logins(schema: &Value) -> BoxedStrategy<Value> {
    let with_tokens = |(mut section, tokens): (Value, bool)| {
        if tokens {
            section["mode"] = json!("oauth");
        }
        section
    };
    (value_of(schema), any::<bool>())
        .prop_map(with_tokens)
        .boxed()
}

/// A long list that may have an item twice has one.
fn twice(mut items: Vec<Value>, plain: bool) -> Value {
    if plain && items.len() == 3 {
        items[2] = items[0].clone();
    }
    Value::from(items)
}

fn object_of(schema: &Value) -> BoxedStrategy<Value> {
    let none = Map::new();
    let properties = schema["properties"].as_object().unwrap_or(&none);
    let required: Vec<&str> = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let members: Vec<_> = properties
        .iter()
        .map(|(name, property)| {
            let value = match name.as_str() {
                "upstreamURL" => select(UPSTREAMS).prop_map(|text| json!(text)).boxed(),
                "publicPathPrefix" => select(PREFIXES).prop_map(|text| json!(text)).boxed(),
                "auth" => logins(property),
                "cpu" | "memory" => select(QUANTITIES).prop_map(|text| json!(text)).boxed(),
                "maxUnavailable" | "maxSurge" => {
                    select(AMOUNTS).prop_map(|text| json!(text)).boxed()
                }
                "cidrs" => proptest::collection::vec(select(NETWORKS), 0..4)
                    .prop_map(|texts| json!(texts))
                    .boxed(),
                _ => value_of(property),
            };
            let value = value.prop_map(Some);
            let value = if required.contains(&name.as_str()) {
                value.boxed()
            } else {
                prop_oneof![2 => Just(None), 3 => value].boxed()
            };
            let name = name.clone();
            value.prop_map(move |value| Some((name.clone(), value?)))
        })
        .collect();
    members
        .prop_map(|members| Value::Object(members.into_iter().flatten().collect()))
        .boxed()
}

/// An object of a kind, without the defaults of its schema.
pub fn object(kind: Kind) -> impl Strategy<Value = Value> {
    let schema = serde_json::to_value(schema::schema(kind)).unwrap_or_default();
    let spec = value_of(&schema["properties"]["spec"]);
    // Only servers have rules about their names; the API server has some about everyone's, and
    // asks for one that isn't there before it looks at any rule.
    let (name, generate_name) = match kind {
        Kind::Server => (
            text().prop_filter("a name", |name| name != "").boxed(),
            proptest::option::of(text()).boxed(),
        ),
        _ => (Just(json!("payments")).boxed(), Just(None).boxed()),
    };
    (name, generate_name, spec).prop_map(move |(name, generate_name, spec)| {
        let mut object = json!({
            "apiVersion": format!("{}/{}", crate::names::GROUP, crate::names::VERSION),
            "kind": kind.as_str(),
            "metadata": {"name": name},
            "spec": spec,
        });
        if let Some(generate_name) = generate_name {
            object["metadata"]["generateName"] = generate_name;
        }
        object
    })
}

/// The object with the defaults of its schema, as rules see it.
pub(crate) fn filled(kind: Kind, object: &Value) -> Value {
    let mut object = object.clone();
    let mut adds = Vec::new();
    let root = nodes::Path::Root;
    schema::defaults(kind).missing(&object, &root, &mut adds);
    for add in &adds {
        apply(&mut object, add);
    }
    object
}
