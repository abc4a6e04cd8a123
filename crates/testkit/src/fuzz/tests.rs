//! The harness must find what is planted, and the table must know every decoder.

use super::*;
use std::collections::BTreeSet;

#[global_allocator]
static HEAP: CountedHeap = CountedHeap;

/// A made-up format: a length, then so many bytes.
fn encoded(body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32).to_le_bytes(), body].concat()
}

fn parts(input: &[u8]) -> Option<(usize, &[u8])> {
    let (len, rest) = input.split_at_checked(4)?;
    Some((u32::from_le_bytes(len.try_into().ok()?) as usize, rest))
}

fn sound(input: &[u8]) -> Verdict {
    match parts(input) {
        Some((len, rest)) if len == rest.len() => Verdict::Same(encoded(rest)),
        _ => Verdict::Refused,
    }
}

/// Takes its room before it looks whether that much is there.
fn trusts_a_length(input: &[u8]) -> Verdict {
    let Some((len, rest)) = parts(input) else { return Verdict::Refused };
    let room = std::hint::black_box(Vec::<u8>::with_capacity(len & 0xfff_ffff));
    drop(room);
    if len == rest.len() { Verdict::Same(encoded(rest)) } else { Verdict::Refused }
}

fn takes_more(input: &[u8]) -> Verdict {
    match parts(input) {
        Some((len, rest)) if len <= rest.len() => Verdict::Taken,
        _ => Verdict::Refused,
    }
}

fn panics(input: &[u8]) -> Verdict {
    let Some((len, rest)) = parts(input) else { return Verdict::Refused };
    if rest.get(len.wrapping_sub(1)).is_none() && rest[..len.min(rest.len())].len() != len && len < 80 {
        panic!("a planted bug");
    }
    sound(input)
}

fn has_two_spellings(input: &[u8]) -> Verdict {
    match input {
        [b'0', digit] | [digit] if digit.is_ascii_digit() => Verdict::Same(vec![*digit]),
        _ => Verdict::Refused,
    }
}

fn never_settles(input: &[u8]) -> Verdict {
    Verdict::Like([input, b"x"].concat())
}

fn dawdles(input: &[u8]) -> Verdict {
    if input.len() > 40 {
        let begun = Instant::now();
        while begun.elapsed() <= SLOW {
            std::hint::spin_loop();
        }
    }
    Verdict::Taken
}

fn outcome(run: fn(&[u8]) -> Verdict, seeds: Vec<Vec<u8>>) -> Result<Tally, Fault> {
    let target = Target::bytes("planted", seeds, run);
    try_target(&target, &[], 1, None)
}

#[test]
fn planted_bugs_are_found() {
    let seeds = || vec![encoded(b"first"), encoded(&[7; 40])];
    let tally = outcome(sound, seeds()).expect("nothing is wrong with it");
    assert!(tally.tries > 500 && tally.taken > 2, "{tally:?}");
    let found = |run, words: &str| {
        let fault = outcome(run, seeds()).expect_err(words);
        assert!(fault.why.contains(words), "{fault:?}");
        fault
    };
    let huge = found(trusts_a_length, "bytes of memory");
    assert!(huge.input.len() < 200 && huge.seed.is_some(), "{huge:?}");
    found(takes_more, "too many is taken");
    found(panics, "it panics");
    let fault = outcome(has_two_spellings, vec![b"7".to_vec()]).expect_err("two spellings");
    assert!(fault.why.contains("its encoder writes"), "{fault:?}");
    let fault = outcome(never_settles, vec![Vec::new()]).expect_err("it never settles");
    assert!(fault.why.contains("something else"), "{fault:?}");
    let target = Target::text("planted", &["0123456789012345678901234567890123456789"], dawdles);
    let fault = try_target(&target, &[vec![b'a'; 41]], 1, None).expect_err("it dawdles");
    assert!(fault.why.contains("it takes"), "{fault:?}");
    let fault = outcome(|_| Verdict::Refused, seeds()).expect_err("nothing is taken");
    assert!(fault.why.contains("a valid input is refused"), "{fault:?}");
}

#[test]
fn a_fault_is_repeated_by_its_seed() {
    let target = Target::bytes("planted", vec![encoded(b"first")], trusts_a_length);
    let fault = try_target(&target, &[], 1, None).expect_err("planted");
    let again = try_target(&target, &[], fault.seed.expect("harmed"), None).expect_err("planted");
    assert_eq!(fault.input, again.input);
    let shown = words("store", "planted", &fault);
    assert!(shown.contains("again: DATAKEEP_SEED=") && shown.contains("cargo test -p datakeep-store fuzz"), "{shown}");
}

