//! What a request asks for, by the name S3 gives it.

use crate::query::Query;

/// An operation of S3.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Operation {
    /// `PUT /bucket`.
    CreateBucket,
    /// `HEAD /bucket`.
    HeadBucket,
    /// `GET /bucket?list-type=2`.
    ListObjectsV2,
    /// `PUT /bucket/key`.
    PutObject,
    /// `GET /bucket/key`.
    GetObject,
    /// `HEAD /bucket/key`.
    HeadObject,
    /// `DELETE /bucket/key`.
    DeleteObject,
    /// `POST /bucket?delete`.
    DeleteObjects,
    /// `POST /bucket/key?uploads`.
    CreateMultipartUpload,
    /// `PUT /bucket/key?partNumber&uploadId`.
    UploadPart,
    /// `POST /bucket/key?uploadId`.
    CompleteMultipartUpload,
    /// `DELETE /bucket/key?uploadId`.
    AbortMultipartUpload,
    /// `GET /bucket?uploads`.
    ListMultipartUploads,
    /// `GET /bucket/key?uploadId`.
    ListParts,
    /// `GET /bucket/key?retention`.
    GetObjectRetention,
    /// `PUT /bucket/key?retention`.
    PutObjectRetention,
    /// Anything else; answered by 501.
    Other,
}

impl Operation {
    /// What a method, a path and a query ask for together.
    pub(crate) fn of(method: &str, key: &str, query: &Query) -> Self {
        let has = |name: &str| query.get(name).is_some();
        if key.is_empty() {
            return match method {
                "PUT" if query.is_empty() => Self::CreateBucket,
                "HEAD" => Self::HeadBucket,
                "POST" if has("delete") => Self::DeleteObjects,
                "GET" if has("uploads") => Self::ListMultipartUploads,
                "GET" if query.get("list-type") == Some("2") => Self::ListObjectsV2,
                _ => Self::Other,
            };
        }
        match method {
            "POST" if has("uploads") => Self::CreateMultipartUpload,
            "POST" if has("uploadId") => Self::CompleteMultipartUpload,
            "PUT" if has("partNumber") && has("uploadId") => Self::UploadPart,
            "DELETE" if has("uploadId") => Self::AbortMultipartUpload,
            "GET" if has("uploadId") => Self::ListParts,
            "GET" if has("retention") => Self::GetObjectRetention,
            "PUT" if has("retention") => Self::PutObjectRetention,
            _ if ["acl", "tagging", "versionId", "legal-hold", "attributes"].iter().any(|name| has(name)) => {
                Self::Other
            }
            "PUT" => Self::PutObject,
            "GET" => Self::GetObject,
            "HEAD" => Self::HeadObject,
            "DELETE" => Self::DeleteObject,
            _ => Self::Other,
        }
    }

    /// True for what belongs to uploads in parts.
    pub fn is_multipart(self) -> bool {
        matches!(
            self,
            Self::CreateMultipartUpload
                | Self::UploadPart
                | Self::CompleteMultipartUpload
                | Self::AbortMultipartUpload
                | Self::ListMultipartUploads
                | Self::ListParts
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_called_what_s3_calls_them() {
        let of = |method, key, query| Operation::of(method, key, &Query::parse(query));
        assert_eq!(of("GET", "", "list-type=2&prefix=a%2F"), Operation::ListObjectsV2);
        assert_eq!(of("GET", "", "prefix=a"), Operation::Other, "the first version of listing is not spoken");
        assert_eq!(of("POST", "", "delete"), Operation::DeleteObjects);
        assert_eq!(of("GET", "", "uploads="), Operation::ListMultipartUploads);
        assert_eq!(of("POST", "k", "uploads"), Operation::CreateMultipartUpload);
        assert_eq!(of("PUT", "k", "partNumber=1&uploadId=u"), Operation::UploadPart);
        assert_eq!(of("POST", "k", "uploadId=u"), Operation::CompleteMultipartUpload);
        assert_eq!(of("DELETE", "k", "uploadId=u"), Operation::AbortMultipartUpload);
        assert_eq!(of("GET", "k", "uploadId=u"), Operation::ListParts);
        assert_eq!(of("PUT", "k", ""), Operation::PutObject);
        assert_eq!(of("GET", "k", "x-id=GetObject"), Operation::GetObject);
        assert_eq!(of("HEAD", "k", ""), Operation::HeadObject);
        assert_eq!(of("DELETE", "k", ""), Operation::DeleteObject);
        assert_eq!(of("PUT", "k", "tagging"), Operation::Other);
        assert_eq!(of("PUT", "", ""), Operation::CreateBucket);
    }
}
