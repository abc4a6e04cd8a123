//! Certificates for a test, made by `openssl`.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;

/// An authority that nobody knows.
pub struct Authority {
    folder: TempDir,
    signed: AtomicU32,
}

/// A certificate with its key.
pub struct Certificate {
    certificate: PathBuf,
    key: PathBuf,
    authority: PathBuf,
}

fn openssl(arguments: &[&str]) {
    let output = Command::new("openssl").args(arguments).output().expect("openssl runs");
    assert!(output.status.success(), "openssl: {}", String::from_utf8_lossy(&output.stderr));
}

const NEW_KEY: [&str; 6] = ["req", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Authority {
    /// A new one.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let authority = Self { folder, signed: AtomicU32::new(0) };
        let (file, key) = (authority.file().display().to_string(), authority.path("root.key"));
        let own = ["-x509", "-days", "30", "-subj", "/CN=An authority", "-keyout", &key, "-out", &file];
        openssl(&[&NEW_KEY[..], &own].concat());
        authority
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Its certificate.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("root.crt")
    }

    /// A certificate for a host or a role of this name.
    pub fn sign(&self, name: &str) -> Certificate {
        let number = self.signed.fetch_add(1, Ordering::Relaxed);
        let [key, request, file, more] = ["key", "csr", "crt", "ext"].map(|end| self.path(&format!("{number}.{end}")));
        openssl(&[&NEW_KEY[..], &["-subj", &format!("/CN={name}"), "-keyout", &key, "-out", &request]].concat());
        std::fs::write(&more, format!("subjectAltName=DNS:{name}\nbasicConstraints=CA:FALSE\n")).expect("a file");
        let (root, root_key) = (self.path("root.crt"), self.path("root.key"));
        let sign = ["x509", "-req", "-days", "30", "-set_serial", "7", "-CA", &root, "-CAkey", &root_key];
        openssl(&[&sign[..], &["-extfile", &more, "-in", &request, "-out", &file]].concat());
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).expect("permissions of a file");
        Certificate { certificate: file.into(), key: key.into(), authority: root.into() }
    }
}

impl Certificate {
    /// Its file.
    pub fn certificate(&self) -> &Path {
        &self.certificate
    }

    /// The file of its key.
    pub fn key(&self) -> &Path {
        &self.key
    }

    /// The file of who signed it.
    pub(crate) fn authority(&self) -> &Path {
        &self.authority
    }
}
