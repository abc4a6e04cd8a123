//! Snapshots by the names people write: an id prefix, `SOURCE`, `SOURCE@latest`, `SOURCE@TIME`, `SOURCE@ID`, `latest`.

use crate::error::DistributeError;
use crate::near::nearest;
use datakeep_model::Timestamp;
use datakeep_store::Manifest;

/// A chosen snapshot.
pub type Chosen<'a> = &'a Manifest;

/// Splits `SNAPSHOT:PATH`. Without a colon there is no path. A source name never contains a colon.
pub fn split_place(text: &str) -> (&str, Option<&str>) {
    // A time holds colons as well: the path is what follows a colon and a slash, or the first colon when no time is there.
    if let Some(at) = text.find(":/") {
        return (&text[..at], Some(&text[at + 1..]));
    }
    match text.split_once('@') {
        Some((_, rest)) if parse_time_start(rest) => (text, None),
        _ => text.split_once(':').map_or((text, None), |(snapshot, path)| (snapshot, Some(path))),
    }
}

fn parse_time_start(text: &str) -> bool {
    text.len() >= 10 && text.as_bytes()[..4].iter().all(u8::is_ascii_digit) && text.as_bytes()[4] == b'-'
}

/// Chooses a snapshot. `manifests` are sorted oldest first; `parse_time` turns `TIME` into an instant (time zones are
/// the caller's business). `SOURCE@TIME` is the newest at or before that time.
pub fn choose<'a>(
    manifests: &'a [Manifest],
    name: &str,
    parse_time: &dyn Fn(&str) -> Option<Timestamp>,
) -> Result<Chosen<'a>, DistributeError> {
    if manifests.is_empty() {
        return Err(DistributeError::NoSnapshots);
    }
    if name.is_empty() || name == "latest" {
        return Ok(&manifests[manifests.len() - 1]);
    }
    if let Some((source, point)) = name.rsplit_once('@') {
        return at_point(manifests, source, point, parse_time);
    }
    if let Some(newest) = manifests.iter().rfind(|m| m.snapshot.source.name == name) {
        return Ok(newest);
    }
    match by_id(manifests.iter(), name)? {
        Some(manifest) => Ok(manifest),
        None => Err(not_found(manifests, name)),
    }
}

fn at_point<'a>(
    manifests: &'a [Manifest],
    source: &str,
    point: &str,
    parse_time: &dyn Fn(&str) -> Option<Timestamp>,
) -> Result<Chosen<'a>, DistributeError> {
    let of_source: Vec<&Manifest> = manifests.iter().filter(|m| m.snapshot.source.name == source).collect();
    let Some(newest) = of_source.last() else {
        let names = manifests.iter().map(|m| m.snapshot.source.name.as_str());
        let near = nearest(source, names).map(|near| format!("{near}@{point}"));
        return Err(DistributeError::NotFound { what: format!("source {source:?}"), near });
    };
    if point == "latest" || point.is_empty() {
        return Ok(newest);
    }
    if let Some(manifest) = by_id(of_source.iter().copied(), point)? {
        return Ok(manifest);
    }
    let Some(time) = parse_time(point) else {
        let near = nearest(point, ["latest"]).map(|near| format!("{source}@{near}"));
        let what = format!("snapshot {point:?} of source {source:?} (it is neither an id nor a time)");
        return Err(DistributeError::NotFound { what, near });
    };
    let before = of_source.iter().rfind(|m| m.snapshot.started <= time);
    before.copied().ok_or_else(|| {
        let oldest = of_source.first().map(|m| format!("{source}@{}", m.snapshot.id.short()));
        DistributeError::NotFound {
            what: format!("a snapshot of source {source:?} at or before {point}"),
            near: oldest,
        }
    })
}

fn by_id<'a>(
    manifests: impl Iterator<Item = &'a Manifest>,
    prefix: &str,
) -> Result<Option<&'a Manifest>, DistributeError> {
    if prefix.len() < 4 || !prefix.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
        return Ok(None);
    }
    let found: Vec<&Manifest> = manifests.filter(|m| m.snapshot.id.to_hex().starts_with(prefix)).collect();
    match found.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(one)),
        many => Err(DistributeError::Ambiguous {
            what: format!("snapshot id {prefix}"),
            candidates: many.iter().map(|m| m.snapshot.id.to_hex()).collect(),
        }),
    }
}

fn not_found(manifests: &[Manifest], name: &str) -> DistributeError {
    let sources = manifests.iter().map(|m| m.snapshot.source.name.as_str());
    let ids: Vec<String> = manifests.iter().map(|m| m.snapshot.id.short()).collect();
    let short: String = name.chars().take(8).collect();
    let near = nearest(name, sources.chain(["latest"])).map(str::to_string);
    let near = near.or_else(|| nearest(&short, ids.iter().map(String::as_str)).map(str::to_string));
    DistributeError::NotFound { what: format!("snapshot or source {name:?}"), near }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_split_where_the_path_begins() {
        assert_eq!(split_place("files@latest:/srv/a:b"), ("files@latest", Some("/srv/a:b")));
        assert_eq!(split_place("3fa9c01b:srv/a"), ("3fa9c01b", Some("srv/a")));
        assert_eq!(split_place("files"), ("files", None));
        assert_eq!(split_place("files@2026-01-02T10:11:12"), ("files@2026-01-02T10:11:12", None));
        assert_eq!(split_place("files@2026-01-02T10:11:/x"), ("files@2026-01-02T10:11", Some("/x")));
    }
}
