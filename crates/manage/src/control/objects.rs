//! Repositories, sources and policies: named documents with a revision.

use super::error::{at, is_named, is_taken};
use super::{Control, ControlError, Page};
use crate::policy::{self, PolicySpec, RepositorySpec, SourceSpec};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::any::AnyRow;
use sqlx::{Any, Row, Transaction};

/// A kind of document.
pub trait Document: Serialize + DeserializeOwned + Clone + Send + Sync {
    /// What it is called, and its table.
    const KIND: &'static str;
    /// Its statements: they differ in the table alone.
    const SQL: Statements;

    /// Whether it makes sense by itself.
    ///
    /// # Errors
    /// The first thing that does not.
    fn check(&self) -> Result<(), policy::Fault>;

    /// What it names: sources, and a repository.
    fn names(&self) -> Option<(&[String], &str)> {
        None
    }
}

/// The statements of one table.
#[derive(Clone, Copy, Debug)]
pub struct Statements {
    insert: &'static str,
    update: &'static str,
    delete: &'static str,
    get: &'static str,
    list: &'static str,
}

macro_rules! statements {
    ($table:literal) => {
        Statements {
            insert: concat!(
                "INSERT INTO ",
                $table,
                "(id, name, revision, created_ms, updated_ms, body) VALUES ($1, $2, 1, $3, $3, $4)"
            ),
            update: concat!(
                "UPDATE ",
                $table,
                " SET name = $1, body = $2, updated_ms = $3, revision = revision + 1 WHERE id = $4 AND revision = $5"
            ),
            delete: concat!("DELETE FROM ", $table, " WHERE id = $1 AND revision = $2"),
            get: concat!("SELECT id, name, revision, created_ms, updated_ms, body FROM ", $table, " WHERE id = $1"),
            list: concat!(
                "SELECT id, name, revision, created_ms, updated_ms, body FROM ",
                $table,
                " WHERE id > $1 ORDER BY id LIMIT $2"
            ),
        }
    };
}

impl Document for RepositorySpec {
    const KIND: &'static str = "repository";
    const SQL: Statements = statements!("repository");

    fn check(&self) -> Result<(), policy::Fault> {
        self.check()
    }
}

impl Document for SourceSpec {
    const KIND: &'static str = "source";
    const SQL: Statements = statements!("source");

    fn check(&self) -> Result<(), policy::Fault> {
        self.check()
    }
}

impl Document for PolicySpec {
    const KIND: &'static str = "policy";
    const SQL: Statements = statements!("policy");

    fn check(&self) -> Result<(), policy::Fault> {
        self.check()
    }

    fn names(&self) -> Option<(&[String], &str)> {
        Some((&self.sources, &self.repository))
    }
}

/// A document as it is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kept<D> {
    /// Never changes.
    pub id: String,
    /// Unique among its kind.
    pub name: String,
    /// Grows by one with each change.
    pub revision: i64,
    /// Milliseconds since 1970.
    pub created_ms: i64,
    /// Milliseconds since 1970.
    pub updated_ms: i64,
    /// What it says.
    pub body: D,
}

fn kept<D: Document>(row: &AnyRow) -> Result<Kept<D>, ControlError> {
    let read = at("read a document");
    let body: String = row.try_get("body").map_err(&read)?;
    let id: String = row.try_get("id").map_err(&read)?;
    let damaged = |error: serde_json::Error| ControlError::Damaged { detail: format!("{} {id}: {error}", D::KIND) };
    Ok(Kept {
        name: row.try_get("name").map_err(&read)?,
        revision: row.try_get("revision").map_err(&read)?,
        created_ms: row.try_get("created_ms").map_err(&read)?,
        updated_ms: row.try_get("updated_ms").map_err(&read)?,
        body: serde_json::from_str(&body).map_err(damaged)?,
        id,
    })
}

fn text(body: &impl Serialize) -> Result<String, ControlError> {
    serde_json::to_string(body)
        .map_err(|error| ControlError::Other { doing: "write a document", detail: error.to_string() })
}

impl Control {
    /// Adds a document under a name.
    ///
    /// # Errors
    /// What makes no sense, a name that is taken, something named that is not there.
    pub async fn add<D: Document>(&self, id: &str, name: &str, body: &D, now_ms: i64) -> Result<Kept<D>, ControlError> {
        policy::name(name)?;
        body.check()?;
        let doing = "add a document";
        let mut work = self.begin(doing).await?;
        let insert = sqlx::query(D::SQL.insert).bind(id).bind(name).bind(now_ms).bind(text(body)?);
        insert.execute(&mut *work).await.map_err(|error| refused::<D>(doing, error))?;
        link(&mut work, id, body).await?;
        work.commit().await.map_err(at(doing))?;
        Ok(Kept {
            id: id.into(),
            name: name.into(),
            revision: 1,
            created_ms: now_ms,
            updated_ms: now_ms,
            body: body.clone(),
        })
    }

