//! Nothing is written outside the target, whatever stands in it.

use crate::support::{open_target, path, replacing, spec};
use datakeep_connector::ItemSpec;
use datakeep_model::{FileType, LossCause, Meta, Timestamp};
use std::os::unix::fs::symlink;
use std::path::PathBuf;

struct Place {
    _dir: tempfile::TempDir,
    target: PathBuf,
    outside: PathBuf,
}

/// A target and, beside it, what must not change.
fn place() -> Place {
    let dir = tempfile::tempdir().unwrap();
    let (target, outside) = (dir.path().join("target"), dir.path().join("outside"));
    std::fs::create_dir(&target).unwrap();
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("victim"), b"untouched").unwrap();
    Place { _dir: dir, target, outside }
}

impl Place {
    fn check_outside(&self) {
        assert_eq!(std::fs::read(self.outside.join("victim")).unwrap(), b"untouched");
        assert_eq!(std::fs::read_dir(&self.outside).unwrap().count(), 1);
    }
}

fn meta(file_type: FileType) -> Meta {
    Meta { len_bytes: 3, ..Meta::synthetic(file_type, 0o644, Timestamp::new(5, 6)) }
}

#[test]
fn a_link_in_the_place_of_a_directory_is_not_written_through() {
    for replace in [false, true] {
        let place = place();
        symlink("../outside", place.target.join("link")).unwrap();
        let target = open_target(&place.target, &[]);
        let (file, directory) = (meta(FileType::File), meta(FileType::Directory));
        for inner in ["link/new", "link/victim", "link/a/b"] {
            let inner = path(inner);
            let spec = ItemSpec { replace, ..spec(&inner, &file) };
            let special = ItemSpec { link_target: Some(b"x"), meta: &meta(FileType::Symlink), ..spec };
            assert_eq!(target.write_file(spec, &[b"bad"]).unwrap_err().cause, LossCause::Refused);
            assert!(target.open_file(spec, false).is_err());
            assert!(target.open_file(spec, true).is_err());
            assert!(target.make_directory(ItemSpec { meta: &directory, ..spec }).is_err());
            assert!(target.make_special(special).is_err());
            assert!(target.make_hard_link(spec, &path("link/victim")).is_err());
            assert!(target.set_metadata(spec).is_err());
            assert!(target.remove(&inner).is_err());
            assert!(target.read(&inner).is_err());
            assert_eq!(target.look(&inner).unwrap(), None);
            assert!(target.list(&inner).unwrap().is_empty());
        }
        assert!(target.list(&path("link")).unwrap().is_empty());
        assert!(target.finish_directory(spec(&path("link"), &directory)).is_err());
        assert!(target.set_metadata(spec(&path("link"), &directory)).is_err());
        place.check_outside();
        // The link itself may go.
        target.remove(&path("link")).unwrap();
        place.check_outside();
    }
}

#[test]
fn a_link_in_the_place_of_a_file_is_not_written_through() {
    let place = place();
    let link = || {
        let _ = std::fs::remove_file(place.target.join("f"));
        symlink("../outside/victim", place.target.join("f")).unwrap();
    };
    let target = open_target(&place.target, &[]);
    let (file, at) = (meta(FileType::File), path("f"));
    link();
    assert_eq!(target.write_file(spec(&at, &file), &[b"bad"]).unwrap_err().cause, LossCause::Refused);
    assert!(target.open_file(spec(&at, &file), false).is_err());
    assert!(target.set_metadata(spec(&at, &file)).is_err());
    assert!(target.read(&at).is_err());
    place.check_outside();
    target.write_file(replacing(&at, &file), &[b"new"]).unwrap();
    assert_eq!(std::fs::read(place.target.join("f")).unwrap(), b"new");
    for update in [false, true] {
        link();
        let mut sink = target.open_file(replacing(&at, &file), update).unwrap();
        sink.write_at(0, b"abc").unwrap();
        sink.finish(replacing(&at, &file)).unwrap();
        assert!(std::fs::symlink_metadata(place.target.join("f")).unwrap().is_file());
        place.check_outside();
    }
    link();
    target.make_directory(replacing(&at, &meta(FileType::Directory))).unwrap();
    assert!(std::fs::symlink_metadata(place.target.join("f")).unwrap().is_dir());
    place.check_outside();
}

#[test]
fn a_directory_that_was_exchanged_for_a_link_during_the_run_is_not_followed() {
    let place = place();
    let target = open_target(&place.target, &[]);
    let (file, directory) = (meta(FileType::File), meta(FileType::Directory));
    for made in ["d", "d/e"] {
        target.make_directory(spec(&path(made), &directory)).unwrap();
    }
    target.write_file(spec(&path("d/e/first"), &file), &[b"one"]).unwrap();
    std::fs::rename(place.target.join("d"), place.target.join("aside")).unwrap();
    symlink("../outside", place.target.join("d")).unwrap();
    // `d/e` may still be open and then is the directory that was moved; the link is followed in no case.
    let _ = target.write_file(spec(&path("d/e/second"), &file), &[b"two"]);
    let _ = target.write_file(spec(&path("d/third"), &file), &[b"two"]);
    assert!(target.finish_directory(spec(&path("d"), &directory)).is_err());
    let _ = target.finish_directory(spec(&path("d/e"), &directory));
    place.check_outside();
}

#[test]
fn removing_follows_nothing() {
    let place = place();
    let inner = place.target.join("tree/inner");
    std::fs::create_dir_all(&inner).unwrap();
    symlink("../../../outside", inner.join("link")).unwrap();
    symlink(&place.outside, place.target.join("tree/absolute")).unwrap();
    std::fs::write(inner.join("file"), b"").unwrap();
    let target = open_target(&place.target, &[]);
    target.remove(&path("tree")).unwrap();
    target.remove(&path("tree")).unwrap();
    assert_eq!(std::fs::read_dir(&place.target).unwrap().count(), 0);
    assert!(target.remove(&path("")).is_err());
    place.check_outside();
}

#[test]
fn other_names_of_a_file_keep_their_bytes() {
    let place = place();
    std::fs::hard_link(place.outside.join("victim"), place.target.join("f")).unwrap();
    let target = open_target(&place.target, &[]);
    let (file, at) = (Meta { len_bytes: 9, ..meta(FileType::File) }, path("f"));
    let mut sink = target.open_file(replacing(&at, &file), true).unwrap();
    let mut bytes = [0; 20];
    assert_eq!(sink.read_at(0, &mut bytes).unwrap(), 9);
    assert_eq!(&bytes[..9], b"untouched");
    sink.write_at(0, b"XX").unwrap();
    sink.finish(replacing(&at, &file)).unwrap();
    assert_eq!(std::fs::read(place.target.join("f")).unwrap(), b"XXtouched");
    place.check_outside();
}
