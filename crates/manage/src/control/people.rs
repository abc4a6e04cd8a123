//! Users, their sessions and their tokens. Sessions and tokens are kept as hashes: what is stored opens nothing.

use super::error::{at, is_named, is_taken};
use super::password::token_hash;
use super::{Control, ControlError, MAX_PAGE, Page};
use crate::access::{Permission, Role};
use sqlx::Row;
use sqlx::any::AnyRow;

/// A session ends when it was not used for so long.
pub const IDLE_MS: i64 = 30 * 60 * 1000;
/// A session ends so long after it began.
pub const SESSION_MS: i64 = 12 * 3600 * 1000;
/// The use of a session is written down at most so often.
const TOUCH_MS: i64 = 60 * 1000;

/// A user.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Person {
    /// Never changes.
    pub id: String,
    /// What they sign in with.
    pub name: String,
    /// What they are.
    pub role: Role,
    /// Grows with each change.
    pub revision: i64,
    /// Milliseconds since 1970.
    pub created_ms: i64,
}

/// An API token, without what it is: that was shown once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Token {
    /// Never changes.
    pub id: String,
    /// Whose.
    pub person: String,
    /// What for.
    pub name: String,
    /// The rights it has, as far as its owner has them.
    pub scopes: Vec<Permission>,
    /// Milliseconds since 1970.
    pub created_ms: i64,
    /// Milliseconds since 1970.
    pub expires_ms: i64,
}

/// Who is there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Visitor {
    /// The user.
    pub person: Person,
    /// The rights of a token; `None` for a session, which has all of its user.
    pub scopes: Option<Vec<Permission>>,
    /// What unsafe requests of a session must carry.
    pub csrf: Option<String>,
}

impl Visitor {
    /// Whether they have the right.
    pub fn may(&self, permission: Permission) -> bool {
        let in_scope =
            self.scopes.as_ref().is_none_or(|scopes| scopes.contains(&permission) || permission == Permission::Public);
        in_scope && self.person.role.may(permission)
    }
}

fn person(row: &AnyRow) -> Result<Person, sqlx::Error> {
    let role: String = row.try_get("role")?;
    Ok(Person {
        id: row.try_get("person_id")?,
        name: row.try_get("person_name")?,
        // An unknown word is of a later version: it may nothing that matters.
        role: Role::parse(&role).unwrap_or(Role::Metrics),
        revision: row.try_get("revision")?,
        created_ms: row.try_get("created_ms")?,
    })
}

fn scopes(text: &str) -> Vec<Permission> {
    text.split(' ').filter_map(Permission::parse).collect()
}

impl Control {
    /// Adds a user, whose password is already hashed.
    ///
    /// # Errors
    /// A name that is taken.
    pub async fn add_person(
        &self,
        id: &str,
        name: &str,
        role: Role,
        hash: &str,
        now_ms: i64,
    ) -> Result<Person, ControlError> {
        crate::policy::name(name)?;
        let sql = "INSERT INTO person(id, name, role, password, revision, created_ms) VALUES ($1, $2, $3, $4, 1, $5)";
        let query = sqlx::query(sql).bind(id).bind(name).bind(role.as_str()).bind(hash).bind(now_ms);
        query.execute(self.pool()?).await.map_err(|error| match is_taken(&error) {
            true => ControlError::Taken { kind: "user" },
            false => at("add a user")(error),
        })?;
        Ok(Person { id: id.into(), name: name.into(), role, revision: 1, created_ms: now_ms })
    }

    /// Adds the first user, an owner. Says `false` when there is one already; of two at once one is the first.
    ///
    /// # Errors
    /// A name that cannot be one.
    pub async fn add_owner(&self, id: &str, name: &str, hash: &str, now_ms: i64) -> Result<bool, ControlError> {
        crate::policy::name(name)?;
        let sql = "INSERT INTO person(id, name, role, password, revision, created_ms) SELECT $1, $2, 'owner', $3, 1, $4 \
            WHERE NOT EXISTS (SELECT 1 FROM person)";
        let query = sqlx::query(sql).bind(id).bind(name).bind(hash).bind(now_ms);
        Ok(query.execute(self.pool()?).await.map_err(at("add the owner"))?.rows_affected() == 1)
    }

    /// Whether there is any user.
    ///
    /// # Errors
    /// Of the database only.
    pub async fn has_people(&self) -> Result<bool, ControlError> {
        let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM person")
            .fetch_one(self.pool()?)
            .await
            .map_err(at("count users"))?;
        Ok(count > 0)
    }

