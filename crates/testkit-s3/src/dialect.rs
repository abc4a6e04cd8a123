//! How a server answers: where real ones differ from each other.

/// What is done with checksums in headers and trailers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Checksums {
    /// Compared, remembered, and given back when asked for.
    Verified,
    /// Neither read nor remembered, as by servers that do not know them.
    Ignored,
    /// A request with one is answered by 501 `NotImplemented`.
    Refused,
}

/// What is said when a request is signed for another region.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WrongRegion {
    /// 400 `AuthorizationHeaderMalformed`, with the right region in it.
    Malformed,
    /// 301 `PermanentRedirect`, with the right region in a header.
    Redirect,
}

/// Plain data: take one of the functions and change what a test is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Dialect {
    /// The region the server is in.
    pub region: String,
    /// What is said to those who believe it is in another.
    pub wrong_region: WrongRegion,
    /// Whether `If-None-Match` and `If-Match` count when writing. Where not, they are ignored: the last one wins.
    pub honours_conditions: bool,
    /// Whether a creator whose request began before the object of another was there is told 409
    /// `ConditionalRequestConflict` instead of 412.
    pub answers_conflict: bool,
    /// How many further requests it takes until what was stored or deleted shows in listings.
    pub listing_lag_requests: u64,
    /// The most names one page of a listing has, whatever a client asks for; 1,000 at most.
    pub page_len: usize,
    /// Checksums.
    pub checksums: Checksums,
    /// Whether there are uploads in parts; where not, they are answered by 501 `NotImplemented`.
    pub has_multipart: bool,
    /// What every part but the last must have when an upload is completed.
    pub min_part_len_bytes: u64,
    /// Whether objects can be locked; where not, asking for it is 400 `InvalidRequest`.
    pub has_object_lock: bool,
}

impl Dialect {
    /// Everything as the documentation of S3 says.
    pub fn strict() -> Self {
        Self {
            region: "us-east-1".to_owned(),
            wrong_region: WrongRegion::Malformed,
            honours_conditions: true,
            answers_conflict: false,
            listing_lag_requests: 0,
            page_len: 1000,
            checksums: Checksums::Verified,
            has_multipart: true,
            min_part_len_bytes: 5 << 20,
            has_object_lock: true,
        }
    }

    /// `If-None-Match` is ignored: an existing object is overwritten.
    pub fn ignores_conditions() -> Self {
        Self { honours_conditions: false, ..Self::strict() }
    }

    /// What was stored shows in listings only after so many further requests, and what was deleted does so as long.
    pub fn lists_late(lag_requests: u64) -> Self {
        Self { listing_lag_requests: lag_requests, ..Self::strict() }
    }

    /// Checksums are not looked at.
    pub fn no_checksums() -> Self {
        Self { checksums: Checksums::Ignored, ..Self::strict() }
    }

    /// Checksums are refused.
    pub fn refuses_checksums() -> Self {
        Self { checksums: Checksums::Refused, ..Self::strict() }
    }

    /// Creators that race are told 409.
    pub fn conflict_409() -> Self {
        Self { answers_conflict: true, ..Self::strict() }
    }

    /// Pages of so many names.
    pub fn small_pages(page_len: usize) -> Self {
        Self { page_len, ..Self::strict() }
    }

    /// No uploads in parts.
    pub fn no_multipart() -> Self {
        Self { has_multipart: false, ..Self::strict() }
    }

    /// Parts may be as short as anybody likes, so that tests need no megabytes.
    pub fn small_parts() -> Self {
        Self { min_part_len_bytes: 1, ..Self::strict() }
    }
}

impl Default for Dialect {
    fn default() -> Self {
        Self::strict()
    }
}
