use super::*;
use crate::testing::{hex, rising};

const CHEAP: KdfParams = KdfParams { memory_kib: 32, passes: 1, lanes: 1 };
const REPOSITORY: RepositoryId = RepositoryId([7; 16]);

fn wrap(password: &[u8]) -> Wrapped {
    wrap_root(&RootKey::from_bytes(rising(0)), password, &CHEAP, &rising(32), REPOSITORY, 1).expect("wraps")
}

fn unwrap(wrapped: &Wrapped, password: &[u8]) -> Result<[u8; 32], ProcessError> {
    unwrap_root(wrapped, password, &CHEAP, &rising(32), REPOSITORY, 1).map(|root| *root.expose())
}

/// RFC 9106, section 5.3.
#[test]
fn argon2id_vector() {
    let params = argon2::ParamsBuilder::new()
        .m_cost(32)
        .t_cost(3)
        .p_cost(4)
        .data(argon2::AssociatedData::new(&[4; 12]).expect("short"))
        .build()
        .expect("valid");
    let mut tag = [0u8; 32];
    Argon2::new_with_secret(&[3; 8], Algorithm::Argon2id, Version::V0x13, params)
        .and_then(|argon2| argon2.hash_password_into(&[1; 32], &[2; 16], &mut tag))
        .expect("hashes");
    assert_eq!(hex(&tag), "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659");
}

/// A slot written today must open for ever.
#[test]
fn golden_slot() {
    let wrapped = wrap(b"correct horse");
    assert_eq!([hex(&wrapped.commitment), hex(&wrapped.sealed_root), hex(&wrapped.tag)], GOLDEN);
}

const GOLDEN: [&str; 3] = [
    "4047ee070363da1ae23c69d08758f4415ed4b2e42c3f2e83e334551f54149406",
    "7cf4bf43af1b4069910dae412cf5ec8048b24b7c597205cc67d138141caa3a4a",
    "bd9720eb42a28200f047401bd8cddea5",
];

#[test]
fn the_password_opens_and_no_other_does() {
    let wrapped = wrap(b"correct horse");
    assert_eq!(unwrap(&wrapped, b"correct horse"), Ok(rising(0)));
    for wrong in [&b"correct horsE"[..], b"", b"correct horse "] {
        assert_eq!(unwrap(&wrapped, wrong), Err(ProcessError::WrongPassword));
    }
}

#[test]
fn damage_is_told_from_a_wrong_password() {
    let wrapped = wrap(b"pw");
    for bit in 0..256 {
        let mut bad = wrapped.clone();
        bad.sealed_root[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(unwrap(&bad, b"pw"), Err(ProcessError::DamagedSlot));
        let mut bad = wrapped.clone();
        bad.tag[bit / 16] ^= 1 << (bit % 8);
        assert_eq!(unwrap(&bad, b"pw"), Err(ProcessError::DamagedSlot));
        let mut bad = wrapped.clone();
        bad.commitment[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(unwrap(&bad, b"pw"), Err(ProcessError::WrongPassword));
    }
}

#[test]
fn a_slot_is_bound_to_its_place() {
    let wrapped = wrap(b"pw");
    let open = |params: &KdfParams, salt: &[u8; 32], repository, kind| {
        unwrap_root(&wrapped, b"pw", params, salt, repository, kind).map(|root| *root.expose())
    };
    assert_eq!(open(&CHEAP, &rising(32), RepositoryId([8; 16]), 1), Err(ProcessError::DamagedSlot));
    assert_eq!(open(&CHEAP, &rising(32), REPOSITORY, 2), Err(ProcessError::DamagedSlot));
    assert_eq!(open(&CHEAP, &rising(33), REPOSITORY, 1), Err(ProcessError::WrongPassword));
    let other = KdfParams { passes: 2, ..CHEAP };
    assert_eq!(open(&other, &rising(32), REPOSITORY, 1), Err(ProcessError::WrongPassword));
}

#[test]
fn caps_hold_before_any_memory_is_taken() {
    let params = |memory_kib, passes, lanes| KdfParams { memory_kib, passes, lanes };
    for good in [params(8, 1, 1), params(4 << 20, 64, 16), KdfParams::DEFAULT] {
        assert_eq!(good.check_caps(), Ok(()));
    }
    for bad in [
        params(7, 1, 1),
        params((4 << 20) + 1, 1, 1),
        params(64, 0, 1),
        params(64, 65, 1),
        params(64, 1, 0),
        params(1024, 1, 17),
        params(8, 1, 2),
        params(u32::MAX, u32::MAX, u32::MAX),
    ] {
        let refused = unwrap_root(&wrap(b"pw"), b"pw", &bad, &rising(32), REPOSITORY, 1).err();
        assert_eq!(refused.map(|error| error.kind()), Some(datakeep_model::ErrorKind::Incompatible), "{bad:?}");
    }
}
