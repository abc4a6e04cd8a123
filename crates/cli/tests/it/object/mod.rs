//! Repositories in buckets: on a real server, and on one inside the test process that goes wrong as told.

mod life;
mod refusals;
mod several;
mod vanishing;

use crate::world::{Said, World};
use datakeep_testkit_s3::Endpoint;
use std::process::Command;

/// The secret of the store: it must never be seen anywhere.
pub const SECRET: &str = "testkit-secret-key";

/// A place of its own, and a bucket.
pub struct Remote {
    pub world: World,
    endpoint: Endpoint,
}

impl Remote {
    /// An empty bucket.
    pub fn bare(endpoint: Endpoint) -> Self {
        Self { world: World::bare(), endpoint }
    }

    /// With a repository.
    pub fn new(endpoint: Endpoint) -> Self {
        let remote = Self::bare(endpoint);
        remote.run(&["init", "--kdf-memory", "1", "--kdf-passes", "1", "--no-recovery-code"]).expect(0);
        remote
    }

    /// The program, with everything it must know of the bucket.
    pub fn command(&self) -> Command {
        let mut command = self.world.command();
        command
            .env("DATAKEEP_REPO", format!("s3://{}/backups/one", self.endpoint.bucket))
            .env("AWS_ENDPOINT_URL", &self.endpoint.url)
            .env("AWS_REGION", &self.endpoint.region)
            .env("AWS_ACCESS_KEY_ID", &self.endpoint.credentials.access_key)
            .env("AWS_SECRET_ACCESS_KEY", &self.endpoint.credentials.secret_key)
            .env("AWS_EC2_METADATA_DISABLED", "true");
        command
    }

    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> Said {
        self.run_with(&[], arguments)
    }

    #[track_caller]
    pub fn run_with(&self, environment: &[(&str, &str)], arguments: &[&str]) -> Said {
        let said: Said = self.command().envs(environment.iter().copied()).args(arguments).output().unwrap().into();
        for text in [&said.out, &said.err] {
            assert!(!text.contains(&self.endpoint.credentials.secret_key), "a secret is printed: {text}");
        }
        said
    }

    pub fn backup(&self) -> Said {
        self.run(&["backup", &self.world.text("tree")])
    }

    /// Restores a snapshot into a fresh folder and compares it with the tree as it is now.
    #[track_caller]
    pub fn expect_restored(&self, snapshot: &str, folder: &str) {
        use datakeep_testkit::{CompareOptions, compare_with, observe};
        let place = format!("{snapshot}:{}", self.world.text("tree"));
        self.run(&["restore", &place, "--to", &self.world.text(folder)]).expect(0);
        let (before, after) = (observe(&self.world.tree()).unwrap(), observe(&self.world.path(folder)).unwrap());
        assert_eq!(compare_with(&before, &after, &CompareOptions::default()), Vec::<String>::new());
    }
}
