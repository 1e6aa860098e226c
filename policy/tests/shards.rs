//! Documents whose sessions lie in shards: the same decisions, and what of a shard that isn't
//! as listed.

use std::io::Write as _;

use jiff::Timestamp;
use mcp_policy::corpus::cases;
use mcp_policy::{
    Document, Parsed, Policy, PolicyError, Reason, Request, RevokedSession, SESSION_SHARDS, Server,
    Session, SessionShard, ShardFault, Subject, decide, explain, no_shards, pack_shard, shard_file,
};
use proptest::prelude::*;

use crate::generate::{now, situation, strip};

/// Shards in memory, in order.
fn of(shards: &[Vec<u8>]) -> impl Fn(&str) -> Result<Vec<u8>, ShardFault> {
    move |name: &str| {
        let mut numbered = shards.iter().enumerate();
        match numbered.find(|(n, _)| shard_file(*n) == name) {
            Some((_, bytes)) => Ok(bytes.clone()),
            None => Err(ShardFault::Missing),
        }
    }
}

fn session(name: &str) -> Session {
    Session {
        name: name.into(),
        human_id: "ann".into(),
        ..Session::default()
    }
}

fn document(sessions: Vec<Session>) -> Document {
    Document {
        schema_version: "v1".into(),
        server: Server {
            name: "shop".into(),
            namespace: "team-a".into(),
            ..Server::default()
        },
        sessions,
        ..Document::default()
    }
}

/// A document that lists shards with these bytes, whatever they are.
fn listing(shards: &[Vec<u8>]) -> Document {
    let listed = shards.iter().enumerate();
    Document {
        session_shards: listed
            .map(|(n, bytes)| SessionShard::of(n, bytes))
            .collect(),
        ..document(Vec::new())
    }
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(text).unwrap();
    gzip.finish().unwrap()
}

/// What ann's request ends with when she presents a session.
fn presenting(policy: &Policy, session: &str) -> Reason {
    let request = Request {
        subject: Ok(Subject {
            human: "ann",
            ..Subject::default()
        }),
        session: Some(session),
        method: Some("initialize"),
        ..Request::default()
    };
    let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    decide(Some(policy), &request, now).reason
}

#[test]
fn every_case_of_the_corpus_ends_the_same_with_its_sessions_in_shards() {
    let mut with_sessions = 0;
    for case in cases().unwrap() {
        let Some(document) = case.document().unwrap() else {
            continue;
        };
        with_sessions += usize::from(!document.sessions.is_empty());
        let whole = case.policy().unwrap();
        let (sharded, shards) = document.into_shards().unwrap();
        assert_eq!((sharded.sessions.len(), shards.len()), (0, SESSION_SHARDS));
        let sharded = Policy::of(&sharded, &of(&shards)).unwrap();
        let now = case.given.now.unwrap_or(Timestamp::UNIX_EPOCH);
        let request = case.request();
        let ends = |policy| {
            let explained = explain(policy, &request, now);
            (strip(explained.decision), explained.steps)
        };
        assert_eq!(ends(Some(&sharded)), ends(whole.as_ref()), "{}", case.name);
    }
    assert!(with_sessions > 20, "{with_sessions}");
}

proptest! {
    #[test]
    fn a_document_in_shards_decides_as_the_whole_one(s in situation()) {
        let (sharded, shards) = s.document.clone().into_shards().unwrap();
        let whole = Policy::try_from(&s.document);
        let sharded = Policy::of(&sharded, &of(&shards));
        prop_assert_eq!(whole.is_ok(), sharded.is_ok());
        let (Ok(whole), Ok(sharded)) = (whole, sharded) else { return Ok(()) };
        let ends = |policy: &Policy| strip(decide(Some(policy), &s.asked.request(), now()));
        prop_assert_eq!(ends(&sharded), ends(&whole));
        prop_assert_eq!(sharded.session_count(), whole.session_count());
    }

    #[test]
    fn no_bytes_of_a_shard_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for shard in [bytes.clone(), gzip(&bytes)] {
            let shards = [shard];
            let read = Policy::of(&listing(&shards), &of(&shards));
            prop_assert!(bytes.is_empty() || read.is_err(), "{:?}", read);
        }
    }
}

