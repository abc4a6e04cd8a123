//! A server without a socket: requests go straight to the router, and time and chance are what the test says.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use datakeep_connector::FixedClock;
use datakeep_manage::control::{Control, password};
use datakeep_manage::{Permission, Role};
use datakeep_model::{Secret, Timestamp};
use datakeep_server::{App, Chance, app, router};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tower::ServiceExt;

/// Counts instead of guessing.
struct Counting(AtomicU64);

impl Chance for Counting {
    fn fill(&self, out: &mut [u8]) {
        let number = self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        out.iter_mut().rev().zip(number.iter().rev().chain(std::iter::repeat(&7))).for_each(|(to, from)| *to = *from);
    }
}

pub const NOW_S: i64 = 1_796_000_000;

pub struct World {
    pub folder: tempfile::TempDir,
    pub app: Arc<App>,
    pub routes: Router,
}

pub struct Said {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Said {
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self
    }

    /// A problem document with this code, and with everything that one has.
    #[track_caller]
    pub fn problem(self, status: u16, code: &str) -> Self {
        let said = self.expect(status);
        assert_eq!(said.body["code"], code, "{}", said.body);
        assert_eq!(said.headers[header::CONTENT_TYPE], "application/problem+json");
        assert_eq!(said.body["type"], format!("urn:datakeep:problem:{code}"));
        for field in ["title", "detail", "hint"] {
            assert!(said.body[field].as_str().is_some_and(|text| !text.is_empty()), "{field} of {}", said.body);
        }
        said
    }
}

impl World {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let control = Control::open(&folder.path().join("control.db")).await.unwrap();
        let clock = Arc::new(FixedClock(Timestamp::new(NOW_S, 0)));
        let app = app(control, clock, Arc::new(Counting(AtomicU64::new(1))));
        let routes = router(&app);
        Self { folder, app, routes }
    }

    /// A user of this role, and a token with all scopes.
    pub async fn token(&self, role: Role) -> String {
        let now_ms = self.app.now_ms();
        let (id, name) = (format!("u-{}", role.as_str()), role.as_str());
        let hash = password::hash(&Secret::new(b"correct horse battery".to_vec()), [1; 16]).unwrap();
        self.app.control.add_person(&id, name, role, &hash, now_ms).await.unwrap();
        let (text, scopes) = (format!("token-{name}"), Permission::ALL.to_vec());
        let (created_ms, expires_ms) = (now_ms, now_ms + 1000);
        let token = datakeep_manage::control::people::Token {
            id: format!("t-{name}"),
            person: id,
            name: name.into(),
            scopes,
            created_ms,
            expires_ms,
        };
        self.app.control.add_token(&token, &text).await.unwrap();
        text
    }

    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<Value>) -> Said {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = match body {
            Some(body) => request.header(header::CONTENT_TYPE, "application/json").body(Body::from(body.to_string())),
            None => request.body(Body::empty()),
        };
        let response = self.routes.clone().oneshot(request.unwrap()).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        // A stream of events does not end: what it is, is seen by its status.
        let is_stream =
            headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
        let bytes = if is_stream { Default::default() } else { to_bytes(response.into_body(), 1 << 20).await.unwrap() };
        let body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        Said { status, headers, body }
    }

    /// With a token.
    pub async fn ask(&self, token: &str, method: &str, path: &str, body: Option<Value>) -> Said {
        self.send(method, path, &[("authorization", &format!("Bearer {token}"))], body).await
    }
}