#[test]
fn a_committed_input_is_replayed() {
    let target = Target::bytes("planted", vec![encoded(b"first")], |input| {
        assert!(input.len() < 9_999, "a planted bug");
        sound(input)
    });
    assert!(try_target(&target, &[vec![0; 9_999]], 1, Some(Duration::ZERO)).is_err());
    assert!(try_target(&target, &[vec![0; 9_998]], 1, Some(Duration::ZERO)).is_ok());
}

/// Packages that read what others wrote.
const PACKAGES: [&str; 10] = [
    "model",
    "connector",
    "process",
    "process-table",
    "store-blob",
    "store",
    "source-files",
    "engine",
    "distribute",
    "manage",
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for path in std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") && !path.ends_with("tests.rs") {
            found.push(path);
        }
    }
}

/// Names of the functions that a file of the product has.
fn functions(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).expect("a source file");
    let product = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let name = |after: &str| after.split(|c: char| !c.is_alphanumeric() && c != '_').next().map(str::to_string);
    let begins = |line: &&str| !line.trim_start().starts_with("//");
    product
        .lines()
        .filter(begins)
        .filter_map(|line| line.split_once("fn ").and_then(|(_, after)| name(after)))
        .collect()
}

/// Called like decoders, and given no bytes that others wrote.
const NO_DECODERS: [(&str, &str); 8] = [
    ("process", "seal.rs::from_key"),
    // A comparison with a few words.
    ("manage", "words.rs::parse"),
    // A target itself; and a comparison with three words.
    ("store", "format/tests/fuzz.rs::decode_forwards"),
    ("store-blob", "probe.rs::parse"),
    // They read an object and hand it to a decoder that has a target.
    ("store", "pack/tail.rs::decode_trailer"),
    ("store", "decisions.rs::decode_decision"),
    // Tried by the program's target `location`.
    ("store-blob", "object/settings.rs::parse"),
    ("store-blob", "object/settings.rs::parse_rest"),
];

fn is_decoder(name: &str) -> bool {
    ["decode", "parse"].iter().any(|word| name == *word || name.starts_with(&format!("{word}_")))
        || name == "from_hex"
        || name == "from_key"
}

fn all_functions() -> BTreeSet<(String, String)> {
    let crates = crate::crates_folder();
    let mut found = BTreeSet::new();
    for package in PACKAGES.iter().copied().chain(["cli"]) {
        let (folder, mut paths) = (crates.join(package).join("src"), Vec::new());
        sources(&folder, &mut paths);
        assert!(!paths.is_empty(), "{package} has no sources");
        for path in paths {
            let file = path.strip_prefix(&folder).expect("below").to_string_lossy().into_owned();
            found.extend(functions(&path).into_iter().map(|name| (package.to_string(), format!("{file}::{name}"))));
        }
    }
    found
}

/// Whoever writes a decoder writes its target: this is the list.
#[test]
fn every_decoder_has_a_target() {
    let all = all_functions();
    let listed: BTreeSet<(String, String)> = TABLE
        .iter()
        .flat_map(|row| row.functions.iter().map(|function| (row.package.to_string(), function.to_string())))
        .collect();
    let decoders = all.iter().filter(|(_, function)| is_decoder(function.rsplit("::").next().unwrap_or_default()));
    let known = |(package, function): &(String, String)| NO_DECODERS.contains(&(package.as_str(), function.as_str()));
    let missing: Vec<_> = decoders.filter(|function| !listed.contains(function) && !known(function)).collect();
    assert!(missing.is_empty(), "no target: {missing:#?}");
    let gone: Vec<_> = listed.difference(&all).collect();
    assert!(gone.is_empty(), "listed and not there: {gone:#?}");
    let targets: BTreeSet<_> = TABLE.iter().map(|row| (row.package, row.target)).collect();
    assert_eq!(targets.len(), TABLE.len(), "a target is listed twice");
    assert!(is_decoder("decode_page") && is_decoder("parse") && !is_decoder("sparse") && !is_decoder("decoder"));
}

/// Committed inputs of targets that nobody tries prove nothing.
#[test]
fn committed_inputs_belong_to_targets() {
    for package in std::fs::read_dir(corpus_folder()).expect("the corpus").flatten().filter(|e| e.path().is_dir()) {
        for target in std::fs::read_dir(package.path()).expect("a folder").flatten() {
            let (package, target) = (package.file_name(), target.file_name());
            let known = TABLE.iter().any(|row| package == row.package && target == row.target);
            assert!(known, "{package:?}/{target:?}");
        }
    }
}
