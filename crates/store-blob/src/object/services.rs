//! What is sent to Aliyun OSS and Tencent COS: the requests themselves, without a network.

use super::settings::{Credentials, Place, Settings};
use datakeep_model::Secret;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use opendal::{Buffer, Error, HttpBody, HttpTransport, HttpTransporter, OperationContext};
use std::future::IntoFuture;
use std::sync::{Arc, Mutex};

#[derive(Clone, Debug)]
struct Sent {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
}

/// Answers everything with nothing, and keeps what was asked.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Vec<Sent>>>);

impl HttpTransport for Recorder {
    async fn fetch(&self, request: Request<Buffer>) -> Result<Response<HttpBody>, Error> {
        let (parts, _) = request.into_parts();
        let sent = Sent { method: parts.method, uri: parts.uri, headers: parts.headers };
        self.0.lock().expect("not poisoned").push(sent);
        let body = HttpBody::new(futures::stream::iter([Ok::<_, Error>(Buffer::new())]), Some(0));
        let mut answer = Response::new(body);
        *answer.status_mut() = StatusCode::OK;
        answer.headers_mut().insert("etag", http::HeaderValue::from_static("\"x\""));
        Ok(answer)
    }
}

/// Creates an object; what was sent for it.
fn creation(location: &str, endpoint: &str) -> Sent {
    let mut settings = Settings::new(Place::parse(location).expect("an object store").expect("a place"));
    settings.endpoint = Some(endpoint.to_string());
    settings.credentials =
        Credentials::Static { id: "key-id".into(), secret: Secret::new(b"key-secret".to_vec()), token: None };
    let recorder = Recorder::default();
    let context = OperationContext::default().with_http_transport(HttpTransporter::new(recorder.clone()));
    let operator = super::operator(&settings).expect("an operator").with_context(context);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let written = operator.write_with("commits/0/a", "bytes").if_not_exists(true);
    runtime.block_on(written.into_future()).expect("written");
    let sent = recorder.0.lock().expect("not poisoned");
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert!(!format!("{:?}{:?}", sent[0].uri, sent[0].headers).contains("key-secret"));
    sent[0].clone()
}

#[test]
fn oss_is_asked_to_create_and_not_to_overwrite() {
    let sent = creation("oss://bucket/p", "https://oss-cn-hangzhou.aliyuncs.com");
    assert_eq!(sent.method, Method::PUT);
    assert_eq!(sent.uri.host(), Some("bucket.oss-cn-hangzhou.aliyuncs.com"));
    assert_eq!(sent.uri.path(), "/p/commits/0/a");
    assert_eq!(sent.headers["x-oss-forbid-overwrite"], "true");
    assert!(sent.headers.contains_key("authorization"));
}

#[test]
fn cos_is_asked_to_create_and_not_to_overwrite() {
    let sent = creation("cos://bucket-1250000000/p", "https://cos.ap-beijing.myqcloud.com");
    assert_eq!(sent.method, Method::PUT);
    assert_eq!(sent.uri.host(), Some("bucket-1250000000.cos.ap-beijing.myqcloud.com"));
    assert_eq!(sent.uri.path(), "/p/commits/0/a");
    assert_eq!(sent.headers["x-cos-forbid-overwrite"], "true");
    assert!(sent.headers.contains_key("authorization"));
}
