//! Finds secrets in bytes, in the forms in which they slip out.

use crate::world::files;
use std::fs;
use std::path::{Path, PathBuf};

/// Secrets, each in all its forms.
#[derive(Default)]
pub struct Scanner {
    forms: Vec<(String, Vec<u8>)>,
}

impl Scanner {
    /// Adds a secret: as it is, in hexadecimal and base64, and as a list of numbers, as `Debug` prints bytes.
    pub fn add(&mut self, name: &str, secret: &[u8]) {
        assert!(secret.len() >= 8, "{name} is too short to be told from chance");
        let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        let list = format!("{secret:?}");
        let mut form = |kind: &str, bytes: &[u8]| self.forms.push((format!("{name}, {kind}"), bytes.to_vec()));
        form("as it is", secret);
        form("in hexadecimal", hex.as_bytes());
        form("in capital hexadecimal", hex.to_uppercase().as_bytes());
        form("as numbers", list.trim_matches(['[', ']']).as_bytes());
        for shift in 0..3 {
            let standard = base64_core(secret, shift);
            form("in base64", standard.as_bytes());
            form("in base64 for addresses", standard.replace('+', "-").replace('/', "_").as_bytes());
        }
        if let Ok(text) = std::str::from_utf8(secret) {
            form("in small letters", text.to_lowercase().as_bytes());
            form("in capital letters", text.to_uppercase().as_bytes());
            form("backwards", text.chars().rev().collect::<String>().as_bytes());
        }
    }

    /// The secrets in these bytes.
    pub fn found(&self, bytes: &[u8]) -> Vec<&str> {
        let holds = |form: &[u8]| bytes.windows(form.len()).any(|window| window == form);
        self.forms.iter().filter(|(_, form)| holds(form)).map(|(name, _)| name.as_str()).collect()
    }

    /// The secrets in all files below a folder, the names of the files included; `but` are left out.
    pub fn found_below(&self, folder: &Path, but: &[PathBuf]) -> Vec<String> {
        let mut found = Vec::new();
        for path in files(folder).into_iter().filter(|path| !but.iter().any(|but| path.starts_with(but))) {
            // What is no file of its own, such as a pipe, holds nothing.
            let bytes = if path.is_file() { fs::read(&path).unwrap_or_default() } else { Vec::new() };
            let name = path.as_os_str().as_encoded_bytes();
            found.extend([&bytes[..], name].iter().flat_map(|bytes| {
                self.found(bytes)
                    .into_iter()
                    .map(|secret| format!("{secret} in {}", path.display()))
                    .collect::<Vec<_>>()
            }));
        }
        found
    }
}

/// The part of a secret's base64 form that does not depend on what stands around it, when `shift` bytes of a group of
/// three stand before it.
fn base64_core(secret: &[u8], shift: usize) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let padded = [&vec![0; shift][..], secret].concat();
    let bit = |at: usize| usize::from(padded[at / 8] >> (7 - at % 8) & 1);
    let whole = |first: usize| first >= shift * 8 && first + 6 <= padded.len() * 8;
    let digit = |first: usize| (0..6).fold(0, |value, at| value << 1 | bit(first + at));
    (0..padded.len() * 8).step_by(6).filter(|first| whole(*first)).map(|at| char::from(ALPHABET[digit(at)])).collect()
}

#[test]
fn a_planted_leak_is_found() {
    let mut scanner = Scanner::default();
    scanner.add("token", b"canary-planted-token");
    let transcript = |leak: &str| format!("opened the repository\n{leak}\nexit code 12\n");
    let leaks = [
        "password: canary-planted-token",
        "63616e6172792d706c616e7465642d746f6b656e",
        "Secret([99, 97, 110, 97, 114, 121, 45, 112, 108, 97, 110, 116, 101, 100, 45, 116, 111, 107, 101, 110])",
        "Y2FuYXJ5LXBsYW50ZWQtdG9rZW4=",
        // With one and with two bytes before it.
        "eGNhbmFyeS1wbGFudGVkLXRva2Vu",
        "eHhjYW5hcnktcGxhbnRlZC10b2tlbg==",
        "CANARY-PLANTED-TOKEN",
    ];
    for leak in leaks {
        assert!(!scanner.found(transcript(leak).as_bytes()).is_empty(), "{leak}");
    }
    assert_eq!(scanner.found(transcript("canary-planted-toke").as_bytes()), Vec::<&str>::new());
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("deep")).unwrap();
    fs::write(folder.path().join("deep/state"), "x canary-planted-token").unwrap();
    assert!(!scanner.found_below(folder.path(), &[]).is_empty());
    assert_eq!(scanner.found_below(folder.path(), &[folder.path().join("deep")]), Vec::<String>::new());
}
