//! Uploads in parts that nobody will complete: they cost money and no listing shows them.

use super::fault::{self, xml_field};
use super::settings::Service;
use super::{ObjectStore, Settings};
use crate::BlobError;
use http::{Method, Request};
use opendal::{Buffer, HttpTransport};

/// An upload this old by the store's clock belongs to a writer that died. One that lives would only send again.
pub(super) const LEFTOVER_AGE_SECONDS: i64 = 24 * 3600;
/// Pages of a listing that are followed.
const MOST_PAGES: usize = 1000;

struct Upload {
    key: String,
    id: String,
    begun_seconds: i64,
}

/// Ends uploads of this repository that are old enough; returns how many. Other services than S3: set a lifecycle rule.
pub(super) fn clear(store: &ObjectStore) -> Result<u64, BlobError> {
    if store.settings.place.service != Service::S3 {
        return Ok(0);
    }
    let mut ended = 0;
    for upload in list(store)? {
        let Some(now_seconds) = store.door.date_seconds() else { break };
        if now_seconds.saturating_sub(upload.begun_seconds) < LEFTOVER_AGE_SECONDS {
            continue;
        }
        let url = format!(
            "{}/{}?uploadId={}",
            bucket_url(&store.settings),
            encode(&upload.key, true),
            encode(&upload.id, false)
        );
        match send(store, Method::DELETE, &url) {
            Ok(_) => ended += 1,
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(ended)
}

fn list(store: &ObjectStore) -> Result<Vec<Upload>, BlobError> {
    let mut found = Vec::new();
    let mut marker = String::new();
    let prefix = match store.settings.place.prefix.as_str() {
        "" => String::new(),
        prefix => format!("{prefix}/"),
    };
    for _ in 0..MOST_PAGES {
        let url = format!("{}?uploads=&prefix={}{marker}", bucket_url(&store.settings), encode(&prefix, false));
        let page = match send(store, Method::GET, &url) {
            // Stores that know no uploads in parts have none left.
            Err(BlobError::Remote { cause: crate::RemoteCause::Unsupported, .. }) => return Ok(found),
            other => other?,
        };
        found.extend(uploads(&page).into_iter().filter(|upload| upload.key.starts_with(&prefix)));
        let next = |name: &str| xml_field(&page, name).filter(|text| !text.is_empty());
        match (next("IsTruncated").as_deref(), next("NextKeyMarker")) {
            (Some("true"), Some(key)) => {
                let id = next("NextUploadIdMarker").unwrap_or_default();
                marker = format!("&key-marker={}&upload-id-marker={}", encode(&key, false), encode(&id, false));
            }
            _ => break,
        }
    }
    Ok(found)
}

/// The uploads of a page.
fn uploads(page: &[u8]) -> Vec<Upload> {
    let text = String::from_utf8_lossy(page);
    let each = text.split("<Upload>").skip(1).filter_map(|rest| rest.split_once("</Upload>").map(|(inside, _)| inside));
    let read = |inside: &str| {
        let field = |name: &str| xml_field(format!("<a>{inside}</a>").as_bytes(), name);
        let begun = field("Initiated")?.parse::<jiff::Timestamp>().ok()?;
        Some(Upload { key: field("Key")?, id: field("UploadId")?, begun_seconds: begun.as_second() })
    };
    each.filter_map(read).collect()
}

fn bucket_url(settings: &Settings) -> String {
    let (bucket, region) = (&settings.place.bucket, settings.signing_region());
    let endpoint = settings.endpoint.clone().unwrap_or_else(|| format!("https://s3.{region}.amazonaws.com"));
    let endpoint = endpoint.trim_end_matches('/');
    match (settings.uses_path_style(), endpoint.split_once("://")) {
        (false, Some((scheme, host))) => format!("{scheme}://{bucket}.{host}"),
        _ => format!("{endpoint}/{bucket}"),
    }
}

fn send(store: &ObjectStore, method: Method, url: &str) -> Result<Vec<u8>, BlobError> {
    let failed = |detail: String| BlobError::Failed { operation: "clear", name: "uploads".into(), detail };
    let request = Request::builder().method(method).uri(url).body(Buffer::new());
    let request = request.map_err(|error| failed(error.to_string()))?;
    let answer = store.runtime.block_on(async {
        let mut body = store.door.fetch(request).await?.into_body();
        body.to_buffer().await
    });
    answer.map(|body| body.to_vec()).map_err(|error| fault::meaning("clear", "uploads", &error))
}

/// Percent-encoding as signatures want it: everything but unreserved characters, and slashes where they stay.
fn encode(text: &str, keeps_slashes: bool) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => encoded.push(byte as char),
            b'/' if keeps_slashes => encoded.push('/'),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uploads_are_read_from_a_page() {
        let page = b"<?xml version=\"1.0\"?><ListMultipartUploadsResult><Bucket>b</Bucket><IsTruncated>false</IsTruncated>\
            <Upload><Key>p/data/a</Key><UploadId>x&amp;1</UploadId><Initiated>2026-01-02T03:04:05.000Z</Initiated></Upload>\
            <Upload><Key>p/data/b</Key><UploadId>2</UploadId><Initiated>never</Initiated></Upload></ListMultipartUploadsResult>";
        let found = uploads(page);
        assert_eq!(found.len(), 1, "one without a date is left alone");
        assert_eq!((found[0].key.as_str(), found[0].begun_seconds), ("p/data/a", 1_767_323_045));
        assert_eq!(encode("a/b c&", true), "a/b%20c%26");
        assert_eq!(encode("a/b", false), "a%2Fb");
    }
}
