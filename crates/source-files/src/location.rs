//! From what the user wrote to the points where the walk begins.

use crate::near::nearest;
use crate::options::usage;
use crate::sys;
use datakeep_connector::ConnectorError;
use datakeep_model::{ErrorKind, ItemPath};
use rustix::fs::CWD;
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

/// A place that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Location {
    pub path: ItemPath,
    /// True when a link there is to be followed: the location ended in a slash.
    pub follow: bool,
}

/// The tree of the places asked for and their ancestors.
#[derive(Debug, Default, Clone)]
pub(crate) struct Point {
    pub children: BTreeMap<Vec<u8>, Arc<Point>>,
    /// True when everything from here on was asked for.
    pub is_root: bool,
    pub follow: bool,
}

impl Point {
    pub fn tree(locations: &[Location]) -> Arc<Self> {
        let mut top = Self::default();
        for location in locations {
            let mut point = &mut top;
            for name in location.path.components() {
                point = Arc::make_mut(point.children.entry(name.to_vec()).or_default());
            }
            point.is_root = true;
            point.follow |= location.follow;
        }
        Arc::new(top)
    }
}

/// True when a location is a path and not another connector's address.
pub(crate) fn is_path(location: &str) -> bool {
    if location.is_empty() || location == "-" {
        return false;
    }
    if location.starts_with("file:") {
        return true;
    }
    // `ab:` and longer is a scheme (RFC 3986, 3.1); a single letter or anything with a slash before the colon is not.
    let Some((scheme, _)) = location.split_once(':') else { return true };
    let mut bytes = scheme.bytes();
    let starts_well = bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic());
    let is_scheme = starts_well
        && scheme.len() > 1
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    !is_scheme
}

/// Makes a location absolute by its text alone: links are not resolved, `..` takes the component before it.
pub(crate) fn parse(text: &str, current: &Path) -> Result<Location, ConnectorError> {
    let plain = text.strip_prefix("file:").unwrap_or(text);
    if plain.is_empty() {
        return Err(usage("an empty location").with_hint("name a directory or a file"));
    }
    if plain.contains('\0') {
        return Err(usage(format!("location `{}` contains a NUL byte", plain.escape_default())));
    }
    let mut bytes = Vec::new();
    if !plain.starts_with('/') {
        bytes.extend_from_slice(current.as_os_str().as_bytes());
        bytes.push(b'/');
    }
    bytes.extend_from_slice(plain.as_bytes());
    let mut components: Vec<&[u8]> = Vec::new();
    for component in bytes.split(|&byte| byte == b'/') {
        match component {
            b"" | b"." => {}
            b".." => drop(components.pop()),
            name => components.push(name),
        }
    }
    let path = components.iter().try_fold(ItemPath::root(), |path, name| path.join(name));
    let path = path.map_err(|error| usage(format!("location `{text}`: {error}")))?;
    let follow = [b"/".as_slice(), b"/.", b"/.."].iter().any(|end| bytes.ends_with(end));
    Ok(Location { path, follow })
}

/// The absolute path of an item path, for the kernel.
pub(crate) fn absolute(path: &ItemPath) -> CString {
    let mut bytes = vec![b'/'];
    bytes.extend_from_slice(path.as_bytes());
    // An item path holds no NUL byte.
    CString::new(bytes).unwrap_or_default()
}

/// Refuses a location where nothing stands, and says what stands near it.
pub(crate) fn check_exists(location: &Location, text: &str) -> Result<(), ConnectorError> {
    let path = absolute(&location.path);
    let looked = if location.follow { sys::look_through(CWD, &path) } else { sys::look_at(CWD, &path) };
    let errno = match looked {
        Ok(looked) if location.follow && looked.meta.file_type != datakeep_model::FileType::Directory => Errno::NOTDIR,
        Ok(_) => return Ok(()),
        Err(errno) => errno,
    };
    let kind = match errno {
        Errno::ACCESS | Errno::PERM => ErrorKind::Denied,
        Errno::NOENT | Errno::NOTDIR | Errno::LOOP => ErrorKind::NotFound,
        _ => ErrorKind::Source,
    };
    let error = ConnectorError::new(kind, format!("cannot read `{text}`: {}", sys::words(errno)));
    Err(match near_name(&location.path) {
        Some(near) if kind == ErrorKind::NotFound => error.with_hint(format!("did you mean `{near}`?")),
        _ if kind == ErrorKind::NotFound => {
            error.with_hint("nothing stands there; a relative path begins at the current directory")
        }
        _ if kind == ErrorKind::Denied => error.with_hint("run it as a user that may read it"),
        _ => error,
    })
}

/// The first component that does not exist, replaced by its nearest neighbour.
fn near_name(path: &ItemPath) -> Option<String> {
    let mut parent = std::path::PathBuf::from("/");
    for component in path.components() {
        let next = parent.join(std::ffi::OsStr::from_bytes(component));
        if next.symlink_metadata().is_ok() {
            parent = next;
            continue;
        }
        let names: Vec<String> = std::fs::read_dir(&parent)
            .ok()?
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        let near = nearest(std::str::from_utf8(component).ok()?, names.iter().map(String::as_str))?;
        return parent.join(near).to_str().map(str::to_owned);
    }
    None
}

/// The name of a source when none was given.
pub(crate) fn derived_name(locations: &[Location]) -> String {
    const MOST_NAMED: usize = 3;
    let last = |location: &Location| match location.path.name() {
        b"" => "root".to_owned(),
        name => String::from_utf8_lossy(name).into_owned(),
    };
    let mut names: Vec<String> = locations.iter().take(MOST_NAMED).map(last).collect();
    if locations.len() > MOST_NAMED {
        names.push(format!("{}-more", locations.len() - MOST_NAMED));
    }
    datakeep_model::SourceInfo::to_name(&names.join("+"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemes_are_told_from_paths() {
        for path in ["/srv", "srv", "./a:b", "file:/srv", "C:", "a b:c", "dir/x:y", "~"] {
            assert!(is_path(path), "{path}");
        }
        for other in ["", "-", "cmd:", "s3://bucket", "postgres:db", "sftp+x:y"] {
            assert!(!is_path(other), "{other}");
        }
    }

    #[test]
    fn locations_become_absolute_by_their_text() {
        let check = |text: &str, expect: &str, follow: bool| {
            let location = parse(text, Path::new("/home/me")).expect("good");
            assert_eq!((location.path.as_bytes(), location.follow), (expect.as_bytes(), follow), "{text}");
        };
        check("/srv/files", "srv/files", false);
        check("srv", "home/me/srv", false);
        check("../x/./y//z/", "home/x/y/z", true);
        check("/../../a", "a", false);
        check("/", "", true);
        check(".", "home/me", true);
        check("file:/srv", "srv", false);
        check("file:///srv/a", "srv/a", false);
        assert!(parse("", Path::new("/")).is_err());
        assert!(parse("file:", Path::new("/")).is_err());
    }

    #[test]
    fn names_are_derived() {
        let name = |texts: &[&str]| {
            let all: Vec<Location> = texts.iter().map(|t| parse(t, Path::new("/")).expect("good")).collect();
            derived_name(&all)
        };
        assert_eq!(name(&["/srv/files"]), "files");
        assert_eq!(name(&["/"]), "root");
        assert_eq!(name(&["/home/me@host:1"]), "me-host-1");
        assert_eq!(name(&["/srv/latest"]), "latest-");
        assert_eq!(name(&["/a", "/b/c"]), "a+c");
        assert_eq!(name(&["/a", "/b", "/c", "/d", "/e"]), "a+b+c+2-more");
    }
}
