//! Answers that say no: a status, a code and a message, written the way S3 writes them.

use crate::xml;

/// An answer that is an error, or at least no answer to what was asked. Plain data, for the server's own checks and for
/// faults that tests plan.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// Status of HTTP. 200 is possible: S3 answers the completion of an upload so, with an error as its body.
    pub status: u16,
    /// The code by which clients know errors.
    pub code: &'static str,
    /// The message for people.
    pub message: String,
    /// Further headers.
    pub headers: Vec<(String, String)>,
    /// Further elements of the body.
    pub elements: Vec<(String, String)>,
    /// This text instead of the body made of the above, as proxies do.
    pub page: Option<String>,
}

impl Refusal {
    /// A refusal with nothing but the usual.
    pub fn new(status: u16, code: &'static str, message: &str) -> Self {
        Self { status, code, message: message.to_owned(), headers: Vec::new(), elements: Vec::new(), page: None }
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds an element to the body.
    #[must_use]
    pub fn with_element(mut self, name: &str, value: &str) -> Self {
        self.elements.push((name.to_owned(), value.to_owned()));
        self
    }

    /// 500 `InternalError`.
    pub fn internal_error() -> Self {
        Self::new(500, "InternalError", "We encountered an internal error. Please try again.")
    }

    /// 502 from a proxy: HTML, no XML.
    pub fn bad_gateway() -> Self {
        let page = "<html><head><title>502 Bad Gateway</title></head><body>502 Bad Gateway</body></html>";
        Self { page: Some(page.to_owned()), ..Self::new(502, "BadGateway", "") }
            .with_header("Content-Type", "text/html")
    }

    /// 200 with a page of HTML, as networks with a login page give it.
    pub fn login_page() -> Self {
        let page = "<html><head><title>Welcome</title></head><body>Please log in.</body></html>";
        Self { page: Some(page.to_owned()), ..Self::new(200, "LoginPage", "") }.with_header("Content-Type", "text/html")
    }

    /// 503 `ServiceUnavailable`, with `Retry-After`.
    pub fn unavailable(retry_after_s: u64) -> Self {
        Self::new(503, "ServiceUnavailable", "Service is unable to handle request.")
            .with_header("Retry-After", &retry_after_s.to_string())
    }

    /// 503 `SlowDown`.
    pub fn slow_down() -> Self {
        Self::new(503, "SlowDown", "Please reduce your request rate.")
    }

    /// 403 `AccessDenied`.
    pub fn access_denied() -> Self {
        Self::new(403, "AccessDenied", "Access Denied")
    }

    /// 404 `NoSuchKey`.
    pub fn no_such_key(key: &str) -> Self {
        Self::new(404, "NoSuchKey", "The specified key does not exist.").with_element("Key", key)
    }

    /// 404 `NoSuchBucket`.
    pub fn no_such_bucket(bucket: &str) -> Self {
        Self::new(404, "NoSuchBucket", "The specified bucket does not exist").with_element("BucketName", bucket)
    }

    /// 404 `NoSuchUpload`.
    pub fn no_such_upload(id: &str) -> Self {
        let message = "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.";
        Self::new(404, "NoSuchUpload", message).with_element("UploadId", id)
    }

    /// 409 `ConditionalRequestConflict`.
    pub fn conflict() -> Self {
        let message = "The conditional request cannot succeed due to a conflicting operation against this resource.";
        Self::new(409, "ConditionalRequestConflict", message)
    }

    /// 412 `PreconditionFailed`; `condition` is the header that did not hold.
    pub fn precondition_failed(condition: &str) -> Self {
        Self::new(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
            .with_element("Condition", condition)
    }

    /// 416 `InvalidRange`.
    pub fn invalid_range(object_len_bytes: u64) -> Self {
        Self::new(416, "InvalidRange", "The requested range is not satisfiable")
            .with_header("Content-Range", &format!("bytes */{object_len_bytes}"))
            .with_element("ActualObjectSize", &object_len_bytes.to_string())
    }

    /// 400 `ExpiredToken`.
    pub fn expired_token() -> Self {
        Self::new(400, "ExpiredToken", "The provided token has expired.")
    }

    /// 403 `RequestTimeTooSkewed`.
    pub fn too_skewed() -> Self {
        let message = "The difference between the request time and the current time is too large.";
        Self::new(403, "RequestTimeTooSkewed", message).with_element("MaxAllowedSkewMilliseconds", "900000")
    }

    /// 301 `PermanentRedirect`: the bucket is in another region.
    pub fn redirect(region: &str) -> Self {
        let message = "The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future requests to this endpoint.";
        Self::new(301, "PermanentRedirect", message).with_header("x-amz-bucket-region", region)
    }

    /// 400 `InvalidArgument`.
    pub fn invalid_argument(message: &str) -> Self {
        Self::new(400, "InvalidArgument", message)
    }

    /// 400 `InvalidRequest`.
    pub fn invalid_request(message: &str) -> Self {
        Self::new(400, "InvalidRequest", message)
    }

    /// 400 `MalformedXML`.
    pub fn malformed_xml() -> Self {
        let message = "The XML you provided was not well-formed or did not validate against our published schema";
        Self::new(400, "MalformedXML", message)
    }

    /// 501 `NotImplemented`.
    pub fn not_implemented(header_or_what: &str) -> Self {
        let message = "A header you provided implies functionality that is not implemented";
        Self::new(501, "NotImplemented", message).with_element("Header", header_or_what)
    }

    /// The body.
    pub(crate) fn body(&self, resource: &str, request_id: &str) -> Vec<u8> {
        if let Some(page) = &self.page {
            return page.clone().into_bytes();
        }
        let mut document = xml::Document::new();
        document.open("Error").text("Code", self.code).text("Message", &self.message);
        for (name, value) in &self.elements {
            document.text(name, value);
        }
        document.text("Resource", resource).text("RequestId", request_id).text("HostId", "testkit").close("Error");
        document.into_bytes()
    }
}
