//! Files of passwords as libpq reads them (PostgreSQL manual, 34.16): lines of `host:port:database:user:password`, each of the
//! first four a name or `*`, `\\` before a colon or a backslash that is part of a name. The first line that fits counts.

use crate::fault::usage;
use crate::location::Location;
use crate::options::Settings;
use datakeep_connector::ConnectorError;
use datakeep_model::{Secret, escape_for_terminal};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// No file of passwords is longer.
const MAX_LEN_BYTES: u64 = 1 << 20;

/// The password of a location in the file that was named, or in the user's own folder.
pub(crate) fn find(settings: &Settings, location: &Location) -> Result<Option<Secret>, ConnectorError> {
    let own = settings.home.as_ref().map(|home| home.join(".pgpass"));
    match (&settings.pass_file, own) {
        (Some(named), _) => read(named, location),
        (None, Some(own)) if own.is_file() => read(&own, location),
        _ => Ok(None),
    }
}

fn read(path: &Path, location: &Location) -> Result<Option<Secret>, ConnectorError> {
    let shown = escape_for_terminal(path.as_os_str().as_encoded_bytes());
    let failed = |error: std::io::Error| usage(format!("cannot read the passwords in {shown}: {error}"));
    let meta = std::fs::metadata(path).map_err(failed)?;
    if meta.permissions().mode() & 0o077 != 0 {
        return Err(
            usage(format!("{shown} can be read by others than its owner")).with_hint("protect it: chmod 600 FILE")
        );
    }
    if meta.len() > MAX_LEN_BYTES {
        return Err(usage(format!("{shown} is too long for a file of passwords")));
    }
    let text = std::fs::read_to_string(path).map_err(failed)?;
    Ok(password(&text, location.names()).map(|password| Secret::new(password.into_bytes())))
}

/// The password of the first line that fits.
fn password(text: &str, names: [&str; 4]) -> Option<String> {
    text.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let fields = fields(line);
        let (wanted, password) = (fields.get(..4)?, fields.get(4)?);
        let fits = wanted.iter().zip(names).all(|(wanted, name)| wanted == "*" || *wanted == name);
        fits.then(|| password.clone())
    })
}

/// The parts of a line between its colons; a fifth has all that is left.
fn fields(line: &str) -> Vec<String> {
    let (mut fields, mut field, mut is_escaped) = (Vec::new(), String::new(), false);
    for character in line.chars() {
        match character {
            '\\' if !is_escaped => is_escaped = true,
            ':' if !is_escaped && fields.len() < 4 => fields.push(std::mem::take(&mut field)),
            other => {
                field.push(other);
                is_escaped = false;
            }
        }
    }
    fields.push(field);
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_fits_counts() {
        let text = "# a comment\nother:*:*:*:no\ndb:5432:shop:me:first\n*:*:*:me:any\n*:*:a\\:b:you:with\\:colon\nshort:line\n";
        let of = |names| password(text, names);
        assert_eq!(of(["db", "5432", "shop", "me"]).as_deref(), Some("first"));
        assert_eq!(of(["db", "5433", "shop", "me"]).as_deref(), Some("any"));
        assert_eq!(of(["x", "1", "a:b", "you"]).as_deref(), Some("with:colon"));
        assert_eq!(of(["x", "1", "b", "you"]), None);
        assert_eq!(password("*:*:*:*:a:b", ["x", "1", "y", "z"]).as_deref(), Some("a:b"));
    }
}
