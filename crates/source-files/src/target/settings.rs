//! What a target was asked to restore, and what the process makes by itself.

use crate::options::Reader;
use datakeep_connector::{ConnectorError, Options};
use rustix::process::{getegid, geteuid};

/// Permission bits that every restore sets.
pub(super) const PLAIN_BITS: u16 = 0o777;
/// With setuid, setgid and sticky.
pub(super) const ALL_BITS: u16 = 0o7777;

/// Settings of one opened target.
pub(super) struct Settings {
    /// Give entries their stored owner and group.
    pub owner: bool,
    /// Restore setuid, setgid, sticky, capabilities and trusted attributes. They are left out otherwise.
    pub setuid: bool,
    /// Make device nodes.
    pub devices: bool,
    /// Make each file's data durable before it gets its name.
    pub fsync: bool,
    /// Restore extended attributes at all.
    pub xattrs: bool,
    /// Refuse every change.
    pub dry_run: bool,
    /// Bits that the process's umask takes away.
    pub umask: u16,
    pub user: u32,
    pub group: u32,
}

impl Settings {
    pub fn read(options: &Options, dry_run: bool) -> Result<Self, ConnectorError> {
        let options = Reader::new(options, &["owner", "setuid", "devices", "system", "fsync", "no-xattrs"])?;
        let system = options.flag("system")?;
        Ok(Self {
            owner: system || options.flag("owner")?,
            setuid: system || options.flag("setuid")?,
            devices: system || options.flag("devices")?,
            fsync: options.flag("fsync")?,
            xattrs: !options.flag("no-xattrs")?,
            dry_run,
            umask: umask(),
            user: geteuid().as_raw(),
            group: getegid().as_raw(),
        })
    }

    /// The bits an entry shall have.
    pub fn mode(&self, stored: u16) -> u16 {
        stored & if self.setuid { ALL_BITS } else { PLAIN_BITS }
    }

    /// True for attributes that are restored.
    pub fn wants_xattr(&self, name: &[u8]) -> bool {
        let is_privileged = name == b"security.capability" || name.starts_with(b"trusted.");
        self.xattrs && (self.setuid || !is_privileged)
    }
}

/// Read, because asking the kernel for it by `umask(2)` would change it for other threads meanwhile. When it cannot be
/// read it is taken to mask everything, so modes are always set.
fn umask() -> u16 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let value = status.lines().find_map(|line| line.strip_prefix("Umask:"));
    value.and_then(|text| u16::from_str_radix(text.trim(), 8).ok()).unwrap_or(ALL_BITS)
}
