//! Rules about `docs/promises.md`: both languages name the same commands, every promise of the product is there, and every
//! command names tests that exist.

use super::finding::Finding;
use std::collections::{BTreeMap, BTreeSet};

const ENGLISH: &str = "docs/promises.md";
const CHINESE: &str = "docs/promises.zh.md";
const RULE: &str = "promises";
/// The promises that are made, counted from one.
const PROMISES: u32 = 10;

/// What a filter of `cargo test` can match, by package: names of modules and functions of its tests.
pub type Names = BTreeMap<String, BTreeSet<String>>;

/// Checks both texts. `names` is of packages without `datakeep-`.
pub fn check(english: &str, chinese: &str, names: &Names) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, text) in [(ENGLISH, english), (CHINESE, chinese)] {
        for number in (1..=PROMISES).filter(|number| !is_promised(text, *number)) {
            let what = format!("promise {number} is not there");
            findings.push(Finding::error(file, 1, RULE, what, "print it with the tests that hold it"));
        }
        for (line, command) in commands(text) {
            if let Err(what) = names_tests(&command, names) {
                findings.push(Finding::error(file, line, RULE, what, "name the tests as they are called now"));
            }
        }
    }
    let [left, right] = [english, chinese].map(|text| commands(text).into_iter().map(|(_, command)| command));
    let (left, right) = (left.collect::<BTreeSet<_>>(), right.collect::<BTreeSet<_>>());
    for (file, command) in
        left.difference(&right).map(|one| (CHINESE, one)).chain(right.difference(&left).map(|one| (ENGLISH, one)))
    {
        let what = format!("`{command}` is not there");
        findings.push(Finding::error(file, 1, RULE, what, "both languages name the same commands"));
    }
    findings
}

/// Whether a row begins with this promise: `| **3. …`, `| **1, …` or `| **1 to 3, …`.
fn is_promised(text: &str, number: u32) -> bool {
    text.lines().filter_map(|line| line.strip_prefix("| **")).any(|row| {
        let digits: String = row.chars().take_while(char::is_ascii_digit).collect();
        digits.parse() == Ok(number)
    })
}

/// The commands between backticks, each with its line.
fn commands(text: &str) -> Vec<(usize, String)> {
    let of_line = |(at, line): (usize, &str)| {
        let quoted = line.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
        let is_command = |text: &String| text.starts_with("cargo ") || text.starts_with("./x ");
        quoted.into_iter().filter(is_command).map(move |command| (at + 1, command)).collect::<Vec<_>>()
    };
    text.lines().enumerate().flat_map(of_line).collect()
}

/// An error says why the command would run nothing.
fn names_tests(command: &str, names: &Names) -> Result<(), String> {
    let words: Vec<&str> = command.split_whitespace().collect();
    match words.as_slice() {
        ["./x", "soak", ..] => return Ok(()),
        ["cargo", "test", ..] => {}
        _ => return Err(format!("`{command}` is no command that this rule knows")),
    }
    let after = |option: &str| words.iter().position(|word| *word == option).and_then(|at| words.get(at + 1));
    let is_value = |at: usize| ["-p", "--test", "--features"].contains(&words[at - 1]);
    let filter = (2..words.len()).find(|&at| !words[at].starts_with('-') && !is_value(at)).map(|at| words[at]);
    let package = match after("-p") {
        Some(package) => {
            let package = package.strip_prefix("datakeep-").unwrap_or(package);
            Some(names.get(package).ok_or_else(|| format!("`{command}`: there is no package {package}"))?)
        }
        None => None,
    };
    let is_integration = after("--test").is_some();
    if is_integration && !package.is_some_and(|names| names.contains(INTEGRATION)) {
        return Err(format!("`{command}`: the package has no such tests"));
    }
    let Some(filter) = filter else { return Ok(()) };
    let mut all = package.into_iter().chain(names.values().filter(|_| package.is_none())).flatten();
    // A file of the product under the same name does not count.
    match all.any(|name| if is_integration { is_within(name, filter) } else { name.contains(filter) }) {
        true => Ok(()),
        false => Err(format!("`{command}`: no test is called {filter}")),
    }
}

/// Whether a name of an integration test holds the filter anywhere, as `cargo test` matches it.
fn is_within(name: &str, filter: &str) -> bool {
    name.strip_prefix(INTEGRATION).is_some_and(|name| name.contains(filter))
}

/// Stands before names of integration tests.
const INTEGRATION: &str = "it/";

/// Adds what a file gives a filter to match: its own path and the functions in it.
pub fn collect(names: &mut Names, package: &str, path: &str, text: &str) {
    let names = names.entry(package.to_owned()).or_default();
    let (mark, module) = match path.split_once("/tests/it/") {
        Some((_, module)) => (INTEGRATION, module),
        None => ("", path),
    };
    if mark == INTEGRATION {
        names.insert(INTEGRATION.to_owned());
    }
    let module = module.trim_end_matches(".rs").trim_end_matches("/mod").replace('/', "::");
    let functions = text.lines().filter_map(|line| line.trim_start().strip_prefix("fn "));
    let functions = functions.filter_map(|rest| rest.split(['(', '<']).next());
    names.extend(functions.map(|function| format!("{mark}{module}::{function}")));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let mut names = Names::new();
        collect(&mut names, "store", "crates/store/tests/it/crash.rs", "#[test]\nfn a_crash_loses_nothing() {\n");
        collect(&mut names, "store", "crates/store/src/flowers.rs", "pub fn bloom() {\n");
        collect(&mut names, "model", "crates/model/src/lib.rs", "#[test]\nfn it_is() {\n");
        names
    }

    fn page(command: &str) -> String {
        let rows = (1..=PROMISES).map(|number| format!("| **{number}. A promise.** | held | `{command}` |\n"));
        rows.collect()
    }

    #[test]
    fn commands_must_name_tests() {
        for good in [
            "cargo test -p datakeep-store --test it crash",
            "cargo test -p datakeep-store --features object",
            "cargo test --workspace a_crash",
            "./x soak --seconds 5",
        ] {
            assert_eq!(check(&page(good), &page(good), &names()), [], "{good}");
        }
        for wrong in [
            "cargo test -p datakeep-store --test it flood",
            "cargo test -p datakeep-gone",
            "cargo test -p datakeep-model --test it",
            "cargo test -p datakeep-store --test it flowers",
            "cargo test --workspace flood",
            "cargo run --bin x",
        ] {
            assert_eq!(check(&page(wrong), &page(wrong), &names()).len(), 20, "{wrong}");
        }
    }

    #[test]
    fn every_promise_is_there_in_both_languages() {
        let whole = page("./x soak");
        let cut = whole.replacen("| **7. A promise.** | held | `./x soak` |\n", "", 1);
        let found = check(&whole, &cut, &names());
        assert_eq!((found.len(), found[0].file.as_str()), (1, CHINESE));
        let other = whole.replacen("`./x soak`", "`./x soak --plant`", 1);
        assert_eq!(check(&whole, &other, &names()).len(), 1);
    }
}
