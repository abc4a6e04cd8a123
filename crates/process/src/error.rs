//! What can go wrong in this crate.

use datakeep_model::ErrorKind;

use crate::recovery::RecoveryError;

/// Why a machine refused its input.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ProcessError {
    /// Chunk sizes that the chunker cannot work with.
    #[error("chunker parameters are not usable: {0}")]
    ChunkerParams(&'static str),
    /// The compression library does not take these settings.
    #[error("compression settings are not usable: {0}")]
    CompressionSettings(&'static str),
    /// The compression library failed on valid input.
    #[error("compression failed: {0}")]
    Compression(&'static str),
    /// Stored bytes are no frame of the compression library, or do not decompress.
    #[error("stored bytes do not decompress: {0}")]
    Decompression(&'static str),
    /// A frame claims, or was asked, to hold more than one frame may.
    #[error("a frame of {len_bytes} bytes is longer than the {max_bytes} allowed")]
    FrameTooLong {
        /// The length claimed.
        len_bytes: usize,
        /// The most that is allowed.
        max_bytes: usize,
    },
    /// A frame holds more or fewer bytes than its header says.
    #[error("a frame does not hold the {expected_bytes} bytes its header says")]
    FrameLength {
        /// The length its header says.
        expected_bytes: usize,
    },
    /// A counter beyond [`crate::MAX_COUNTER`]: the key has sealed all it may.
    #[error("position {0} is beyond what one object key may seal")]
    Counter(u64),
    /// The cipher could not work on this input (too long for one message).
    #[error("the cipher refused the input")]
    Seal,
    /// The tag does not match: bytes, position or surroundings are not what was sealed.
    #[error("sealed bytes are not what was written")]
    Damaged,
    /// The password or recovery code does not open the slot.
    #[error("the password or recovery code does not open this key slot")]
    WrongPassword,
    /// The password is right, but the wrapped key, or what it is bound to, was altered.
    #[error("the key slot is damaged: its password is right, the key in it is not")]
    DamagedSlot,
    /// Password hashing parameters outside of what this program accepts.
    #[error("password hashing parameters are not accepted: {0}")]
    KdfParams(&'static str),
    /// Password hashing failed, most likely for want of memory.
    #[error("password hashing failed: {0}")]
    Kdf(String),
    /// A recovery code that cannot be right.
    #[error(transparent)]
    Recovery(#[from] RecoveryError),
}

impl ProcessError {
    /// The coarse kind.
    pub fn kind(&self) -> ErrorKind {
        match self {
            ProcessError::ChunkerParams(_) | ProcessError::KdfParams(_) => ErrorKind::Incompatible,
            ProcessError::CompressionSettings(_) => ErrorKind::Usage,
            ProcessError::Compression(_) | ProcessError::Counter(_) | ProcessError::Seal | ProcessError::Kdf(_) => {
                ErrorKind::Internal
            }
            ProcessError::Decompression(_)
            | ProcessError::FrameTooLong { .. }
            | ProcessError::FrameLength { .. }
            | ProcessError::Damaged
            | ProcessError::DamagedSlot => ErrorKind::Integrity,
            ProcessError::WrongPassword | ProcessError::Recovery(_) => ErrorKind::WrongKey,
        }
    }
}
