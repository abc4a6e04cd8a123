//! Who did what: a chain of records, each carrying the hash of the one before.
//!
//! The hash of a record is BLAKE3-256 over its fields, each preceded by its length in bytes as eight bytes, big end first: number,
//! time, actor, act, object, result, detail, hash before. The first stands behind 64 zeros. Whoever kept the newest hash elsewhere
//! finds every change; without one, careless changes only.

use super::error::at;
use super::{Control, ControlError, MAX_PAGE, Page};
use sqlx::Row;
use sqlx::any::AnyRow;

/// How often a record is tried to be put behind one that somebody else put there first.
const TRIES: usize = 64;

/// What stands before the first record.
pub const ORIGIN: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// What is to be recorded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Deed {
    /// Name of the user, or `server`.
    pub actor: String,
    /// What was done, such as `policy.add`.
    pub act: String,
    /// To what.
    pub object: String,
    /// `ok`, or the code of the refusal.
    pub result: String,
    /// More, as JSON or empty; never a secret.
    pub detail: String,
}

/// A record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// Counts from 1.
    pub seq: i64,
    /// Milliseconds since 1970.
    pub at_ms: i64,
    /// What was done.
    pub deed: Deed,
    /// Hash of the record before.
    pub previous: String,
    /// Hash of this one.
    pub hash: String,
}

/// The hash that a record must have.
pub fn hash(seq: i64, at_ms: i64, deed: &Deed, previous: &str) -> String {
    let mut hasher = blake3::Hasher::new();
    let (seq, at_ms) = (seq.to_string(), at_ms.to_string());
    for field in [seq.as_str(), &at_ms, &deed.actor, &deed.act, &deed.object, &deed.result, &deed.detail, previous] {
        hasher.update(&(field.len() as u64).to_be_bytes()).update(field.as_bytes());
    }
    hasher.finalize().to_hex().to_string()
}

/// What a verification found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verdict {
    /// Records that stand in the chain.
    pub records: i64,
    /// Hash of the newest of them.
    pub head: String,
    /// The first record that does not belong where it stands.
    pub broken_at: Option<i64>,
}

/// Follows a chain, record by record: pure, so that an exported log can be verified anywhere.
#[derive(Clone, Debug)]
pub struct Chain(Verdict);

impl Default for Chain {
    fn default() -> Self {
        Self(Verdict { records: 0, head: ORIGIN.to_string(), broken_at: None })
    }
}

impl Chain {
    /// Takes the next record; behind a break nothing counts.
    pub fn follow(&mut self, record: &Record) {
        if self.0.broken_at.is_some() {
            return;
        }
        let is_next = record.seq == self.0.records + 1 && record.previous == self.0.head;
        if !is_next || record.hash != hash(record.seq, record.at_ms, &record.deed, &record.previous) {
            self.0.broken_at = Some(record.seq);
            return;
        }
        self.0.records = record.seq;
        self.0.head.clone_from(&record.hash);
    }

    /// What was found.
    pub fn verdict(self) -> Verdict {
        self.0
    }
}

fn record(row: &AnyRow) -> Result<Record, sqlx::Error> {
    Ok(Record {
        seq: row.try_get("seq")?,
        at_ms: row.try_get("at_ms")?,
        deed: Deed {
            actor: row.try_get("actor")?,
            act: row.try_get("act")?,
            object: row.try_get("object")?,
            result: row.try_get("result")?,
            detail: row.try_get("detail")?,
        },
        previous: row.try_get("previous")?,
        hash: row.try_get("hash")?,
    })
}

impl Control {
    /// Puts a record at the end of the chain.
    ///
    /// # Errors
    /// Of the database only.
    pub async fn record(&self, deed: &Deed, now_ms: i64) -> Result<(), ControlError> {
        let doing = "write into the audit log";
        for _ in 0..TRIES {
            let query = sqlx::query("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1");
            let (seq, previous) = match query.fetch_optional(self.pool()?).await.map_err(at(doing))? {
                Some(row) => (row.try_get("seq").map_err(at(doing))?, row.try_get("hash").map_err(at(doing))?),
                None => (0i64, ORIGIN.to_string()),
            };
            let sql = "INSERT INTO audit(seq, at_ms, actor, act, object, result, detail, previous, hash) \
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING";
            let query = sqlx::query(sql).bind(seq + 1).bind(now_ms).bind(deed.actor.as_str()).bind(deed.act.as_str());
            let query = query.bind(deed.object.as_str()).bind(deed.result.as_str()).bind(deed.detail.as_str());
            let query = query.bind(previous.as_str()).bind(hash(seq + 1, now_ms, deed, &previous));
            // Whoever was first has the number; this one goes behind.
            if query.execute(self.pool()?).await.map_err(at(doing))?.rows_affected() == 1 {
                return Ok(());
            }
        }
        Err(ControlError::Locked { doing })
    }

    /// Records behind a number, oldest first.
    ///
    /// # Errors
    /// Of the database only.
    pub async fn audit(&self, after: i64, limit: u32) -> Result<Page<Record>, ControlError> {
        let limit = limit.clamp(1, MAX_PAGE);
        let sql = "SELECT seq, at_ms, actor, act, object, result, detail, previous, hash FROM audit WHERE seq > $1 ORDER BY seq LIMIT $2";
        let query = sqlx::query(sql).bind(after).bind(i64::from(limit) + 1);
        let rows = query.fetch_all(self.pool()?).await.map_err(at("read the audit log"))?;
        let items: Vec<Record> = rows.iter().map(record).collect::<Result<_, _>>().map_err(at("read the audit log"))?;
        Ok(Page::cut(items, limit, |one| one.seq.to_string()))
    }

    /// Follows the whole chain, page by page.
    ///
    /// # Errors
    /// Of the database only; a broken chain is a verdict.
    pub async fn verify_audit(&self) -> Result<Verdict, ControlError> {
        let (mut chain, mut after) = (Chain::default(), 0);
        loop {
            let page = self.audit(after, MAX_PAGE).await?;
            page.items.iter().for_each(|record| chain.follow(record));
            match page.items.last().filter(|_| page.next.is_some()) {
                Some(last) => after = last.seq,
                None => return Ok(chain.verdict()),
            }
        }
    }
}
