//! Rules about every text git keeps: nothing of the machine it was written on, and no words that do not belong.

use super::finding::Finding;

/// Folders of one machine, cut in two so that this file does not find itself.
const MACHINE: &[(&str, &str)] = &[("/wo", "rk/"), ("/var/tmp/", "target"), ("/ro", "ot/")];

/// Marks that mean "not done yet", cut in two as well.
const UNDONE: &[(&str, &str)] = &[("FIX", "ME"), ("NO", "COMMIT"), ("<<<<", "<<< "), (">>>>", ">>> ")];

/// Fingerprints of words that do not belong into the project; `cargo xtask tidy --fingerprint WORD` makes one.
const FORBIDDEN: &[u64] = &[
    0x04dc_2554_6038_2976,
    0x2391_9480_3edf_98f7,
    0x2524_b426_1996_11b3,
    0x2ffb_778d_fae5_4384,
    0x7a3c_735f_7f6d_b37f,
    0x7f7a_7547_86a6_64b8,
    0x8a1b_8f4a_0a91_3503,
    0xa113_d274_5d70_6ce3,
];

/// The fingerprint of a word in small letters: FNV-1a, 64 bits (Fowler, Noll, Vo).
pub fn fingerprint(word: &str) -> u64 {
    let fold = |hash: u64, byte: u8| (hash ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x0000_0100_0000_01b3);
    word.bytes().fold(0xcbf2_9ce4_8422_2325, fold)
}

/// All rules about the text of one file.
pub fn check(path: &str, text: &str) -> Vec<Finding> {
    check_with(path, text, FORBIDDEN)
}

fn check_with(path: &str, text: &str, forbidden: &[u64]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let mut say = |rule, what: String, help| findings.push(Finding::error(path, index + 1, rule, what, help));
        for folder in MACHINE.iter().map(|(head, tail)| format!("{head}{tail}")) {
            if begins_path(line, &folder) {
                say(
                    "no-machine-paths",
                    format!("`{folder}` is a place on one machine"),
                    "use a relative or a temporary path",
                );
            }
        }
        for mark in UNDONE.iter().map(|(head, tail)| format!("{head}{tail}")) {
            if line.contains(&mark) {
                say("nothing-undone", format!("`{}` left behind", mark.trim()), "finish it or open an issue");
            }
        }
        let words = line.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
        for word in words.filter(|word| forbidden.contains(&fingerprint(word))) {
            say(
                "no-foreign-words",
                format!("`{word}` does not belong here"),
                "say what the project does, not how it was made",
            );
        }
    }
    findings
}

/// Whether `folder` stands in the line as the beginning of a path, not in the middle of a longer one.
fn begins_path(line: &str, folder: &str) -> bool {
    let inner = |letter: char| letter.is_alphanumeric() || "_-.)}*$~".contains(letter);
    line.match_indices(folder).any(|(at, _)| !line[..at].ends_with(inner))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> Vec<(&'static str, usize)> {
        let found = check_with("a.md", text, &[fingerprint("banana")]);
        found.into_iter().map(|finding| (finding.rule, finding.line)).collect()
    }

    #[test]
    fn places_of_one_machine_are_found() {
        for folder in MACHINE.iter().map(|(head, tail)| format!("{head}{tail}")) {
            assert_eq!(rules(&format!("ok\ncd {folder}x")), [("no-machine-paths", 2)], "{folder}");
            assert_eq!(rules(&format!("$dir{folder}x and ..{folder}x")), [], "{folder}");
        }
    }

    #[test]
    fn undone_work_is_found() {
        for mark in UNDONE.iter().map(|(head, tail)| format!("{head}{tail}")) {
            assert_eq!(rules(&format!("{mark}x")), [("nothing-undone", 1)], "{mark}");
        }
    }

    #[test]
    fn foreign_words_are_found_as_words() {
        assert_eq!(rules("a Banana, b"), [("no-foreign-words", 1)]);
        assert_eq!(rules("bananas are fine"), []);
        assert_eq!(fingerprint("Banana"), fingerprint("banana"));
    }
}