    /// A user and the hash of the password, by name.
    ///
    /// # Errors
    /// Of the database only.
    pub async fn person_named(&self, name: &str) -> Result<Option<(Person, String)>, ControlError> {
        let doing = "read a user";
        let sql = "SELECT id AS person_id, name AS person_name, role, revision, created_ms, password FROM person WHERE name = $1";
        let Some(row) = sqlx::query(sql).bind(name).fetch_optional(self.pool()?).await.map_err(at(doing))? else {
            return Ok(None);
        };
        Ok(Some((person(&row).map_err(at(doing))?, row.try_get("password").map_err(at(doing))?)))
    }

    /// A user.
    ///
    /// # Errors
    /// One that is not there.
    pub async fn person(&self, id: &str) -> Result<Person, ControlError> {
        let sql = "SELECT id AS person_id, name AS person_name, role, revision, created_ms FROM person WHERE id = $1";
        let row = sqlx::query(sql).bind(id).fetch_optional(self.pool()?).await.map_err(at("read a user"))?;
        let row = row.ok_or_else(|| ControlError::NotFound { kind: "user", id: id.to_string() })?;
        person(&row).map_err(at("read a user"))
    }

    /// Users behind a cursor.
    ///
    /// # Errors
    /// Of the database only.
    pub async fn people(&self, after: &str, limit: u32) -> Result<Page<Person>, ControlError> {
        let limit = limit.clamp(1, MAX_PAGE);
        let sql = "SELECT id AS person_id, name AS person_name, role, revision, created_ms FROM person WHERE id > $1 ORDER BY id LIMIT $2";
        let rows = sqlx::query(sql)
            .bind(after)
            .bind(i64::from(limit) + 1)
            .fetch_all(self.pool()?)
            .await
            .map_err(at("list users"))?;
        let items: Vec<Person> = rows.iter().map(person).collect::<Result<_, _>>().map_err(at("list users"))?;
        Ok(Page::cut(items, limit, |one| one.id.clone()))
    }

    /// Removes a user with all sessions and tokens; the last owner stays.
    ///
    /// # Errors
    /// One that is not there, and the last owner.
    pub async fn remove_person(&self, id: &str) -> Result<(), ControlError> {
        let sql = "DELETE FROM person WHERE id = $1 AND (role <> 'owner' OR (SELECT COUNT(*) FROM person WHERE role = 'owner') > 1)";
        let done = sqlx::query(sql).bind(id).execute(self.pool()?).await.map_err(at("remove a user"))?;
        if done.rows_affected() == 0 {
            self.person(id).await?;
            return Err(ControlError::LastOwner);
        }
        Ok(())
    }

    /// Begins a session, and clears away those that have ended.
    ///
    /// # Errors
    /// A user that is not there.
    pub async fn begin_session(
        &self,
        person: &str,
        session: &str,
        csrf: &str,
        now_ms: i64,
    ) -> Result<(), ControlError> {
        let doing = "begin a session";
        let clear = sqlx::query("DELETE FROM session WHERE used_ms < $1 OR created_ms < $2")
            .bind(now_ms - IDLE_MS)
            .bind(now_ms - SESSION_MS);
        clear.execute(self.pool()?).await.map_err(at(doing))?;
        let sql = "INSERT INTO session(hash, person_id, csrf, created_ms, used_ms) VALUES ($1, $2, $3, $4, $4)";
        let query = sqlx::query(sql).bind(token_hash(session)).bind(person).bind(csrf).bind(now_ms);
        query.execute(self.pool()?).await.map(|_| ()).map_err(|error| match is_named(&error) {
            true => ControlError::NotFound { kind: "user", id: person.to_string() },
            false => at(doing)(error),
        })
    }

    /// Whose session this is, if it has not ended.
    ///
    /// # Errors
    /// Of the database only.
    pub async fn session(&self, session: &str, now_ms: i64) -> Result<Option<Visitor>, ControlError> {
        let doing = "look a session up";
        let sql = "SELECT p.id AS person_id, p.name AS person_name, p.role, p.revision, p.created_ms, s.csrf, s.used_ms FROM session s \
            JOIN person p ON p.id = s.person_id WHERE s.hash = $1 AND s.used_ms >= $2 AND s.created_ms >= $3";
        let hash = token_hash(session);
        let query = sqlx::query(sql).bind(hash.as_str()).bind(now_ms - IDLE_MS).bind(now_ms - SESSION_MS);
        let Some(row) = query.fetch_optional(self.pool()?).await.map_err(at(doing))? else { return Ok(None) };
        let used_ms: i64 = row.try_get("used_ms").map_err(at(doing))?;
        if now_ms - used_ms > TOUCH_MS {
            let touch = sqlx::query("UPDATE session SET used_ms = $1 WHERE hash = $2").bind(now_ms).bind(hash.as_str());
            touch.execute(self.pool()?).await.map_err(at(doing))?;
        }
        let csrf = row.try_get("csrf").map_err(at(doing))?;
        Ok(Some(Visitor { person: person(&row).map_err(at(doing))?, scopes: None, csrf: Some(csrf) }))
    }

