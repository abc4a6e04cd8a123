//! What comes as a listing must be one, and whole: an answer that only looks empty has made others delete everything.

use super::fault::{Fault, xml_field};
use crate::RemoteCause;
use http::Response;
use opendal::{Buffer, Error, HttpBody};
use std::time::Duration;

/// Longest page that is read: 1,000 names of the longest length, escaped, and all that stands beside them.
const MOST_PAGE_BYTES: usize = 16 << 20;

/// True for the query of a request that lists objects.
pub(super) fn is_one(query: &str) -> bool {
    query.split('&').any(|field| {
        let name = field.split('=').next().unwrap_or_default();
        matches!(name, "list-type" | "max-keys" | "uploads")
    }) && !query.contains("uploadId=")
}

/// The answer, with a body that has been read and proven to be a page.
pub(super) async fn checked(answer: Response<HttpBody>, timeout_ms: u64) -> Result<Response<HttpBody>, Fault> {
    let (parts, mut body) = answer.into_parts();
    let read = tokio::time::timeout(Duration::from_millis(timeout_ms), body.to_buffer()).await;
    let page = match read {
        Err(_) => return Err(Fault::of_silence(RemoteCause::TimedOut, "the listing did not come in time")),
        Ok(Err(error)) => return Err(Fault::of_silence(RemoteCause::Broken, error.to_string())),
        Ok(Ok(page)) => page.to_bytes(),
    };
    if let Some(flaw) = flaw(&page) {
        return Err(Fault::of_silence(RemoteCause::Broken, flaw));
    }
    let len_bytes = page.len() as u64;
    let stream = futures::stream::iter([Ok::<_, Error>(Buffer::from(page))]);
    Ok(Response::from_parts(parts, HttpBody::new(stream, Some(len_bytes))))
}

/// What is wrong with a page.
fn flaw(page: &[u8]) -> Option<String> {
    if page.len() > MOST_PAGE_BYTES {
        return Some(format!("a listing of {} bytes is longer than any page", page.len()));
    }
    let text = String::from_utf8_lossy(page);
    let root = ["ListBucketResult", "ListMultipartUploadsResult"].into_iter().find(|root| {
        let is_begun = text.contains(&format!("<{root}>")) || text.contains(&format!("<{root} "));
        is_begun && text.trim_end().ends_with(&format!("</{root}>"))
    });
    let is_empty_root = text.trim_end().ends_with("/>") && text.contains("<ListBucketResult");
    if root.is_none() && !is_empty_root {
        return Some("the answer is no listing, or not a whole one".to_string());
    }
    let told = xml_field(page, "KeyCount").and_then(|count| count.parse::<usize>().ok())?;
    let found = text.matches("<Contents>").count() + text.matches("<CommonPrefixes>").count();
    (told != found).then(|| format!("the listing says that it has {told} names, and it has {found}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_listings_pass() {
        let page = |count: usize, inside: &str| {
            format!(
                "<?xml version=\"1.0\"?>\n<ListBucketResult xmlns=\"x\"><KeyCount>{count}</KeyCount>{inside}</ListBucketResult>"
            )
        };
        let one = "<Contents><Key>a</Key></Contents>";
        assert_eq!(flaw(page(1, one).as_bytes()), None);
        assert_eq!(flaw(page(0, "").as_bytes()), None);
        assert_eq!(flaw(b"<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>\n"), None);
        assert!(flaw(page(2, one).as_bytes()).is_some_and(|flaw| flaw.contains("2 names")));
        assert!(flaw(&page(1, one).as_bytes()[..60]).is_some());
        for other in ["", "<html><body>Please log in</body></html>", "<Error><Code>x</Code></Error>", "{}"] {
            assert!(flaw(other.as_bytes()).is_some(), "{other}");
        }
    }

    #[test]
    fn requests_that_list_are_known() {
        for (query, expected) in [
            ("list-type=2&prefix=a", true),
            ("prefix=a&max-keys=100", true),
            ("uploads=&prefix=p", true),
            ("uploads", true),
            ("partNumber=1&uploadId=x", false),
            ("", false),
        ] {
            assert_eq!(is_one(query), expected, "{query}");
        }
    }
}
