//! Where a database is, as people write it: a URL, or the words of libpq (`host=db user=me dbname=shop`).

use crate::fault::usage;
use datakeep_connector::ConnectorError;
use datakeep_model::{Secret, escape_for_terminal};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];
const WORDS: &str = "postgres:";

/// What a location may say besides the password.
const KNOWN: [&str; 21] = [
    "application_name",
    "channel_binding",
    "connect_timeout",
    "dbname",
    "fallback_application_name",
    "gssencmode",
    "host",
    "hostaddr",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
    "options",
    "port",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "target_session_attrs",
    "tcp_user_timeout",
    "user",
];
/// Of these only libpq knows what to do with them.
const LIBPQ_ONLY: [&str; 7] =
    ["fallback_application_name", "gssencmode", "keepalives_count", "sslcert", "sslkey", "sslmode", "sslrootcert"];
const USUAL_PORT: &str = "5432";
/// Where servers usually keep their sockets.
const SOCKET_FOLDERS: [&str; 2] = ["/var/run/postgresql", "/tmp"];

/// How far a connection is protected, in the words of libpq.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum SslMode {
    /// Not at all.
    Disable,
    /// Encrypted where the server can.
    Prefer,
    /// Encrypted; the server is believed, unless a root certificate is named.
    Require,
    /// Encrypted; the server's certificate must be signed by a root that is trusted.
    VerifyCa,
    /// And must be of the host's name.
    VerifyFull,
}

/// A database, and how it is reached.
#[derive(Clone, Debug)]
pub(crate) struct Location {
    /// By the names of libpq, without the password.
    words: BTreeMap<String, String>,
    password: Option<Secret>,
    ssl_mode: SslMode,
    /// What people call the database, where it has a name of its own for a while.
    called: Option<String>,
}

/// True for a location of this connector.
pub(crate) fn is_location(location: &str) -> bool {
    location.starts_with(WORDS) || SCHEMES.iter().any(|scheme| location.starts_with(scheme))
}

impl Location {
    /// Reads a location. No part of it is told in an error: a password may stand anywhere in what is not understood.
    pub fn parse(location: &str) -> Result<Self, ConnectorError> {
        let parsed = match SCHEMES.iter().find_map(|scheme| location.strip_prefix(scheme)) {
            Some(rest) => parse_url(rest),
            None => parse_words(location.strip_prefix(WORDS).unwrap_or_default()),
        };
        let mut words = parsed.ok_or_else(|| {
            usage("the location of a PostgreSQL database cannot be read").with_hint(
                "write postgres://USER@HOST:PORT/DATABASE, or postgres:'host=HOST user=USER dbname=DATABASE'",
            )
        })?;
        let password = words.remove("password").map(|password| Secret::new(password.into_bytes()));
        if let Some(name) = words.keys().find(|name| !KNOWN.contains(&name.as_str())) {
            let error = usage(format!("unknown setting `{}` of a connection", escape_for_terminal(name.as_bytes())));
            return Err(error.with_hint(format!("known settings: {}, password", KNOWN.join(", "))));
        }
        if words.values().any(|value| value.contains('\0')) {
            return Err(usage("a setting of a connection holds a zero character"));
        }
        let ssl_mode = ssl_mode(words.get("sslmode").map(String::as_str))?;
        if !words.contains_key("host") && !words.contains_key("hostaddr") {
            let port = words.get("port").map_or(USUAL_PORT, String::as_str);
            let has_socket = |folder: &&str| Path::new(folder).join(format!(".s.PGSQL.{port}")).exists();
            let host = SOCKET_FOLDERS.into_iter().find(has_socket).unwrap_or("localhost");
            words.insert("host".to_owned(), host.to_owned());
        }
        Ok(Self { words, password, ssl_mode, called: None })
    }

