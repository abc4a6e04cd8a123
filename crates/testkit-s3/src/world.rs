//! Everything a server knows, changed by one request at a time.

use crate::bucket::Bucket;
use crate::call::{Answer, Call};
use crate::credentials::Credentials;
use crate::delivery::Delivery;
use crate::dialect::{Checksums, Dialect};
use crate::fault::{Fault, Match, Plan};
use crate::log::Request;
use crate::operation::Operation;
use crate::payload::Payload;
use crate::refusal::Refusal;
use crate::sigv4::{Signed, Verifier};
use crate::{listing, multipart, objects};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// What handlers may know beside the bucket and the request.
pub(crate) struct Scene<'a> {
    pub(crate) dialect: &'a Dialect,
    pub(crate) now: Timestamp,
    /// How many requests have begun so far.
    pub(crate) tick: u64,
}

/// A request that is applied only when another has overtaken it.
struct Overtaken {
    by: Match,
    call: Call,
    payload: Payload,
}

/// The state of a server.
pub(crate) struct World {
    pub(crate) dialect: Dialect,
    pub(crate) credentials: Credentials,
    pub(crate) has_expired: bool,
    pub(crate) clock_offset_s: i64,
    pub(crate) buckets: BTreeMap<String, Bucket>,
    pub(crate) plan: Plan,
    pub(crate) log: Vec<Request>,
    overtaken: Vec<Overtaken>,
    tick: u64,
}

impl World {
    pub(crate) fn new(dialect: Dialect, bucket: &str) -> Self {
        Self {
            dialect,
            credentials: Credentials::default(),
            has_expired: false,
            clock_offset_s: 0,
            buckets: BTreeMap::from([(bucket.to_owned(), Bucket::default())]),
            plan: Plan::default(),
            log: Vec::new(),
            overtaken: Vec::new(),
            tick: 0,
        }
    }

