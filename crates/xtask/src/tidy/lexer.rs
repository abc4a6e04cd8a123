//! Just enough of Rust's lexical grammar (Rust Reference, "Lexical structure") to tell code from comments and text,
//! and tests from the product.

/// The source with every comment, string and character replaced by spaces: same bytes, same lines, code only.
pub fn code_only(source: &str) -> String {
    let bytes = source.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let end = skipped(bytes, at);
        if end > at {
            out.extend(bytes[at..end].iter().map(|&byte| if byte == b'\n' { b'\n' } else { b' ' }));
            at = end;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Where the comment or literal that begins at `at` ends; `at` itself when code stands there.
fn skipped(bytes: &[u8], at: usize) -> usize {
    let rest = &bytes[at..];
    let after_word = at > 0 && is_word(bytes[at - 1]);
    match rest {
        [b'/', b'/', ..] => at + rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len()),
        [b'/', b'*', ..] => at + block_comment(rest),
        [b'"', ..] => at + quoted(rest, b'"'),
        [b'\'', ..] => at + character(rest),
        [b'r', ..] | [b'b' | b'c', b'r', ..] if !after_word => at + raw_string(rest),
        _ => at,
    }
}

/// Whether a byte can stand inside an identifier.
pub fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

fn block_comment(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        match rest[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] if depth == 1 => return at + 2,
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    rest.len()
}

fn quoted(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// The length of a character literal; zero when the quote begins a lifetime.
fn character(rest: &[u8]) -> usize {
    match rest {
        [_, b'\\', ..] => quoted(rest, b'\''),
        [_, first, tail @ ..] => {
            let width = if *first < 0x80 { 0 } else { tail.iter().take_while(|&&byte| byte & 0xc0 == 0x80).count() };
            if tail.get(width) == Some(&b'\'') { width + 3 } else { 0 }
        }
        _ => 0,
    }
}

/// The length of a raw string literal; zero when an identifier begins here.
fn raw_string(rest: &[u8]) -> usize {
    let prefix = if rest[0] == b'r' { 1 } else { 2 };
    let hashes = rest[prefix..].iter().take_while(|&&byte| byte == b'#').count();
    let open = prefix + hashes;
    if rest.get(open) != Some(&b'"') {
        return 0;
    }
    let mut close = vec![b'#'; hashes + 1];
    close[0] = b'"';
    let body = &rest[open + 1..];
    let end = body.windows(close.len()).position(|window| window == close.as_slice());
    end.map_or(rest.len(), |end| open + 1 + end + close.len())
}

/// What a file says about its tests.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tests {
    /// One flag for each line: whether it belongs to a test item.
    pub lines: Vec<bool>,
    /// Names of modules in other files that are only compiled for tests.
    pub modules: Vec<String>,
    /// Whether the whole file is compiled for tests only.
    pub whole: bool,
}

/// Finds the items under `#[cfg(test)]` and `#[test]` in code made by [`code_only`].
pub fn tests_in(code: &str) -> Tests {
    let mut tests =
        Tests { lines: vec![false; code.lines().count()], whole: code.contains("#![cfg(test)]"), ..Tests::default() };
    for mark in ["#[cfg(test)]", "#[cfg(all(test", "#[test]"] {
        for (start, _) in code.match_indices(mark) {
            let item = &code[start + mark.len()..];
            let stop = item.find(['{', ';']).unwrap_or(item.len());
            let length = if item[stop..].starts_with('{') { stop + braces(&item[stop..]) } else { stop + 1 };
            if item[stop..].starts_with(';') {
                tests.modules.extend(module_name(&item[..stop]));
            }
            let first = line_of(code, start);
            let last = line_of(code, (start + mark.len() + length).min(code.len()));
            for flag in tests.lines.iter_mut().take(last).skip(first - 1) {
                *flag = true;
            }
        }
    }
    tests
}

fn module_name(item: &str) -> Option<String> {
    let mut words = item.split_whitespace();
    words.find(|&word| word == "mod").and_then(|_| words.next()).map(str::to_owned)
}

/// The length of the balanced braces `code` begins with.
fn braces(code: &str) -> usize {
    let mut depth = 0_usize;
    for (index, byte) in code.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth <= 1 => return index + 1,
            b'}' => depth -= 1,
            _ => {}
        }
    }
    code.len()
}

/// The line, counted from one, on which the byte at `offset` stands.
pub fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset].iter().filter(|&&byte| byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: &str, code: &str) {
        assert_eq!(code_only(source).split_whitespace().collect::<Vec<_>>().join(" "), code);
        assert_eq!(code_only(source).len(), source.len());
        assert_eq!(code_only(source).lines().count(), source.lines().count());
    }

    #[test]
    fn comments_and_text_disappear() {
        check("a // unsafe\nb", "a b");
        check("a /* x /* y */ unsafe */ b", "a b");
        check(r#"f("un\"safe", 'u', '\'', '"', b'x', "é") + 'é'"#, "f( , , , , b , ) +");
        check("r\"a\\\" + r#\"b\" unsafe\"# + br##\"c\"# \"## + d", "+ + + d");
        check("fn f<'a>(x: &'a str) -> &'static str { x }", "fn f<'a>(x: &'a str) -> &'static str { x }");
        check("let r = bar; r#type", "let r = bar; r#type");
    }

    #[test]
    fn test_items_are_known() {
        let code = "use a;\n#[cfg(test)]\nmod tests {\n fn f() { }\n}\nfn g() {}\n#[cfg(test)]\nmod more;\nfn h() {}\n";
        let tests = tests_in(code);
        assert_eq!(tests.lines, [false, true, true, true, true, false, true, true, false]);
        assert_eq!(tests.modules, ["more"]);
        assert!(!tests.whole);
        assert!(tests_in("#![cfg(test)]\n").whole);
    }
}