    /// Replaces a document, if it still has this revision.
    ///
    /// # Errors
    /// As [`Control::add`], and a revision that is no more.
    pub async fn replace<D: Document>(
        &self,
        id: &str,
        revision: i64,
        name: &str,
        body: &D,
        now_ms: i64,
    ) -> Result<Kept<D>, ControlError> {
        policy::name(name)?;
        body.check()?;
        let doing = "change a document";
        let mut work = self.begin(doing).await?;
        let update = sqlx::query(D::SQL.update).bind(name).bind(text(body)?).bind(now_ms).bind(id).bind(revision);
        let done = update.execute(&mut *work).await.map_err(|error| refused::<D>(doing, error))?;
        if done.rows_affected() == 0 {
            drop(work);
            return Err(self.stale::<D>(id).await?);
        }
        link(&mut work, id, body).await?;
        work.commit().await.map_err(at(doing))?;
        self.get(id).await
    }

    /// Removes a document, if it still has this revision.
    ///
    /// # Errors
    /// One that a policy names, and a revision that is no more.
    pub async fn remove<D: Document>(&self, id: &str, revision: i64) -> Result<(), ControlError> {
        let doing = "remove a document";
        let delete = sqlx::query(D::SQL.delete).bind(id).bind(revision);
        let done = delete.execute(self.pool()?).await.map_err(|error| match is_named(&error) {
            true => ControlError::InUse { kind: D::KIND },
            false => at(doing)(error),
        })?;
        if done.rows_affected() == 0 { Err(self.stale::<D>(id).await?) } else { Ok(()) }
    }

    /// One document.
    ///
    /// # Errors
    /// One that is not there.
    pub async fn get<D: Document>(&self, id: &str) -> Result<Kept<D>, ControlError> {
        let row = sqlx::query(D::SQL.get).bind(id).fetch_optional(self.pool()?).await.map_err(at("read a document"))?;
        let missing = || ControlError::NotFound { kind: D::KIND, id: id.to_string() };
        kept(&row.ok_or_else(missing)?)
    }

    /// Documents behind a cursor, in the order of their making.
    ///
    /// # Errors
    /// Of the database only.
    pub async fn list<D: Document>(&self, after: &str, limit: u32) -> Result<Page<Kept<D>>, ControlError> {
        let limit = limit.clamp(1, super::MAX_PAGE);
        let query = sqlx::query(D::SQL.list).bind(after).bind(i64::from(limit) + 1);
        let rows = query.fetch_all(self.pool()?).await.map_err(at("list documents"))?;
        let items: Vec<Kept<D>> = rows.iter().map(kept).collect::<Result<_, _>>()?;
        Ok(Page::cut(items, limit, |one| one.id.clone()))
    }

    /// All documents, page by page.
    ///
    /// # Errors
    /// Of the database only.
    pub async fn all<D: Document>(&self) -> Result<Vec<Kept<D>>, ControlError> {
        let (mut all, mut after) = (Vec::new(), String::new());
        loop {
            let page = self.list::<D>(&after, super::MAX_PAGE).await?;
            all.extend(page.items);
            match page.next {
                Some(next) => after = next,
                None => return Ok(all),
            }
        }
    }

    async fn stale<D: Document>(&self, id: &str) -> Result<ControlError, ControlError> {
        let now = self.get::<D>(id).await?;
        Ok(ControlError::Stale { kind: D::KIND, revision: now.revision })
    }
}

fn refused<D: Document>(doing: &'static str, error: sqlx::Error) -> ControlError {
    if is_taken(&error) { ControlError::Taken { kind: D::KIND } } else { at(doing)(error) }
}

/// Writes down what a document names, so that it cannot be removed beneath it.
async fn link<D: Document>(work: &mut Transaction<'static, Any>, id: &str, body: &D) -> Result<(), ControlError> {
    let Some((sources, repository)) = body.names() else { return Ok(()) };
    let doing = "write down what a policy names";
    for old in ["DELETE FROM policy_source WHERE policy_id = $1", "DELETE FROM policy_repository WHERE policy_id = $1"]
    {
        sqlx::query(old).bind(id).execute(&mut **work).await.map_err(at(doing))?;
    }
    let missing = |kind: &'static str, id: &str, error: sqlx::Error| match is_named(&error) {
        true => ControlError::NotFound { kind, id: id.to_string() },
        false => at(doing)(error),
    };
    for source in sources {
        let insert = sqlx::query("INSERT INTO policy_source(policy_id, source_id) VALUES ($1, $2)")
            .bind(id)
            .bind(source.as_str());
        insert.execute(&mut **work).await.map_err(|error| missing("source", source, error))?;
    }
    let insert = sqlx::query("INSERT INTO policy_repository(policy_id, repository_id) VALUES ($1, $2)")
        .bind(id)
        .bind(repository);
    insert.execute(&mut **work).await.map_err(|error| missing("repository", repository, error))?;
    Ok(())
}