    /// The same with settings that count where it says nothing of them.
    pub fn with_words(mut self, words: &[(&'static str, String)]) -> Result<Self, ConnectorError> {
        for (name, value) in words {
            if self.word(name).is_none() {
                self.words.insert((*name).to_owned(), value.clone());
            }
        }
        self.ssl_mode = ssl_mode(self.word("sslmode"))?;
        Ok(self)
    }

    /// Host, port, database and user, as a file of passwords names them.
    pub fn names(&self) -> [&str; 4] {
        let host = self.word("host").or_else(|| self.word("hostaddr")).unwrap_or("localhost");
        // Whoever comes by a socket is of this machine.
        let host = if host.starts_with('/') { "localhost" } else { host };
        let user = self.word("user").unwrap_or_default();
        [host, self.word("port").unwrap_or(USUAL_PORT), self.database().unwrap_or_default(), user]
    }

    /// The same server with this password.
    #[must_use]
    pub fn with_password(mut self, password: Secret) -> Self {
        self.password = Some(password);
        self
    }

    /// Another database of the same server.
    #[must_use]
    pub fn with_database(mut self, name: &str) -> Self {
        self.words.insert("dbname".to_owned(), name.to_owned());
        self
    }

    /// The same, told to people as if its database had this name: it will have it soon.
    #[must_use]
    pub fn called(mut self, name: Option<&str>) -> Self {
        self.called = name.map(str::to_owned);
        self
    }

    /// The database's name, where it is given.
    pub fn database(&self) -> Option<&str> {
        self.word("dbname").or_else(|| self.word("user"))
    }

    /// True where a database is named, and not only a user whose own it could be.
    pub fn has_database(&self) -> bool {
        self.word("dbname").is_some()
    }

    /// As people write it, without the password.
    pub fn written(&self) -> String {
        format!("postgres:{}", self.conninfo())
    }

    /// The password, to be handed to a program in its environment and nowhere else.
    pub fn password(&self) -> Option<&Secret> {
        self.password.as_ref()
    }

    /// How far the connection is protected.
    pub fn ssl_mode(&self) -> SslMode {
        self.ssl_mode
    }

    /// A file that the location names.
    pub fn file(&self, word: &str) -> Option<PathBuf> {
        self.word(word).map(PathBuf::from)
    }

    fn word(&self, name: &str) -> Option<&str> {
        self.words.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The location for programs that use libpq, without the password.
    pub fn conninfo(&self) -> String {
        to_words(self.words.iter())
    }

    /// The location for the driver.
    pub fn config(&self) -> Result<tokio_postgres::Config, ConnectorError> {
        let words = self.words.iter().filter(|(name, _)| !LIBPQ_ONLY.contains(&name.as_str()));
        let mut config: tokio_postgres::Config = to_words(words)
            .parse()
            .map_err(|_| usage("a setting of the connection has a value that cannot be read"))?;
        config.ssl_mode(match self.ssl_mode {
            SslMode::Disable => tokio_postgres::config::SslMode::Disable,
            SslMode::Prefer => tokio_postgres::config::SslMode::Prefer,
            _ => tokio_postgres::config::SslMode::Require,
        });
        if let Some(password) = &self.password {
            config.password(password.expose());
        }
        if config.get_application_name().is_none() {
            config.application_name("datakeep");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(std::time::Duration::from_secs(30));
        }
        Ok(config)
    }

    /// The location as people may see it: without the password, and without what does not say which database it is.
    pub fn shown(&self) -> String {
        let host = self.word("host").or_else(|| self.word("hostaddr")).unwrap_or_default();
        let (user, database) = (self.word("user"), self.called.as_deref().or(self.word("dbname")));
        let mut shown = "postgres://".to_owned();
        if let Some(user) = user {
            shown += &format!("{}@", encoded(user));
        }
        // The usual port is the same place as none.
        let (is_socket, port) = (host.starts_with('/'), self.word("port").filter(|port| *port != USUAL_PORT));
        if !is_socket {
            shown += host;
            shown += &port.map(|port| format!(":{port}")).unwrap_or_default();
        }
        shown += &format!("/{}", database.map(encoded).unwrap_or_default());
        if is_socket {
            shown += &format!("?host={}", encoded(host));
            shown += &port.map(|port| format!("&port={port}")).unwrap_or_default();
        }
        escape_for_terminal(shown.as_bytes())
    }
}

fn ssl_mode(word: Option<&str>) -> Result<SslMode, ConnectorError> {
    Ok(match word {
        None | Some("" | "prefer" | "allow") => SslMode::Prefer,
        Some("disable") => SslMode::Disable,
        Some("require") => SslMode::Require,
        Some("verify-ca") => SslMode::VerifyCa,
        Some("verify-full") => SslMode::VerifyFull,
        Some(other) => {
            let error = usage(format!("sslmode `{}` is unknown", escape_for_terminal(other.as_bytes())));
            return Err(error.with_hint("disable, allow, prefer, require, verify-ca or verify-full"));
        }
    })
}

fn to_words<'a>(words: impl Iterator<Item = (&'a String, &'a String)>) -> String {
    let escaped = |value: &str| value.replace('\\', "\\\\").replace('\'', "\\'");
    words.map(|(name, value)| format!("{name}='{}'", escaped(value))).collect::<Vec<_>>().join(" ")
}

/// `[user[:password]@][host[:port][,...]][/dbname][?name=value[&...]]`, percent-encoded.
fn parse_url(rest: &str) -> Option<BTreeMap<String, String>> {
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    let (person, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (user, password) = person.split_once(':').map_or((person, None), |(user, password)| (user, Some(password)));
    let mut words = BTreeMap::new();
    let mut put = |name: &str, value: String| {
        if !value.is_empty() {
            words.insert(name.to_owned(), value);
        }
    };
    put("user", decoded(user)?);
    put("password", decoded(password.unwrap_or_default())?);
    put("dbname", decoded(database)?);
    let (mut names, mut ports) = (Vec::new(), Vec::new());
    for host in hosts.split(',').filter(|host| !host.is_empty()) {
        let (name, port) = split_port(host)?;
        names.push(decoded(name)?);
        ports.push(port.to_owned());
    }
    put("host", names.join(","));
    if ports.iter().any(|port| !port.is_empty()) {
        let all: Vec<&str> = ports.iter().map(|port| if port.is_empty() { "5432" } else { port }).collect();
        put("port", all.join(","));
    }
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=')?;
        let (name, value) = (decoded(name)?, decoded(value)?);
        put(if name == "ssl" { "sslmode" } else { &name }, if name == "ssl" { "require".to_owned() } else { value });
    }
    Some(words)
}

fn split_port(host: &str) -> Option<(&str, &str)> {
    let (name, rest) = match host.strip_prefix('[') {
        Some(address) => address.split_once(']')?,
        None => host.split_at(host.find(':').unwrap_or(host.len())),
    };
    let port = if rest.is_empty() { "" } else { rest.strip_prefix(':')? };
    port.bytes().all(|byte| byte.is_ascii_digit()).then_some((name, port))
}

/// `name = value` or `name='va\'lue'`, divided by blanks.
fn parse_words(text: &str) -> Option<BTreeMap<String, String>> {
    let mut words = BTreeMap::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=')?;
        let name = name.trim_end();
        if name.is_empty() || name.contains(char::is_whitespace) {
            return None;
        }
        let (value, after) = take_value(after.trim_start())?;
        words.insert(name.to_owned(), value);
        rest = after.trim_start();
    }
    Some(words)
}

fn take_value(text: &str) -> Option<(String, &str)> {
    let is_quoted = text.starts_with('\'');
    let body = if is_quoted { &text[1..] } else { text };
    let mut value = String::new();
    let mut characters = body.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => value.push(characters.next()?.1),
            '\'' if is_quoted => return Some((value, &body[at + 1..])),
            blank if !is_quoted && blank.is_whitespace() => return Some((value, &body[at..])),
            other => value.push(other),
        }
    }
    (!is_quoted).then_some((value, ""))
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        if first == b'%' {
            let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok())?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &after[2..];
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || !byte.is_ascii();
    let mut encoded = String::new();
    for character in text.chars() {
        if character.is_ascii() && !plain(character as u8) {
            encoded += &format!("%{:02X}", character as u8);
        } else {
            encoded.push(character);
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(location: &str, conninfo: &str, shown: &str) {
        let parsed = Location::parse(location).expect(location);
        assert_eq!(parsed.conninfo(), conninfo, "{location}");
        assert_eq!(parsed.shown(), shown, "{location}");
        assert!(parsed.config().is_ok(), "{location}");
    }

    #[test]
    fn both_ways_of_writing_are_read() {
        check("postgres://db/shop", "dbname='shop' host='db'", "postgres://db/shop");
        check(
            "postgresql://me:pa%3Ass@db:5433/my%20shop?application_name=x",
            "application_name='x' dbname='my shop' host='db' port='5433' user='me'",
            "postgres://me@db:5433/my%20shop",
        );
        check("postgres://db:5432/shop", "dbname='shop' host='db' port='5432'", "postgres://db/shop");
        check("postgres://%2Frun%2Fpg/shop", "dbname='shop' host='/run/pg'", "postgres:///shop?host=%2Frun%2Fpg");
        check("postgres:///shop?host=/run/pg", "dbname='shop' host='/run/pg'", "postgres:///shop?host=%2Frun%2Fpg");
        check("postgres://[::1]:7/x", "dbname='x' host='::1' port='7'", "postgres://::1:7/x");
        check("postgres://a,b:7/x", "dbname='x' host='a,b' port='5432,7'", "postgres://a,b:5432,7/x");
        check("postgres:host = db  dbname='it\\'s' user=a\\ b", "dbname='it\\'s' host='db' user='a b'", {
            "postgres://a%20b@db/it%27s"
        });
    }

    #[test]
    fn a_password_is_taken_and_never_told() {
        for location in ["postgres://me:se%41cret@db/x", "postgres:user=me password=seAcret host=db dbname=x"] {
            let parsed = Location::parse(location).expect("read");
            assert_eq!(parsed.password().map(Secret::expose), Some(&b"seAcret"[..]));
            let told = format!("{parsed:?} {} {}", parsed.shown(), parsed.conninfo());
            assert!(!told.contains("seAcret"), "{told}");
        }
        for location in
            ["postgres://me:seAcret%@db/x", "postgres:password=seAcret x", "postgres://me:seAcret@db:port/x"]
        {
            let error = Location::parse(location).expect_err("refused");
            assert!(!format!("{error:?}").contains("seAcret"), "{error:?}");
        }
    }

    #[test]
    fn what_is_unknown_is_refused() {
        for location in ["postgres://db/x?sslmode=maybe", "postgres://db/x?colour=red", "postgres:host", "postgres:'a"]
        {
            assert!(Location::parse(location).is_err(), "{location}");
        }
        assert_eq!(
            Location::parse("postgres://db/x?sslmode=verify-full").expect("read").ssl_mode(),
            SslMode::VerifyFull
        );
    }
}