    /// The server's clock.
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::now().saturating_add(SignedDuration::from_secs(self.clock_offset_s)).unwrap_or(Timestamp::MAX)
    }

    /// The head of a request is there: counts it and decides what will happen to it.
    pub(crate) fn begin(&mut self, call: &mut Call) -> Option<Fault> {
        self.tick += 1;
        call.tick = self.tick;
        let name = match call.operation {
            Operation::ListObjectsV2 | Operation::ListMultipartUploads => call.query.get("prefix").unwrap_or_default(),
            _ => &call.key,
        };
        self.plan.fate(call.operation, name)
    }

    /// The request came to nothing before its body was there.
    pub(crate) fn give_up(&mut self, call: &Call, len_bytes_in: u64, fault: Option<Fault>) {
        self.note(call, len_bytes_in, fault, None);
    }

    /// The whole request is there: applies it and decides what is sent.
    pub(crate) fn finish(
        &mut self,
        call: Call,
        len_bytes_in: u64,
        payload: Result<Payload, Refusal>,
        fault: Option<Fault>,
    ) -> Delivery {
        let outcome = self.decide(&call, payload, fault.as_ref());
        let delivery = Delivery::new(&call, outcome, fault.as_ref(), self.now());
        self.note(&call, len_bytes_in, fault, Some(&delivery));
        self.let_overtaken_in(&call);
        delivery
    }

    fn decide(
        &mut self,
        call: &Call,
        payload: Result<Payload, Refusal>,
        fault: Option<&Fault>,
    ) -> Result<Answer, Refusal> {
        if let Some(Fault::Instead(refusal)) = fault {
            return Err(refusal.clone());
        }
        self.who_asks(call)?;
        let payload = payload?;
        match fault {
            Some(Fault::Stall) => Ok(Answer::empty(200)),
            Some(Fault::Late { overtaken_by }) => {
                self.overtaken.push(Overtaken { by: overtaken_by.clone(), call: call.clone(), payload });
                Ok(Answer::empty(200))
            }
            Some(Fault::Twice) => {
                // Who sends a request twice does not look at the first answer.
                let _ = self.apply(call, payload.clone(), None);
                self.apply(call, payload, None)
            }
            Some(Fault::Afterwards(refusal)) => {
                self.apply(call, payload, None)?;
                Err(refusal.clone())
            }
            other => self.apply(call, payload, other),
        }
    }

    /// What is done with checksums, and the secret that chunks are signed with.
    pub(crate) fn rules_for_bodies(&self) -> (Checksums, String) {
        (self.dialect.checksums, self.credentials.secret_key.clone())
    }

    fn who_asks(&self, call: &Call) -> Result<(), Refusal> {
        if self.has_expired {
            return Err(Refusal::expired_token());
        }
        let signed = Signed { method: &call.method, path: &call.path, query: &call.query, headers: &call.headers };
        let verifier = Verifier {
            credentials: &self.credentials,
            region: &self.dialect.region,
            wrong_region: self.dialect.wrong_region,
            now: self.now(),
        };
        verifier.check(&signed)
    }

    fn apply(&mut self, call: &Call, payload: Payload, fault: Option<&Fault>) -> Result<Answer, Refusal> {
        if call.operation == Operation::CreateBucket {
            return self.create_bucket(&call.bucket);
        }
        if call.operation.is_multipart() && !self.dialect.has_multipart {
            return Err(Refusal::not_implemented("multipart"));
        }
        let scene = Scene { now: self.now(), dialect: &self.dialect, tick: self.tick };
        let bucket = self.buckets.get_mut(&call.bucket).ok_or_else(|| Refusal::no_such_bucket(&call.bucket))?;
        match call.operation {
            Operation::HeadBucket => Ok(Answer::empty(200).with("x-amz-bucket-region", &scene.dialect.region)),
            Operation::PutObject if call.headers.get("x-amz-copy-source").is_some() => {
                Err(Refusal::not_implemented("x-amz-copy-source"))
            }
            Operation::PutObject => objects::put(bucket, &scene, call, payload),
            Operation::GetObject | Operation::HeadObject => objects::get(bucket, call),
            Operation::DeleteObject => objects::delete(bucket, &scene, call),
            Operation::DeleteObjects => objects::delete_many(bucket, &scene, call, &payload),
            Operation::GetObjectRetention => objects::get_retention(bucket, call),
            Operation::PutObjectRetention => objects::put_retention(bucket, &scene, call, &payload),
            Operation::ListObjectsV2 => listing::list(bucket, &scene, call, fault),
            Operation::CreateMultipartUpload => multipart::create(bucket, &scene, call),
            Operation::UploadPart => multipart::upload_part(bucket, &scene, call, payload),
            Operation::CompleteMultipartUpload => multipart::complete(bucket, &scene, call, &payload),
            Operation::AbortMultipartUpload => multipart::abort(bucket, call),
            Operation::ListMultipartUploads => Ok(multipart::list_uploads(bucket, &scene, call)),
            Operation::ListParts => multipart::list_parts(bucket, &scene, call),
            Operation::CreateBucket | Operation::Other => Err(Refusal::not_implemented(&call.method)),
        }
    }

    fn create_bucket(&mut self, name: &str) -> Result<Answer, Refusal> {
        if self.buckets.contains_key(name) {
            let message = "Your previous request to create the named bucket succeeded and you already own it.";
            return Err(Refusal::new(409, "BucketAlreadyOwnedByYou", message));
        }
        self.buckets.insert(name.to_owned(), Bucket::default());
        Ok(Answer::empty(200).with("Location", &format!("/{name}")))
    }

    /// Applies what this request has overtaken. Nobody hears of the outcome.
    fn let_overtaken_in(&mut self, call: &Call) {
        let fits =
            |overtaken: &Overtaken| overtaken.call.tick < call.tick && overtaken.by.fits(call.operation, &call.key);
        let (due, waiting) = std::mem::take(&mut self.overtaken).into_iter().partition(fits);
        self.overtaken = waiting;
        let due: Vec<Overtaken> = due;
        for overtaken in due {
            let _ = self.apply(&overtaken.call, overtaken.payload, None);
        }
    }

    fn note(&mut self, call: &Call, len_bytes_in: u64, fault: Option<Fault>, delivery: Option<&Delivery>) {
        self.log.push(Request {
            number: call.tick,
            operation: call.operation,
            bucket: call.bucket.clone(),
            key: call.key.clone(),
            query: call.raw_query.clone(),
            range: call.headers.get("range").map(str::to_owned),
            body_len_bytes_in: len_bytes_in,
            body_len_bytes_out: delivery.map_or(0, |delivery| delivery.body.len() as u64),
            status: delivery.and_then(|delivery| delivery.status),
            fault,
        });
    }
}
