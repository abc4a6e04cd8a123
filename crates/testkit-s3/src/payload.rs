//! The bytes a request means: out of their chunks, and checked against everything the request says of them.

use crate::call::Call;
use crate::checksum::{Algorithm, base64, md5, sha256_hex};
use crate::dialect::Checksums;
use crate::headers::Headers;
use crate::refusal::Refusal;
use crate::sigv4::ChunkSigner;
use std::collections::BTreeMap;

/// What a body is after all checks.
#[derive(Clone, Debug)]
pub(crate) struct Payload {
    pub(crate) bytes: Vec<u8>,
    pub(crate) md5: [u8; 16],
    pub(crate) checksums: BTreeMap<Algorithm, String>,
    /// Whether something more than the transport vouches for the bytes.
    pub(crate) is_vouched_for: bool,
}

/// Checksums S3 knows and this server does not.
const UNKNOWN: &[&str] = &["x-amz-checksum-crc64nvme"];

/// Decodes and checks a body. Chunks that are signed must be so with this secret.
pub(crate) fn check(call: &mut Call, policy: Checksums, secret_key: &str) -> Result<Payload, Refusal> {
    let declared = call.headers.get("x-amz-content-sha256").unwrap_or("UNSIGNED-PAYLOAD").to_owned();
    let body = std::mem::take(&mut call.body);
    let (bytes, trailers) = match declared.as_str() {
        "UNSIGNED-PAYLOAD" => (body, Headers::default()),
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER" => aws_chunks(&body, None)?,
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" => {
            let signer = ChunkSigner::new(&call.headers, secret_key).ok_or_else(Refusal::access_denied)?;
            aws_chunks(&body, Some(signer))?
        }
        streaming if streaming.starts_with("STREAMING-") => return Err(Refusal::not_implemented(streaming)),
        hash if hash == sha256_hex(&body) => (body, Headers::default()),
        _ => {
            let message = "The provided 'x-amz-content-sha256' header does not match what was computed.";
            return Err(Refusal::new(400, "XAmzContentSHA256Mismatch", message));
        }
    };
    if let Some(length) = call.headers.get("x-amz-decoded-content-length")
        && length.parse() != Ok(bytes.len())
    {
        return Err(incomplete());
    }
    if let Some(name) = call.headers.get("x-amz-trailer")
        && trailers.get(&name.to_ascii_lowercase()).is_none()
    {
        return Err(Refusal::new(
            400,
            "MalformedTrailerError",
            "The request contained trailing data that was not well-formed",
        ));
    }
    let md5 = content_md5(&call.headers, &bytes)?;
    let checksums = match policy {
        Checksums::Ignored => BTreeMap::new(),
        Checksums::Refused => refuse([&call.headers, &trailers])?,
        Checksums::Verified => verify([&call.headers, &trailers], &bytes)?,
    };
    let is_vouched_for = call.headers.get("content-md5").is_some()
        || [&call.headers, &trailers].iter().any(|headers| headers.names().into_iter().any(is_checksum));
    Ok(Payload { bytes, md5, checksums, is_vouched_for })
}

fn incomplete() -> Refusal {
    let message = "You did not provide the number of bytes specified by the Content-Length HTTP header";
    Refusal::new(400, "IncompleteBody", message)
}

fn bad_digest(what: &str) -> Refusal {
    Refusal::new(400, "BadDigest", &format!("The {what} you specified did not match what we received."))
}

fn content_md5(headers: &Headers, bytes: &[u8]) -> Result<[u8; 16], Refusal> {
    let own = md5(bytes);
    match headers.get("content-md5") {
        Some(given) if given != base64(&own) => Err(bad_digest("Content-MD5")),
        _ => Ok(own),
    }
}

fn is_checksum(name: &str) -> bool {
    name.strip_prefix("x-amz-checksum-").is_some_and(|rest| !matches!(rest, "mode" | "type" | "algorithm"))
}

fn refuse(places: [&Headers; 2]) -> Result<BTreeMap<Algorithm, String>, Refusal> {
    match places.iter().flat_map(|headers| headers.iter()).find(|(name, _)| is_checksum(name)) {
        Some((name, _)) => Err(Refusal::not_implemented(name)),
        None => Ok(BTreeMap::new()),
    }
}

fn verify(places: [&Headers; 2], bytes: &[u8]) -> Result<BTreeMap<Algorithm, String>, Refusal> {
    let mut checksums = BTreeMap::new();
    for headers in places {
        if let Some(name) = UNKNOWN.iter().find(|name| headers.get(name).is_some()) {
            return Err(Refusal::not_implemented(name));
        }
        for algorithm in Algorithm::ALL {
            let Some(given) = headers.get(algorithm.header()) else { continue };
            if given != algorithm.of(bytes) {
                return Err(bad_digest(algorithm.header()));
            }
            checksums.insert(algorithm, given.to_owned());
        }
    }
    Ok(checksums)
}

