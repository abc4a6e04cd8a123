//! Object stores for tests.
//!
//! [`S3Server`] is a server of S3 inside the test process, in memory, with real HTTP on a port of this machine. It
//! answers as [`Dialect`] says, goes wrong as [`Rule`]s say, and remembers every [`Request`].
//!
//! ```
//! use datakeep_testkit_s3::{Dialect, Fault, Operation, PlainClient, Rule, S3Server};
//!
//! let server = S3Server::start(Dialect::strict());
//! let client = PlainClient::new(server.endpoint());
//! server.inject(Rule::on(Operation::PutObject, Fault::LostAnswer));
//! assert!(client.put("a", b"bytes", &[]).is_err());
//! assert_eq!(client.put("a", b"bytes", &[("If-None-Match", "*")])?.status, 412);
//! assert_eq!(server.count(Operation::PutObject), 2);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! [`VersityGw`] is a real server, started for a test and ended with it; [`RealS3`] is that or the endpoint somebody
//! names in the environment.
//!
//! Nothing here uses the product, so that an error of the product cannot hide in its own mirror.

mod bucket;
mod call;
mod checksum;
mod client;
mod credentials;
mod delivery;
mod dialect;
mod endpoint;
mod fault;
mod headers;
mod listing;
mod log;
mod multipart;
mod objects;
mod operation;
mod pace;
mod payload;
mod query;
mod refusal;
mod server;
mod sigv4;
mod versitygw;
mod wire;
mod world;
mod xml;

pub use bucket::{Bucket, Lock, Object, Part, Upload};
pub use checksum::Algorithm;
pub use client::{PlainClient, Reply};
pub use credentials::Credentials;
pub use dialect::{Checksums, Dialect, WrongRegion};
pub use endpoint::Endpoint;
pub use fault::{Fault, Match, Rule};
pub use log::{Request, Traffic};
pub use operation::Operation;
pub use pace::Pace;
pub use refusal::Refusal;
pub use server::{BUCKET, S3Server};
pub use versitygw::{RealS3, VersityGw};
