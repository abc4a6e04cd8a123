//! The few documents S3 speaks in: written by hand, read by `quick-xml`.

use quick_xml::escape::escape;
use serde::Deserialize;

/// A document that is being written.
pub(crate) struct Document(String);

impl Document {
    /// Nothing but the declaration.
    pub(crate) fn new() -> Self {
        Self("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned())
    }

    /// Begins the outermost element of an answer, with the name space of S3.
    pub(crate) fn root(&mut self, name: &str) -> &mut Self {
        self.0.push_str(&format!("<{name} xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"));
        self
    }

    /// Begins an element.
    pub(crate) fn open(&mut self, name: &str) -> &mut Self {
        self.0.push_str(&format!("<{name}>"));
        self
    }

    /// Ends it.
    pub(crate) fn close(&mut self, name: &str) -> &mut Self {
        self.0.push_str(&format!("</{name}>"));
        self
    }

    /// An element with a text and nothing else.
    pub(crate) fn text(&mut self, name: &str, value: &str) -> &mut Self {
        self.0.push_str(&format!("<{name}>{}</{name}>", escape(value)));
        self
    }

    /// The bytes.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0.into_bytes()
    }
}

/// What `DeleteObjects` sends.
#[derive(Debug, Deserialize)]
pub(crate) struct Delete {
    #[serde(rename = "Object")]
    pub(crate) objects: Vec<Named>,
    #[serde(rename = "Quiet", default)]
    pub(crate) is_quiet: bool,
}

/// One name in it.
#[derive(Debug, Deserialize)]
pub(crate) struct Named {
    #[serde(rename = "Key")]
    pub(crate) key: String,
}

/// What `CompleteMultipartUpload` sends.
#[derive(Debug, Deserialize)]
pub(crate) struct Complete {
    #[serde(rename = "Part")]
    pub(crate) parts: Vec<CompletePart>,
}

/// One part in it.
#[derive(Debug, Deserialize)]
pub(crate) struct CompletePart {
    #[serde(rename = "PartNumber")]
    pub(crate) number: u32,
    #[serde(rename = "ETag")]
    pub(crate) etag: String,
    #[serde(rename = "ChecksumCRC32")]
    pub(crate) crc32: Option<String>,
    #[serde(rename = "ChecksumCRC32C")]
    pub(crate) crc32c: Option<String>,
    #[serde(rename = "ChecksumSHA1")]
    pub(crate) sha1: Option<String>,
    #[serde(rename = "ChecksumSHA256")]
    pub(crate) sha256: Option<String>,
}

/// What `PutObjectRetention` sends.
#[derive(Debug, Deserialize)]
pub(crate) struct Retention {
    #[serde(rename = "Mode")]
    pub(crate) mode: String,
    #[serde(rename = "RetainUntilDate")]
    pub(crate) until: String,
}

/// Reads one of the above; `None` when it is something else.
pub(crate) fn read<T: serde::de::DeserializeOwned>(body: &[u8]) -> Option<T> {
    quick_xml::de::from_str(std::str::from_utf8(body).ok()?).ok()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]
mod tests {
    use super::*;

    #[test]
    fn documents_are_read_with_all_their_escapes() {
        let text = "<?xml version=\"1.0\"?><Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Object><Key>a&amp;b</Key></Object>\
             <Quiet>true</Quiet><Object><Key>c d</Key><VersionId>x</VersionId></Object></Delete>";
        let delete: Delete = read(text.as_bytes()).unwrap();
        assert!(delete.is_quiet);
        assert_eq!(delete.objects.iter().map(|object| object.key.as_str()).collect::<Vec<_>>(), ["a&b", "c d"]);

        let text = "<CompleteMultipartUpload><Part><PartNumber>2</PartNumber><ETag>&quot;e&quot;</ETag>\
             <ChecksumCRC32C>yZRlqg==</ChecksumCRC32C></Part></CompleteMultipartUpload>";
        let complete: Complete = read(text.as_bytes()).unwrap();
        assert_eq!((complete.parts[0].number, complete.parts[0].etag.as_str()), (2, "\"e\""));
        assert_eq!(complete.parts[0].crc32c.as_deref(), Some("yZRlqg=="));

        assert!(read::<Complete>(b"<CompleteMultipartUpload><Part>").is_none());
        assert!(read::<Complete>(b"\xff").is_none());
    }

    #[test]
    fn documents_are_written_with_escapes() {
        let mut document = Document::new();
        document.open("A").text("B", "<&>").close("A");
        assert!(String::from_utf8(document.into_bytes()).unwrap().ends_with("<A><B>&lt;&amp;&gt;</B></A>"));
    }
}
