//! Where the programs of a major version are.

use std::path::{Path, PathBuf};

/// The programs of one major version.
#[derive(Clone, Debug)]
pub struct Install {
    major: u32,
    /// The folder that holds `bin`.
    folder: PathBuf,
}

impl Install {
    /// The programs of this major version; the folders that were looked at when they are not here.
    pub fn find(major: u32) -> Result<Self, String> {
        let mut looked = Vec::new();
        for folder in candidates(major) {
            if folder.join("bin/postgres").is_file() {
                return Ok(Self { major, folder });
            }
            looked.push(folder.display().to_string());
        }
        Err(format!("PostgreSQL {major} is not here; `./x tools` installs it. Looked in: {}", looked.join(", ")))
    }

    /// The major version.
    pub fn major(&self) -> u32 {
        self.major
    }

    /// A program; it may be one that is not there, since some installations hold the server alone.
    pub fn program(&self, name: &str) -> PathBuf {
        self.folder.join("bin").join(name)
    }

    /// The folder that holds `bin`.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

/// A file of the schema of a program that is used, as `./x tools` takes it from its Debian package; the folders that were
/// looked at when it is not here.
pub fn schema_file(program: &str, file: &str) -> Result<PathBuf, String> {
    let files: Vec<PathBuf> = tools().map(|tools| tools.join("schemas").join(program).join(file)).collect();
    let looked = || files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", ");
    let found = files.iter().find(|file| file.is_file()).cloned();
    found.ok_or_else(|| {
        format!("the schema of {program} is not here; `./x tools` installs it. Looked for: {}", looked())
    })
}

fn candidates(major: u32) -> Vec<PathBuf> {
    let named = std::env::var_os(format!("DATAKEEP_POSTGRES_{major}")).map(PathBuf::from);
    let installed = tools().map(|tools| tools.join(format!("postgres-{major}")));
    let debian = PathBuf::from(format!("/usr/lib/postgresql/{major}"));
    named.into_iter().chain([debian]).chain(installed).collect()
}

/// Where `./x tools` keeps what is no package of the system.
fn tools() -> impl Iterator<Item = PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
    let own = cache.map(|cache| cache.join("datakeep-tools"));
    own.into_iter().chain([PathBuf::from("/var/cache/datakeep-tools")])
}
