//! `ListObjectsV2`.

use crate::bucket::{Bucket, Entry};
use crate::call::{Answer, Call};
use crate::checksum::base64;
use crate::fault::Fault;
use crate::objects::{iso_date, quoted};
use crate::query::encode;
use crate::refusal::Refusal;
use crate::world::Scene;
use crate::xml::Document;
use ::base64::Engine;

/// What a client asks for.
struct Wanted<'a> {
    prefix: &'a str,
    delimiter: &'a str,
    /// Only names behind this one.
    after: String,
    /// Everything that begins so was in an earlier page.
    done_prefix: Option<String>,
    page_len: usize,
}

/// One line of a page.
#[derive(Clone)]
enum Line {
    Object(Entry),
    Prefix(String),
}

impl Line {
    /// By which the next page is found: `o` and a name, or `p` and a prefix.
    fn token(&self) -> String {
        base64(
            match self {
                Self::Object(entry) => format!("o{}", entry.key),
                Self::Prefix(prefix) => format!("p{prefix}"),
            }
            .as_bytes(),
        )
    }
}

/// `ListObjectsV2`; `fault` may spoil the page.
pub(crate) fn list(
    bucket: &mut Bucket,
    scene: &Scene<'_>,
    call: &Call,
    fault: Option<&Fault>,
) -> Result<Answer, Refusal> {
    let wanted = wanted(scene, call)?;
    let entries = bucket.listed(scene.tick, scene.dialect.listing_lag_requests);
    let (mut lines, is_cut) = page(entries, &wanted);
    let mut next = lines.last().filter(|_| is_cut).map(Line::token);
    match fault {
        Some(Fault::MissingEntry { nth }) if *nth < lines.len() => drop(lines.remove(*nth)),
        Some(Fault::DoubledEntry { nth }) if *nth < lines.len() => lines.insert(*nth, lines[*nth].clone()),
        Some(Fault::RepeatedToken) => {
            let first = || base64(b"o");
            next = Some(call.query.get("continuation-token").map_or_else(first, str::to_owned));
        }
        _ => {}
    }
    Ok(Answer::document(document(call, &wanted, &lines, next.as_deref())))
}

fn wanted<'a>(scene: &Scene<'_>, call: &'a Call) -> Result<Wanted<'a>, Refusal> {
    let asked = match call.query.get("max-keys") {
        None => 1000,
        Some(text) => text
            .parse::<usize>()
            .map_err(|_| Refusal::invalid_argument("Provided max-keys not an integer or within integer range"))?,
    };
    let mut wanted = Wanted {
        prefix: call.query.get("prefix").unwrap_or_default(),
        delimiter: call.query.get("delimiter").unwrap_or_default(),
        after: call.query.get("start-after").unwrap_or_default().to_owned(),
        done_prefix: None,
        page_len: asked.min(scene.dialect.page_len).min(1000),
    };
    if let Some(token) = call.query.get("continuation-token") {
        let wrong = || Refusal::invalid_argument("The continuation token provided is incorrect");
        let bytes = ::base64::prelude::BASE64_STANDARD.decode(token).map_err(|_| wrong())?;
        let text = String::from_utf8(bytes).map_err(|_| wrong())?;
        match text.split_at_checked(1) {
            Some(("o", key)) => wanted.after = key.to_owned(),
            Some(("p", prefix)) => (wanted.after, wanted.done_prefix) = (prefix.to_owned(), Some(prefix.to_owned())),
            _ => return Err(wrong()),
        }
    }
    Ok(wanted)
}

/// The lines of one page, and whether there are more behind it.
fn page(entries: Vec<Entry>, wanted: &Wanted<'_>) -> (Vec<Line>, bool) {
    let mut lines: Vec<Line> = Vec::new();
    let is_done = |key: &str| {
        key <= wanted.after.as_str() && !wanted.after.is_empty()
            || wanted.done_prefix.as_ref().is_some_and(|prefix| key.starts_with(prefix))
    };
    for entry in entries.into_iter().filter(|entry| entry.key.starts_with(wanted.prefix) && !is_done(&entry.key)) {
        let common = common_prefix(&entry.key, wanted);
        if let (Some(common), Some(Line::Prefix(last))) = (&common, lines.last())
            && common == last
        {
            continue;
        }
        if lines.len() == wanted.page_len {
            return (lines, wanted.page_len > 0);
        }
        lines.push(common.map_or(Line::Object(entry), Line::Prefix));
    }
    (lines, false)
}

/// The beginning of a name up to the first delimiter behind the prefix.
fn common_prefix(key: &str, wanted: &Wanted<'_>) -> Option<String> {
    let rest = key.get(wanted.prefix.len()..).filter(|_| !wanted.delimiter.is_empty())?;
    let end = rest.find(wanted.delimiter)? + wanted.delimiter.len();
    Some(format!("{}{}", wanted.prefix, &rest[..end]))
}

fn document(call: &Call, wanted: &Wanted<'_>, lines: &[Line], next: Option<&str>) -> Document {
    let is_encoded = call.query.get("encoding-type") == Some("url");
    let name = |text: &str| if is_encoded { encode(text) } else { text.to_owned() };
    let mut document = Document::new();
    document.root("ListBucketResult").text("Name", &call.bucket).text("Prefix", &name(wanted.prefix));
    for (query, element) in [("delimiter", "Delimiter"), ("start-after", "StartAfter")] {
        if let Some(value) = call.query.get(query) {
            document.text(element, &name(value));
        }
    }
    if is_encoded {
        document.text("EncodingType", "url");
    }
    if let Some(token) = call.query.get("continuation-token") {
        document.text("ContinuationToken", token);
    }
    document.text("KeyCount", &lines.len().to_string()).text("MaxKeys", &wanted.page_len.to_string());
    document.text("IsTruncated", if next.is_some() { "true" } else { "false" });
    if let Some(token) = next {
        document.text("NextContinuationToken", token);
    }
    for line in lines {
        match line {
            Line::Object(entry) => {
                document.open("Contents").text("Key", &name(&entry.key));
                document.text("LastModified", &iso_date(entry.modified)).text("ETag", &quoted(&entry.etag));
                document.text("Size", &entry.len_bytes.to_string()).text("StorageClass", "STANDARD");
                document.close("Contents");
            }
            Line::Prefix(prefix) => {
                document.open("CommonPrefixes").text("Prefix", &name(prefix)).close("CommonPrefixes");
            }
        }
    }
    document.close("ListBucketResult");
    document
}
