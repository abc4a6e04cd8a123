//! Evidence of a drill: what was found, signed so that it can be verified later (`docs/decisions/0015-drill-evidence.md`).

use super::asserted::Asserted;
use crate::args_drill::DrillVerifyArgs;
use crate::errors::Failure;
use crate::json;
use crate::open::App;
use crate::words::tr;
use datakeep_model::{ErrorKind, ExitCode, Timestamp, escape_for_terminal};
use datakeep_store::{EvidenceKey, Repository, Suite, is_signed};
use serde::Serialize;
use serde_json::{Value, json};
use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Evidence may be so long, in bytes.
const FILE_MAX_BYTES: u64 = 64 << 20;
/// What is signed stands behind this word, so that no signature for another purpose fits.
const DOMAIN: &[u8] = b"datakeep drill evidence 1\n";

/// A table as it was proven.
#[derive(Clone, Debug, Serialize)]
pub struct TableProof {
    /// Its name.
    pub table: String,
    /// Rows that were captured.
    pub rows: u64,
    /// The content root that was captured, in hexadecimal digits.
    pub expected_root: String,
    /// The content root that what was restored has; none where it is another, or was not looked at after another table differed.
    pub found_root: Option<String>,
}

/// What was counted.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Counts {
    /// Entries of files that were compared.
    pub entries: u64,
    /// Bytes of files that were read again.
    pub read_bytes: u64,
    /// Tables that were captured again.
    pub tables: u64,
    /// Rows that were captured again.
    pub rows: u64,
    /// What could not be brought back.
    pub losses: u64,
}

/// What a drill found.
#[derive(Clone, Debug, Serialize)]
pub struct Findings {
    /// `proven`, `partial` or `failed`.
    pub verdict: &'static str,
    /// Why it is not `proven`, in English; no cell of a table stands here.
    pub reasons: Vec<String>,
    /// When it began and ended, by the clock of the machine that did it.
    pub started: String,
    /// See `started`.
    pub finished: String,
    /// The repository.
    pub repository: String,
    /// The snapshot.
    pub snapshot: String,
    /// Its source.
    pub source: String,
    /// What kind of system that is.
    pub kind: String,
    /// When the snapshot was made, by the clock of the machine that made it.
    pub captured: String,
    /// The root of the snapshot's tree.
    pub root: String,
    /// Counts.
    pub counts: Counts,
    /// Tables, where it holds tables.
    pub tables: Vec<TableProof>,
    /// Assertions.
    pub assertions: Vec<Asserted>,
    /// What the target verified itself, in English.
    pub verified: Vec<String>,
    /// How long the restore took.
    pub restore_ms: u64,
    /// How long the proof and the assertions took.
    pub proof_ms: u64,
    /// What it was done with.
    pub versions: Versions,
    /// True where a fault was rehearsed: such a drill proves nothing of the snapshot.
    pub fault_rehearsed: bool,
}

/// What a drill was done with.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Versions {
    /// This program.
    pub datakeep: &'static str,
    /// The major version of the private server, where there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postgres: Option<u32>,
}

/// The signed document.
pub fn signed(findings: &Findings, repository: &Repository) -> Result<Value, Failure> {
    let drill = serde_json::to_value(findings).map_err(|error| {
        Failure::new(ErrorKind::Internal, tr!("cannot write evidence", "无法生成证据")).detail(error.to_string())
    })?;
    let key = repository.evidence_key();
    Ok(document(drill, &key, repository.config().suite != Suite::Plain))
}

fn document(drill: Value, key: &EvidenceKey, is_secret: bool) -> Value {
    let signature = json::hex(&key.sign(&message(&drill)));
    let signature = json!({
        "algorithm": "ed25519", "public_key": json::hex(&key.public()), "value": signature, "key_is_secret": is_secret,
    });
    json!({ "v": 1, "type": "drill-evidence", "drill": drill, "signature": signature })
}

/// What is signed: the findings with names sorted and no blanks, so that a document may be laid out in any way.
fn message(drill: &Value) -> Vec<u8> {
    let mut message = DOMAIN.to_vec();
    canonical(drill, &mut message);
    message
}

fn canonical(value: &Value, into: &mut Vec<u8>) {
    let between = |into: &mut Vec<u8>, at: usize| {
        if at > 0 {
            into.push(b',');
        }
    };
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(name, _)| name.as_str());
            into.push(b'{');
            for (at, (name, value)) in fields.into_iter().enumerate() {
                between(into, at);
                into.extend(Value::String(name.clone()).to_string().bytes());
                into.push(b':');
                canonical(value, into);
            }
            into.push(b'}');
        }
        Value::Array(values) => {
            into.push(b'[');
            for (at, value) in values.iter().enumerate() {
                between(into, at);
                canonical(value, into);
            }
            into.push(b']');
        }
        other => into.extend(other.to_string().bytes()),
    }
}

