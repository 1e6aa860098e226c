//! The keys that decide what a message means, and what could be taken for one of them.
//!
//! Decoders differ: Go's matches keys without regard to case and lets the last of two win,
//! others take the first. A message on which two of them could disagree is refused.

use std::collections::HashSet;

use unicode_normalization::UnicodeNormalization as _;

/// Keys that are looked at, at every governed level.
const GOVERNED: [&str; 12] = [
    "jsonrpc",
    "id",
    "method",
    "params",
    "result",
    "error",
    "name",
    "uri",
    "arguments",
    "_meta",
    "ref",
    "taskId",
];

/// Up to this many keys are compared one by one; a larger object gets a set.
const FEW: usize = 16;

/// The governed key that `key` equals after NFKC and case folding without being it.
pub(super) fn mistaken_for(key: &str) -> Option<&'static str> {
    if key.is_ascii() {
        return GOVERNED
            .into_iter()
            .find(|governed| key.eq_ignore_ascii_case(governed) && key != *governed);
    }
    // No governed key holds "ss", the one ASCII text that full case folding makes out of
    // another letter (ß), so that folding character by character finds the same keys.
    let folded: String = key.nfkc().flat_map(char::to_lowercase).nfkc().collect();
    GOVERNED
        .into_iter()
        .find(|governed| folded.eq_ignore_ascii_case(governed))
}

/// The keys of one object, to find a second of the same name.
#[derive(Debug, Default)]
pub(super) struct Keys<'a> {
    few: Vec<std::borrow::Cow<'a, str>>,
    many: HashSet<std::borrow::Cow<'a, str>>,
}

impl<'a> Keys<'a> {
    /// Takes a key in; false where it was there already.
    pub(super) fn insert(&mut self, key: std::borrow::Cow<'a, str>) -> bool {
        if self.many.is_empty() {
            if self.few.contains(&key) {
                return false;
            }
            if self.few.len() < FEW {
                self.few.push(key);
                return true;
            }
            self.many.extend(self.few.drain(..));
        }
        self.many.insert(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_governed_key_is_not_mistaken_for_itself() {
        for key in GOVERNED {
            assert_eq!(mistaken_for(key), None);
        }
    }

    #[test]
    fn other_cases_forms_and_letters_are_found() {
        for (key, governed) in [
            ("METHOD", "method"),
            ("Name", "name"),
            ("taskid", "taskId"),
            ("TASKID", "taskId"),
            ("paramſ", "params"),
            ("tas\u{212a}Id", "taskId"),
            ("ｍｅｔｈｏｄ", "method"),
            ("𝓷𝓪𝓶𝓮", "name"),
            ("ⓤⓡⓘ", "uri"),
            ("ＩＤ", "id"),
        ] {
            assert_eq!(mistaken_for(key), Some(governed), "{key}");
        }
    }

    #[test]
    fn other_keys_are_left_alone() {
        for key in [
            "",
            "names",
            "method ",
            "progressToken",
            "größe",
            "имя",
            "met\u{200b}hod",
        ] {
            assert_eq!(mistaken_for(key), None, "{key}");
        }
    }

    #[test]
    fn a_key_given_twice_is_found_in_small_and_large_objects() {
        for size in [1, FEW - 1, FEW, FEW + 1, 10 * FEW] {
            let mut keys = Keys::default();
            for number in 0..size {
                assert!(keys.insert(format!("k{number}").into()));
            }
            assert!(!keys.insert("k0".into()), "{size}");
            assert!(!keys.insert(format!("k{}", size - 1).into()), "{size}");
        }
    }
}