#[test]
fn a_shard_that_isnt_as_listed_is_named_with_its_fault() {
    let good = pack_shard(&[session("a")]).unwrap();
    let listed = listing(std::slice::from_ref(&good));
    let fault = |shard: Vec<u8>| match Policy::of(&listed, &of(&[shard])) {
        Err(PolicyError::Shard { name, fault }) => {
            assert_eq!(name, "sessions-0.ndjson.gz");
            fault
        }
        other => panic!("{other:?}"),
    };
    assert!(Policy::of(&listed, &of(std::slice::from_ref(&good))).is_ok());
    let mut torn = good.clone();
    torn.truncate(good.len() / 2);
    let stranger = pack_shard(&[session("b")]).unwrap();
    for shard in [torn, stranger, Vec::new()] {
        assert!(matches!(fault(shard), ShardFault::Sha256 { .. }));
    }
    assert_eq!(
        Policy::of(&listed, &no_shards).unwrap_err().to_string(),
        "session shard sessions-0.ndjson.gz isn't there"
    );
    assert_eq!(
        Policy::try_from(&listed).unwrap_err(),
        Policy::of(&listed, &no_shards).unwrap_err()
    );
}

#[test]
fn content_that_the_platform_never_writes_is_refused_though_it_is_listed() {
    let a = r#"{"name":"a"}"#;
    let whole = gzip(a.as_bytes());
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (a.into(), "isn't whole gzip: "),
        (Vec::new(), "isn't whole gzip: "),
        (whole[..whole.len() - 3].to_vec(), "isn't whole gzip: "),
        (
            [&whole[..], b"more"].concat(),
            "has more bytes after its end",
        ),
        (
            [&whole[..], &whole[..]].concat(),
            "has more bytes after its end",
        ),
        (gzip(b"{\"name\":\"a\"}\n\n"), "line 2 isn't a session: "),
        (gzip(b"{\"name\":\"a\"} {}\n"), "line 1 isn't a session: "),
        (
            gzip(b"[\"a\"]\n"),
            "line 1 isn't a session: it isn't an object",
        ),
        (gzip(b"{\"name\":7}\n"), "line 1 isn't a session: "),
        (
            gzip(b"{\"name\":\"a\",\"name\":\"b\"}\n"),
            "line 1 isn't a session: ",
        ),
        (gzip(b"\xff\n"), "line 1 isn't a session: "),
        (gzip(b"{}\n"), "line 1: sessions[1].name is missing"),
        (
            gzip(b"{\"name\":\"a\",\"consented_trust\":\"lots\"}"),
            "line 1: sessions[team-a/a].consented_trust is \"lots\"",
        ),
        (
            gzip(format!("{a}\n{a}\n").as_bytes()),
            "line 2: sessions[team-a/a] is there twice",
        ),
        (
            gzip(&vec![b'x'; 70_000]),
            "line 1 has more than 65536 bytes",
        ),
        (
            gzip(
                (0..40_000)
                    .map(|n| format!("{{\"name\":\"{n}\"}}\n"))
                    .collect::<String>()
                    .as_bytes(),
            ),
            "has more than 32768 lines",
        ),
    ];
    for (shard, says) in cases {
        let shards = [shard];
        let error = Policy::of(&listing(&shards), &of(&shards))
            .unwrap_err()
            .to_string();
        let expected = format!("session shard sessions-0.ndjson.gz {says}");
        assert!(error.starts_with(&expected), "{error}\n{expected}");
    }
}

