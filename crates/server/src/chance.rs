//! Chance is a parameter.

/// Gives bytes that nobody can guess.
pub trait Chance: Send + Sync {
    /// Fills `out`.
    fn fill(&self, out: &mut [u8]);

    /// 256 bits as text: a session, a token, a one-time link.
    fn secret(&self) -> String {
        let mut bytes = [0u8; 32];
        self.fill(&mut bytes);
        datakeep_manage::control::password::hex(&bytes)
    }

    /// A new id at this time.
    fn id(&self, now_ms: i64) -> String {
        let mut bytes = [0u8; 8];
        self.fill(&mut bytes);
        datakeep_manage::control::new_id(now_ms, bytes)
    }
}

/// The operating system's random bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsChance;

impl Chance for OsChance {
    fn fill(&self, out: &mut [u8]) {
        // Without chance there is no session that others cannot guess: nothing may go on.
        getrandom::fill(out).expect("the operating system gives random bytes");
    }
}