    /// Ends a session.
    ///
    /// # Errors
    /// Of the database only.
    pub async fn end_session(&self, session: &str) -> Result<(), ControlError> {
        let query = sqlx::query("DELETE FROM session WHERE hash = $1").bind(token_hash(session));
        query.execute(self.pool()?).await.map(|_| ()).map_err(at("end a session"))
    }

    /// Adds a token; `text` is what its owner keeps.
    ///
    /// # Errors
    /// Of the database only.
    pub async fn add_token(&self, token: &Token, text: &str) -> Result<(), ControlError> {
        let sql = "INSERT INTO token(id, hash, person_id, name, scopes, created_ms, expires_ms) VALUES ($1, $2, $3, $4, $5, $6, $7)";
        let words: Vec<&str> = token.scopes.iter().map(|scope| scope.as_str()).collect();
        let query = sqlx::query(sql)
            .bind(token.id.as_str())
            .bind(token_hash(text))
            .bind(token.person.as_str())
            .bind(token.name.as_str());
        let query = query.bind(words.join(" ")).bind(token.created_ms).bind(token.expires_ms);
        query.execute(self.pool()?).await.map(|_| ()).map_err(at("add a token"))
    }

    /// Whose token this is, if it has not expired.
    ///
    /// # Errors
    /// Of the database only.
    pub async fn bearer(&self, text: &str, now_ms: i64) -> Result<Option<Visitor>, ControlError> {
        let doing = "look a token up";
        let sql = "SELECT p.id AS person_id, p.name AS person_name, p.role, p.revision, p.created_ms, t.scopes FROM token t \
            JOIN person p ON p.id = t.person_id WHERE t.hash = $1 AND t.expires_ms > $2";
        let query = sqlx::query(sql).bind(token_hash(text)).bind(now_ms);
        let Some(row) = query.fetch_optional(self.pool()?).await.map_err(at(doing))? else { return Ok(None) };
        let words: String = row.try_get("scopes").map_err(at(doing))?;
        Ok(Some(Visitor { person: person(&row).map_err(at(doing))?, scopes: Some(scopes(&words)), csrf: None }))
    }

    /// The tokens of a user behind a cursor.
    ///
    /// # Errors
    /// Of the database only.
    pub async fn tokens(&self, person: &str, after: &str, limit: u32) -> Result<Page<Token>, ControlError> {
        let limit = limit.clamp(1, MAX_PAGE);
        let sql = "SELECT id, person_id, name, scopes, created_ms, expires_ms FROM token WHERE person_id = $1 AND id > $2 ORDER BY id LIMIT $3";
        let query = sqlx::query(sql).bind(person).bind(after).bind(i64::from(limit) + 1);
        let rows = query.fetch_all(self.pool()?).await.map_err(at("list tokens"))?;
        let one = |row: &AnyRow| {
            let words: String = row.try_get("scopes")?;
            Ok(Token {
                id: row.try_get("id")?,
                person: row.try_get("person_id")?,
                name: row.try_get("name")?,
                scopes: scopes(&words),
                created_ms: row.try_get("created_ms")?,
                expires_ms: row.try_get("expires_ms")?,
            })
        };
        let items: Vec<Token> = rows.iter().map(one).collect::<Result<_, _>>().map_err(at("list tokens"))?;
        Ok(Page::cut(items, limit, |one| one.id.clone()))
    }

    /// Removes a token of a user.
    ///
    /// # Errors
    /// One that is not there, or another's.
    pub async fn remove_token(&self, person: &str, id: &str) -> Result<(), ControlError> {
        let query = sqlx::query("DELETE FROM token WHERE id = $1 AND person_id = $2").bind(id).bind(person);
        let done = query.execute(self.pool()?).await.map_err(at("remove a token"))?;
        if done.rows_affected() == 0 {
            Err(ControlError::NotFound { kind: "token", id: id.to_string() })
        } else {
            Ok(())
        }
    }
}