/// Writes evidence into a new file; its path.
pub fn write(folder: &Path, evidence: &Value, snapshot: &str, at: Timestamp) -> Result<PathBuf, Failure> {
    let name = format!("drill-{}-{}-{:09}.json", &snapshot[..snapshot.len().min(8)], at.seconds, at.nanos);
    let path = folder.join(name);
    let text = serde_json::to_string_pretty(evidence).unwrap_or_default();
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
    let written = made.and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()
    });
    let shown = escape_for_terminal(path.as_os_str().as_encoded_bytes());
    written.map(|()| path).map_err(|error| Failure::io(tr!("cannot write {shown}", "无法写入 {shown}"), &error))
}

#[derive(Serialize)]
struct VerifiedJson<'a> {
    valid: bool,
    snapshot: &'a str,
    verdict: &'a str,
    started: &'a str,
}

/// Runs `drill verify`.
pub fn verify(app: &App, args: &DrillVerifyArgs) -> Result<ExitCode, Failure> {
    let shown = escape_for_terminal(args.file.as_os_str().as_encoded_bytes());
    let evidence = read(&args.file, &shown)?;
    let repository = app.open_to_read()?;
    let drill = &evidence["drill"];
    let text = |name: &str| drill[name].as_str().unwrap_or_default();
    if text("repository") != repository.config().repository.to_hex() {
        let named = escape_for_terminal(text("repository").as_bytes());
        return Err(Failure::usage(tr!(
            "{shown} is evidence of another repository ({named})",
            "{shown} 是另一仓库（{named}）的证据"
        ))
        .hint(tr!("name that one: --repo PLACE", "请指定该仓库：--repo 位置")));
    }
    let is_valid = is_valid(&evidence, &repository.evidence_key());
    let (snapshot, verdict, started) = (text("snapshot"), text("verdict"), text("started"));
    if app.out.json {
        app.out
            .document(&json::document("drill-verify", VerifiedJson { valid: is_valid, snapshot, verdict, started }))?;
    } else if is_valid {
        let [snapshot, verdict, started] =
            [snapshot, verdict, started].map(|text| escape_for_terminal(text.as_bytes()));
        app.out.say(tr!(
            "signed by this repository: drill of snapshot {snapshot} at {started}: {verdict}",
            "由本仓库签名：备份集 {snapshot} 于 {started} 的演练：{verdict}"
        ))?;
    }
    if !is_valid {
        app.out.warn(tr!(
            "{shown} is not what was signed, or not signed by this repository",
            "{shown} 与签名内容不符，或并非由本仓库签名"
        ));
        return Ok(ExitCode::CHECK_FAILED);
    }
    if repository.config().suite == Suite::Plain {
        app.out.warn(tr!(
            "the repository is not encrypted: everybody who can read it could have signed this",
            "该仓库未加密：任何能读取它的人都可能作出此签名"
        ));
    }
    Ok(ExitCode::OK)
}

fn read(path: &Path, shown: &str) -> Result<Value, Failure> {
    let file = std::fs::File::open(path);
    let mut bytes = Vec::new();
    file.and_then(|file| file.take(FILE_MAX_BYTES).read_to_end(&mut bytes))
        .map_err(|error| Failure::io(tr!("cannot read {shown}", "无法读取 {shown}"), &error))?;
    let evidence: Option<Value> = serde_json::from_slice(&bytes).ok();
    let is_known = |evidence: &Value| evidence["type"] == "drill-evidence" && evidence["v"] == 1;
    evidence.filter(is_known).ok_or_else(|| {
        Failure::usage(tr!("{shown} is no evidence of a drill", "{shown} 不是演练证据"))
            .hint(tr!("`datakeep drill --evidence DIR` writes it", "可由 `datakeep drill --evidence 目录` 生成"))
    })
}

/// The key that counts is the repository's own, whatever the document says.
fn is_valid(evidence: &Value, key: &EvidenceKey) -> bool {
    let signature = evidence["signature"]["value"].as_str().and_then(unhex);
    signature.is_some_and(|signature| is_signed(&key.public(), &message(&evidence["drill"]), &signature))
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    digits.len().is_multiple_of(2).then(|| digits.chunks(2).map(pair).collect())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use datakeep_model::RepositoryId;
    use datakeep_process::RootKey;

    fn key(byte: u8) -> EvidenceKey {
        EvidenceKey::derive(&RootKey::from_bytes([byte; 32]), RepositoryId([1; 16]))
    }

    #[test]
    fn evidence_survives_another_layout_and_no_change() {
        let drill = json!({ "verdict": "proven", "b": [1, { "z": null, "a": "北京" }], "a": true });
        let evidence = document(drill, &key(1), true);
        let again: Value = serde_json::from_str(&serde_json::to_string_pretty(&evidence).expect("text")).expect("JSON");
        assert!(is_valid(&again, &key(1)));
        assert!(!is_valid(&again, &key(2)));
        let mut forged = again.clone();
        forged["drill"]["verdict"] = json!("failed");
        assert!(!is_valid(&forged, &key(1)));
        // Somebody else's key in the document convinces nobody.
        let other = document(forged["drill"].clone(), &key(2), true);
        assert!(!is_valid(&other, &key(1)));
    }

    #[test]
    fn what_is_signed_has_one_form() {
        let mut form = Vec::new();
        canonical(&json!({ "b": [1, "x\n"], "a": {} }), &mut form);
        assert_eq!(String::from_utf8(form).expect("text"), r#"{"a":{},"b":[1,"x\n"]}"#);
    }
}
