//! Commands that people paste.

/// A word as a shell takes it: what is pasted does nothing but what it says, whoever wrote the word.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@,+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_string();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_for_a_shell() {
        assert_eq!(quoted("office:/a/b"), "office:/a/b");
        assert_eq!(quoted("*.sh"), "'*.sh'");
        assert_eq!(quoted("hold:$(x) `y`"), "'hold:$(x) `y`'");
        assert_eq!(quoted("it's"), "'it'\\''s'");
    }
}
