//! Names of users and groups, from the files that hold them.

use std::path::Path;

/// The names of `ids` in a file of lines `name:x:id:...` (passwd(5), group(5)), in the order of the ids. Ids that are
/// not there are left out; so is everything when the file cannot be read.
pub(crate) fn names(file: impl AsRef<Path>, ids: &[u32]) -> Vec<(u32, String)> {
    let bytes = std::fs::read(file).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let entries: Vec<(u32, &str)> = text.lines().filter_map(entry).collect();
    ids.iter()
        .filter_map(|id| entries.iter().find(|(known, _)| known == id))
        .map(|&(id, name)| (id, name.to_owned()))
        .collect()
}

fn entry(line: &str) -> Option<(u32, &str)> {
    let mut fields = line.split(':');
    let name = fields.next().filter(|name| !name.is_empty() && !name.starts_with(['#', '+', '-']))?;
    let id = fields.nth(1)?.parse().ok()?;
    Some((id, name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn known_ids_get_their_first_name() {
        let mut file = tempfile::NamedTempFile::new().expect("temp");
        file.write_all(b"# x:x:1:\nroot:x:0:0::/root:/bin/sh\ntoor:x:0:0::\n+::\nme:x:1000:1000::\nbad:x:y\n")
            .expect("write");
        let expect = vec![(1000, "me".to_owned()), (0, "root".to_owned())];
        assert_eq!(names(file.path(), &[1000, 1, 0]), expect);
        assert!(names("/does/not/exist", &[0]).is_empty());
    }
}
