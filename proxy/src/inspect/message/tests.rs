use super::*;

fn one(body: &str) -> Result<Message<'_>, Refused<'_>> {
    match parse(body.as_bytes(), false)? {
        Parsed::One(message) => Ok(message),
        Parsed::Batch(_) => panic!("{body} was read as a batch"),
    }
}

fn fault(body: &str) -> Fault {
    one(body).expect_err(body).fault
}

#[test]
fn a_tool_call_is_a_request_with_a_name_and_its_id_as_written() {
    let body = r#" {"jsonrpc":"2.0", "id" : 1.0 ,"method":"tools/call","params":{"name":"echo","arguments":{"name":"x","name":"y"}}} "#;
    assert_eq!(
        one(body),
        Ok(Message {
            kind: Kind::Request,
            method: Some("tools/call".into()),
            name: Some("echo".into()),
            id: Some("1.0"),
            text: body.trim(),
        })
    );
}

#[test]
fn escapes_in_keys_and_names_are_decoded_before_anything_is_decided() {
    let body = r#"{"jsonrpc":"2.0","id":"\u0061","m\u0065thod":"tools\/c\u0061ll","params":{"n\u0061me":"\u0064elete"}}"#;
    let message = one(body).unwrap();
    assert_eq!(message.method.as_deref(), Some("tools/call"));
    assert_eq!(message.name.as_deref(), Some("delete"));
    assert_eq!(message.id, Some(r#""\u0061""#));
}

#[test]
fn requests_notifications_and_responses_are_told_apart() {
    for (body, kind) in [
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#, Kind::Request),
        (
            r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
            Kind::Notification,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"result":{"name":1}}"#,
            Kind::Response,
        ),
        (
            r#"{"jsonrpc":"2.0","id":"a","error":{"code":1,"message":""}}"#,
            Kind::Response,
        ),
        (
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":""}}"#,
            Kind::Response,
        ),
        (
            r#"{"jsonrpc":"2.0","error":{"code":-32700,"message":""}}"#,
            Kind::Response,
        ),
    ] {
        assert_eq!(one(body).map(|message| message.kind), Ok(kind), "{body}");
    }
}

#[test]
fn each_method_names_what_its_revision_says() {
    for (method, params, name) in [
        ("tools/call", r#"{"name":"t"}"#, Some("t")),
        ("call_tool", r#"{"name":"t"}"#, Some("t")),
        ("prompts/get", r#"{"name":"p","uri":"u"}"#, Some("p")),
        (
            "resources/read",
            r#"{"uri":"demo://a","name":"n"}"#,
            Some("demo://a"),
        ),
        (
            "resources/subscribe",
            r#"{"uri":"demo://a"}"#,
            Some("demo://a"),
        ),
        ("tasks/result", r#"{"taskId":"k1"}"#, Some("k1")),
        (
            "completion/complete",
            r#"{"ref":{"type":"ref/prompt","name":"p"}}"#,
            Some("p"),
        ),
        (
            "completion/complete",
            r#"{"ref":{"type":"ref/resource","uri":"u"}}"#,
            Some("u"),
        ),
        ("tools/list", r#"{"name":7,"cursor":"c"}"#, None),
        ("prompts/get", "{}", None),
        ("ping", "null", None),
    ] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
        assert_eq!(one(&body).unwrap().name.as_deref(), name, "{body}");
    }
}

#[test]
fn what_two_readers_could_take_differently_is_refused() {
    for (body, expected) in [
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}"#,
            Fault::DuplicateKey {
                level: "the message",
            },
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","METHOD":"tools/call"}"#,
            Fault::MistakableKey {
                level: "the message",
                key: "method",
            },
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","method\u0000":1,"\u006dethod":"x"}"#,
            Fault::DuplicateKey {
                level: "the message",
            },
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","Name":"b"}}"#,
            Fault::MistakableKey {
                level: "params",
                key: "name",
            },
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a"},"params":{}}"#,
            Fault::DuplicateKey {
                level: "the message",
            },
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","_meta":{"x":1,"x":2}}}"#,
            Fault::DuplicateKey {
                level: "params._meta",
            },
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"name":"a","NAME":"b"}}}"#,
            Fault::MistakableKey {
                level: "params.ref",
                key: "name",
            },
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"name":"a","uri":"b"}}}"#,
            Fault::AmbiguousReference,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}"#,
            Fault::NoKind,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"result":{},"error":{}}"#,
            Fault::NoKind,
        ),
        (r#"{"jsonrpc":"2.0","id":1}"#, Fault::NoKind),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call"}"#,
            Fault::NotAString {
                member: "params.name",
            },
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":7}}"#,
            Fault::NotAString {
                member: "params.name",
            },
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":["ping"]}"#,
            Fault::NotAString { member: "method" },
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"\ud800"}}"#,
            Fault::LoneSurrogate {
                member: "params.name",
            },
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"\udfff"}"#,
            Fault::LoneSurrogate { member: "method" },
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","\ud800":1}"#,
            Fault::LoneSurrogate {
                member: "the message",
            },
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":["a"]}"#,
            Fault::Params,
        ),
        (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, Fault::Id),
        (r#"{"jsonrpc":"2.0","id":[1],"method":"ping"}"#, Fault::Id),
        (
            r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#,
            Fault::Version,
        ),
        (r#"{"jsonrpc":2.0,"id":1,"method":"ping"}"#, Fault::Version),
        (r#"{"id":1,"method":"ping"}"#, Fault::Version),
        ("\u{feff}{}", Fault::ByteOrderMark),
        ("", Fault::NotJson { at: 0 }),
        (r#""ping""#, Fault::NotAnObject),
        ("[]", Fault::BatchNotSupported),
        ("[1", Fault::NotJson { at: 2 }),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"ping"}{}"#,
            Fault::NotJson { at: 40 },
        ),
    ] {
        assert_eq!(fault(body), expected, "{body}");
    }
}

