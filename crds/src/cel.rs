//! A list of texts as CEL has it: the images in admission policies are such literals.

/// The literal, on one line.
pub fn cel_list(texts: &[String]) -> String {
    let quoted: Vec<String> = texts.iter().map(|text| quote(text)).collect();
    format!("[{}]", quoted.join(", "))
}

/// Reads what [`cel_list`] wrote; `None` for anything else.
pub fn read_cel_list(literal: &str) -> Option<Vec<String>> {
    let mut rest = literal.strip_prefix('[')?.strip_suffix(']')?;
    let mut texts = Vec::new();
    while !rest.is_empty() {
        let (text, after) = unquote(rest)?;
        texts.push(text);
        rest = match after.strip_prefix(", ") {
            Some(next) if !next.is_empty() => next,
            Some(_) => return None,
            None if after.is_empty() => after,
            None => return None,
        };
    }
    Some(texts)
}

fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// The text at the beginning, and what follows it.
fn unquote(literal: &str) -> Option<(String, &str)> {
    let mut characters = literal.strip_prefix('\'')?.chars();
    let mut text = String::new();
    loop {
        match characters.next()? {
            '\'' => return Some((text, characters.as_str())),
            '\\' => match characters.next()? {
                escaped @ ('\\' | '\'') => text.push(escaped),
                _ => return None,
            },
            other => text.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_as_it_was_written() {
        let lists: [&[&str]; 4] = [&[], &["a"], &["a'b\\", "c"], &["\\'", "', '"]];
        for list in lists {
            let list: Vec<String> = list.iter().map(|text| (*text).to_owned()).collect();
            assert_eq!(read_cel_list(&cel_list(&list)), Some(list));
        }
        assert_eq!(cel_list(&["a'b\\".into(), "c".into()]), r"['a\'b\\', 'c']");
    }

    #[test]
    fn another_expression_is_no_list() {
        for other in [
            "",
            "params.images",
            "['a'",
            "['a', ]",
            "['a' + 'b']",
            "[a]",
            r"['\n']",
        ] {
            assert_eq!(read_cel_list(other), None, "{other}");
        }
    }
}