/// Takes `aws-chunked` apart: `LENGTH\r\nBYTES\r\n`, ended by a chunk of no bytes and the trailers. With a signer, each length
/// is followed by `;chunk-signature=SIGNATURE`.
fn aws_chunks(mut body: &[u8], mut signer: Option<ChunkSigner<'_>>) -> Result<(Vec<u8>, Headers), Refusal> {
    let mut bytes = Vec::with_capacity(body.len());
    loop {
        let line = take_line(&mut body).ok_or_else(incomplete)?;
        let (len, extension) = line.split_once(';').unwrap_or((line, ""));
        let len_bytes = usize::from_str_radix(len, 16).map_err(|_| incomplete())?;
        let (chunk, rest) = body.split_at_checked(len_bytes).ok_or_else(incomplete)?;
        if let Some(signer) = &mut signer
            && extension.strip_prefix("chunk-signature=") != Some(signer.sign(chunk))
        {
            let message = "The chunk signature we calculated does not match the one you provided.";
            return Err(Refusal::new(403, "SignatureDoesNotMatch", message));
        }
        if len_bytes == 0 {
            break;
        }
        bytes.extend_from_slice(chunk);
        body = rest.strip_prefix(b"\r\n").ok_or_else(incomplete)?;
    }
    let mut trailers = Headers::default();
    while !body.is_empty() {
        let line = take_line(&mut body).ok_or_else(incomplete)?;
        if let Some((name, value)) = line.split_once(':') {
            trailers.push(name, value);
        }
    }
    Ok((bytes, trailers))
}

fn take_line<'a>(body: &mut &'a [u8]) -> Option<&'a str> {
    let end = body.windows(2).position(|pair| pair == b"\r\n")?;
    let line = std::str::from_utf8(&body[..end]).ok()?;
    *body = &body[end + 2..];
    Some(line)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]
mod tests {
    use super::*;

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

    fn checked(headers: &[(&str, &str)], body: &[u8], policy: Checksums) -> Result<Payload, (u16, &'static str)> {
        let mut list = Headers::default();
        for (name, value) in headers {
            list.push(name, value);
        }
        let mut call = Call::new("PUT", "/b/k", list);
        call.body = body.to_vec();
        check(&mut call, policy, SECRET).map_err(|refusal| (refusal.status, refusal.code))
    }

    fn refused(status: u16, code: &'static str) -> Option<(u16, &'static str)> {
        Some((status, code))
    }

    #[test]
    fn every_checksum_is_compared() {
        let good = [
            ("content-md5", "JfnnlDI7RTiF9RgfG2JNCw=="),
            ("x-amz-checksum-crc32c", "4waSgw=="),
            ("x-amz-checksum-crc32", "y/Q5Jg=="),
            ("x-amz-checksum-sha256", "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU="),
        ];
        for (name, value) in good {
            assert!(checked(&[(name, value)], b"123456789", Checksums::Verified).unwrap().is_vouched_for, "{name}");
            let other = checked(&[(name, value)], b"123456788", Checksums::Verified);
            assert_eq!(other.err(), refused(400, "BadDigest"), "{name}");
        }
        let crc = [("x-amz-checksum-crc32c", "AAAAAA==")];
        assert!(checked(&crc, b"x", Checksums::Ignored).unwrap().checksums.is_empty());
        assert_eq!(checked(&crc, b"x", Checksums::Refused).err(), refused(501, "NotImplemented"));
        let hash = [("x-amz-content-sha256", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")];
        assert_eq!(checked(&hash, b"x", Checksums::Verified).err(), refused(400, "XAmzContentSHA256Mismatch"));
    }

    #[test]
    fn chunks_are_put_together_and_trailers_count() {
        let streaming = [
            ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
            ("x-amz-trailer", "x-amz-checksum-crc32c"),
        ];
        let body = b"4\r\n1234\r\n5;a=b\r\n56789\r\n0\r\nx-amz-checksum-crc32c:4waSgw==\r\n\r\n";
        let payload = checked(&streaming, body, Checksums::Verified).unwrap();
        assert_eq!(payload.bytes, b"123456789");
        assert_eq!(payload.checksums[&Algorithm::Crc32c], "4waSgw==");
        let body = b"9\r\n123456780\r\n0\r\nx-amz-checksum-crc32c:4waSgw==\r\n\r\n";
        assert_eq!(checked(&streaming, body, Checksums::Verified).err(), refused(400, "BadDigest"));
        assert_eq!(checked(&streaming, b"9\r\n123", Checksums::Verified).err(), refused(400, "IncompleteBody"));
        let body = b"1\r\n1\r\n0\r\n\r\n";
        assert_eq!(checked(&streaming, body, Checksums::Verified).err(), refused(400, "MalformedTrailerError"));
    }
    /// The example of the documentation of S3: 65 KiB and 1 KiB of `a`.
    #[test]
    fn signed_chunks_are_those_of_the_documentation() {
        let seed = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9";
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, SignedHeaders=host, Signature={seed}"
        );
        let headers = [
            ("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
            ("x-amz-date", "20130524T000000Z"),
            ("authorization", &authorization),
            ("x-amz-decoded-content-length", "66560"),
        ];
        let chunks = [
            (65536, "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"),
            (1024, "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"),
            (0, "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"),
        ];
        let mut body = Vec::new();
        for (len, signature) in chunks {
            body.extend(format!("{len:x};chunk-signature={signature}\r\n").into_bytes());
            body.extend(std::iter::repeat_n(b'a', len));
            body.extend(b"\r\n");
        }
        assert_eq!(checked(&headers, &body, Checksums::Verified).unwrap().bytes.len(), 66560);
        body[100] = b'b';
        assert_eq!(checked(&headers, &body, Checksums::Verified).err(), refused(403, "SignatureDoesNotMatch"));
    }
}