#[test]
fn bytes_that_are_no_utf8_are_refused() {
    let body = b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}";
    assert_eq!(parse(body, false), Err(Fault::NotUtf8.into()));
}

#[test]
fn the_id_is_answered_to_where_there_is_just_one() {
    for (body, id) in [
        (
            r#"{"method":"ping","METHOD":"x","jsonrpc":"2.0","id":7}"#,
            Some("7"),
        ),
        (r#"{"id":7,"jsonrpc":"1.0","method":"ping"}"#, Some("7")),
        (r#"{"id":7,"id":8,"jsonrpc":"2.0","method":"ping"}"#, None),
        (r#"{"id":7,"ID":8,"jsonrpc":"2.0","method":"ping"}"#, None),
        (r#"{"id":{},"jsonrpc":"2.0","method":"ping"}"#, None),
        (r#"{"id":7,"jsonrpc":"2.0","method":"#, None),
    ] {
        assert_eq!(one(body).unwrap_err().id, id, "{body}");
    }
}

fn batch_of(body: &str) -> Result<Vec<Message<'_>>, Fault> {
    match parse(body.as_bytes(), true).map_err(|refused| refused.fault)? {
        Parsed::Batch(messages) => Ok(messages),
        Parsed::One(_) => panic!("{body} was read as one message"),
    }
}

#[test]
fn a_batch_keeps_each_message_with_its_own_bytes() {
    let first = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    let second = r#"{ "jsonrpc":"2.0","method":"notifications/x" }"#;
    let body = format!("[ {first} ,{second}]");
    let messages = batch_of(&body).unwrap();
    let texts: Vec<&str> = messages.iter().map(|message| message.text).collect();
    assert_eq!(texts, [first, second]);
}

#[test]
fn a_batch_with_one_bad_message_is_bad() {
    let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    let initialize = r#"{"jsonrpc":"2.0","id":1,"method":"initialize"}"#;
    for (body, expected) in [
        ("[]".to_owned(), Fault::EmptyBatch),
        (format!("[{ping},1]"), Fault::NotAnObject),
        (format!("[{ping},[{ping}]]"), Fault::NotAnObject),
        (format!("[{ping},{initialize}]"), Fault::InitializeInBatch),
        (format!("[{ping},{{}}]"), Fault::Version),
        (format!("[{ping},]"), Fault::NotJson { at: ping.len() + 2 }),
        (
            format!("[{}]", vec![ping; MAX_BATCH + 1].join(",")),
            Fault::LongBatch { limit: MAX_BATCH },
        ),
    ] {
        assert_eq!(batch_of(&body), Err(expected), "{body:.60}");
    }
    assert_eq!(
        batch_of(&format!("[{}]", vec![ping; MAX_BATCH].join(","))).map(|all| all.len()),
        Ok(MAX_BATCH)
    );
}