/// A megabyte that would be a gigabyte: reading ends at the bound.
#[test]
fn a_gzip_bomb_ends_at_the_bound() {
    let line = [
        format!("{{\"name\":\"a\"{}", " ".repeat(60_000)).as_bytes(),
        b"}\n",
    ]
    .concat();
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    bomb.write_all(&line).unwrap();
    for n in 0..400 {
        let name = format!("{{\"name\":\"{n}\"{}}}\n", " ".repeat(60_000));
        bomb.write_all(name.as_bytes()).unwrap();
    }
    let shards = [bomb.finish().unwrap()];
    let error = Policy::of(&listing(&shards), &of(&shards)).unwrap_err();
    let PolicyError::Shard { fault, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(fault, ShardFault::Inflated);
    let too_large = mcp_policy::read_shard(std::io::repeat(0)).unwrap_err();
    assert_eq!(too_large, ShardFault::TooLarge);
}

#[test]
fn a_session_in_two_shards_or_in_document_and_shard_is_refused() {
    let shard = pack_shard(&[session("a")]).unwrap();
    let shards = [shard.clone(), shard];
    let error = Policy::of(&listing(&shards), &of(&shards))
        .unwrap_err()
        .to_string();
    let twice = "line 1: sessions[team-a/a] is there twice";
    assert_eq!(error, format!("session shard sessions-1.ndjson.gz {twice}"));
    let both = Document {
        sessions: vec![session("a")],
        ..listing(&shards[..1])
    };
    let error = Policy::of(&both, &of(&shards)).unwrap_err().to_string();
    assert_eq!(error, format!("session shard sessions-0.ndjson.gz {twice}"));
}

#[test]
fn shards_are_listed_by_their_names_once_with_a_hash() {
    let shard = pack_shard(&[session("a")]).unwrap();
    let good = SessionShard::of(0, &shard);
    let error = |listed: &[SessionShard]| {
        let document = Document {
            session_shards: listed.to_vec(),
            ..document(Vec::new())
        };
        Policy::of(&document, &|name| panic!("{name} was read"))
            .unwrap_err()
            .to_string()
    };
    for name in [
        "",
        "sessions-16.ndjson.gz",
        "../sessions-0.ndjson.gz",
        "sessions-00.ndjson.gz",
    ] {
        let named = SessionShard {
            name: name.into(),
            ..good.clone()
        };
        assert!(
            error(&[named]).starts_with("session_shards[0].name is "),
            "{name}"
        );
    }
    for sha256 in ["", "ab", &good.sha256.to_uppercase()] {
        let hashed = SessionShard {
            sha256: sha256.into(),
            ..good.clone()
        };
        assert!(
            error(&[hashed]).starts_with("session_shards[0].sha256 is "),
            "{sha256}"
        );
    }
    assert_eq!(
        error(&[good.clone(), good]),
        "session_shards[sessions-0.ndjson.gz] is there twice"
    );
}

#[test]
fn the_revision_covers_the_shards() {
    let revision = |name| {
        document(vec![session(name)])
            .into_shards()
            .unwrap()
            .0
            .compute_revision()
    };
    assert_eq!(revision("a"), revision("a"));
    assert_ne!(revision("a"), revision("b"));
}

#[test]
fn a_member_of_a_shard_that_isnt_known_is_no_policy_but_its_denials_count() {
    let good = Policy::try_from(&document(vec![session("a"), session("b"), session("c")])).unwrap();
    let shards = [gzip(
        b"{\"name\":\"a\",\"revoked\":true}\n{\"name\":\"b\",\"quota\":3}\n",
    )];
    let newer = listing(&shards);
    let error = Policy::of(&newer, &of(&shards)).unwrap_err().to_string();
    assert_eq!(error, "unknown_member: sessions-0.ndjson.gz:2.quota");
    let after = good.with_denials_of(&newer, &of(&shards));
    assert_eq!(
        ["a", "b", "c"].map(|name| presenting(&after, name)),
        [
            Reason::SessionRevoked,
            Reason::Allowed,
            Reason::SessionNotFound
        ]
    );
}

#[test]
fn while_a_shard_is_late_nothing_is_gone_but_what_is_revoked_is() {
    let names = ["a", "b", "c"];
    let good = Policy::try_from(&document(names.map(session).to_vec())).unwrap();
    let revoked = Session {
        revoked: true,
        ..session("a")
    };
    let shards = [
        pack_shard(&[revoked]).unwrap(),
        pack_shard(&[session("d")]).unwrap(),
    ];
    let newer = Document {
        revoked_sessions: vec![RevokedSession {
            namespace: String::new(),
            name: "b".into(),
        }],
        ..listing(&shards)
    };
    let after = good.with_denials_of(&newer, &of(&shards[..1]));
    assert_eq!(
        names.map(|name| presenting(&after, name)),
        [
            Reason::SessionRevoked,
            Reason::SessionRevoked,
            Reason::Allowed
        ]
    );
    assert_eq!(presenting(&after, "d"), Reason::SessionNotFound);
    let lasting = good.with_lately_revoked(&newer).unwrap();
    assert_eq!(
        names.map(|name| presenting(&lasting, name)),
        [Reason::Allowed, Reason::SessionRevoked, Reason::Allowed]
    );
    assert!(lasting.with_lately_revoked(&newer).is_none());
}

/// What was revoked lately is so although the shards, older or not, say otherwise.
#[test]
fn revoked_lately_wins_over_the_shards() {
    let (sharded, shards) = document(vec![session("a"), session("b")])
        .into_shards()
        .unwrap();
    let newer = Document {
        revoked_sessions: vec![RevokedSession {
            namespace: "team-a".into(),
            name: "a".into(),
        }],
        ..sharded
    };
    let parsed = Parsed {
        document: newer,
        unknown: Vec::new(),
    };
    let policy = Policy::with_shards(&parsed, &of(&shards)).unwrap();
    assert_eq!(
        ["a", "b"].map(|name| presenting(&policy, name)),
        [Reason::SessionRevoked, Reason::Allowed]
    );
}

/// A document from elsewhere doesn't make a reader leave its folder.
#[test]
fn the_denials_of_a_document_read_only_shards() {
    let good = Policy::try_from(&document(vec![session("a")])).unwrap();
    let newer = Document {
        session_shards: vec![SessionShard {
            name: "../secret".into(),
            sha256: String::new(),
        }],
        ..document(Vec::new())
    };
    let after = good.with_denials_of(&newer, &|name| panic!("{name} was read"));
    assert_eq!(presenting(&after, "a"), Reason::Allowed);
}
