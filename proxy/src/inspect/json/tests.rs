use super::*;
use proptest::prelude::*;

fn scan(text: &str) -> Result<(), ScanError> {
    let mut scanner = Scanner::new(text);
    scanner.value()?;
    scanner.finish()
}

#[test]
fn what_the_grammar_allows_is_read() {
    for text in [
        "null",
        " true ",
        "false",
        "0",
        "-0",
        "1.5e+10",
        "-12E3",
        "\"\"",
        "[]",
        "{}",
        "[1, [2], {\"a\": []}]\n",
        r#""\u00e9\ud83d\ude00\/\"\\""#,
        r#"{"":{"":null}}"#,
        "\"\u{10ffff}\u{7f}\"",
    ] {
        assert_eq!(scan(text), Ok(()), "{text}");
    }
}

#[test]
fn what_the_grammar_forbids_is_refused() {
    for text in [
        "",
        " ",
        "nul",
        "True",
        "NaN",
        "Infinity",
        "01",
        "+1",
        "1.",
        ".5",
        "1e",
        "-",
        "0x1",
        "\"",
        "\"\n\"",
        r#""\x""#,
        r#""\u12g4""#,
        r#""\"#,
        "[1,]",
        "[,1]",
        "[1 2]",
        "{",
        "}",
        r#"{"a"}"#,
        r#"{"a":}"#,
        r#"{"a":1,}"#,
        r#"{a:1}"#,
        r#"{'a':1}"#,
        "1 2",
        "{} {}",
        "[1]//",
        "/**/1",
        "\u{feff}1",
        "\u{a0}1",
        "[1]\u{0}",
    ] {
        assert!(
            matches!(scan(text), Err(ScanError::Syntax { .. })),
            "{text}"
        );
    }
}

#[test]
fn sixty_four_levels_are_read_and_no_more() {
    let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    assert_eq!(scan(&nested(64)), Ok(()));
    assert_eq!(scan(&nested(65)), Err(ScanError::TooDeep));
    assert_eq!(scan(&"[".repeat(1_000_000)), Err(ScanError::TooDeep));
}

#[test]
fn levels_are_counted_down_again() {
    let wide = format!("[{}]", vec!["[[]]"; 1000].join(","));
    assert_eq!(scan(&wide), Ok(()));
}

#[test]
fn lone_surrogates_are_grammar_but_no_text() {
    for text in [
        r#""\ud800""#,
        r#""\udc00""#,
        r#""\ud800\ud800""#,
        r#""\ud800x""#,
    ] {
        let value = Scanner::new(text).value().unwrap();
        assert_eq!(
            value.as_str().unwrap().decode(),
            Err(LoneSurrogate),
            "{text}"
        );
    }
}

proptest! {
    #[test]
    fn the_scanner_agrees_with_serde_json_on_any_text(text in "[\\[\\]{}\",:0-9eE.+\\-\\\\untrfalse ]{0,24}") {
        let known = serde_json::from_str::<&serde_json::value::RawValue>(&text).is_ok();
        prop_assert_eq!(scan(&text).is_ok(), known, "{}", text);
    }

    #[test]
    fn a_string_decodes_to_what_was_encoded(content in any::<String>(), ascii in any::<bool>()) {
        let text = if ascii {
            let units: String = content.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
            format!("\"{units}\"")
        } else {
            serde_json::to_string(&content).unwrap()
        };
        let value = Scanner::new(&text).value().unwrap();
        prop_assert_eq!(value.as_str().unwrap().decode().unwrap(), content);
    }
}
