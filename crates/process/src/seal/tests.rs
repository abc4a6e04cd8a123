use proptest::prelude::*;

use super::*;
use crate::testing::{hex, rising, unhex};

/// One published vector, both ways.
fn check_vector(algorithm: &'static Algorithm, [key, nonce, associated, plain, sealed, tag]: [&str; 6]) {
    let key = aead_key(algorithm, &unhex(key).try_into().expect("32 bytes"));
    let nonce: [u8; 12] = unhex(nonce).try_into().expect("12 bytes");
    let mut buffer = unhex(plain);
    let made = seal_with_nonce(&key, nonce, &unhex(associated), &mut buffer).expect("seals");
    assert_eq!((hex(&buffer), hex(&made)), (sealed.to_string(), tag.to_string()));
    open_with_nonce(&key, nonce, &unhex(associated), &mut buffer, &made).expect("opens");
    assert_eq!(hex(&buffer), plain);
}

/// McGrew and Viega, The Galois/Counter Mode of Operation, test cases 13, 14 and 16.
#[test]
fn aes_256_gcm_vectors() {
    let zero_key = "00".repeat(32);
    let zero_nonce = "00".repeat(12);
    check_vector(&AES_256_GCM, [&zero_key, &zero_nonce, "", "", "", "530f8afbc74536b9a963b4f1c4cb738b"]);
    check_vector(
        &AES_256_GCM,
        [
            &zero_key,
            &zero_nonce,
            "",
            "00000000000000000000000000000000",
            "cea7403d4d606b6e074ec5d3baf39d18",
            "d0d1c8a799996bf0265b98b5d48ab919",
        ],
    );
    check_vector(
        &AES_256_GCM,
        [
            "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
            "cafebabefacedbaddecaf888",
            "feedfacedeadbeeffeedfacedeadbeefabaddad2",
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5\
             aa0de657ba637b39",
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e63\
             93ba7a0abcc9f662",
            "76fc6ece0f4e1768cddf8853bb2d551b",
        ],
    );
}

/// RFC 8439, section 2.8.2.
#[test]
fn chacha20_poly1305_vector() {
    let plain =
        b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen \
                  would be it.";
    check_vector(
        &CHACHA20_POLY1305,
        [
            &hex(&rising(0x80)),
            "070000004041424344454647",
            "50515253c0c1c2c3c4c5c6c7",
            &hex(plain),
            "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b1a71de0a\
             9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc3ff4def08e4b7a9d\
             e576d26586cec64b6116",
            "1ae10b594f09e26a7e902ecbd0600691",
        ],
    );
}

fn key(suite: Suite) -> ObjectKey {
    ObjectKey::derive(suite, &RoleKey::from_bytes(rising(0)), b"context", &rising(32)).0
}

#[test]
fn the_nonce_is_the_counter() {
    assert_eq!(hex(&nonce(0x0102_0304)), "000000000000000001020304");
}

/// What is sealed today must open for ever. The values come from a program in another language with
/// other libraries.
#[test]
fn golden_seals() {
    for (suite, commitment, sealed) in GOLDEN {
        let (key, made) = ObjectKey::derive(suite, &RoleKey::from_bytes(rising(0)), b"context", &rising(32));
        let mut buffer = *b"one small frame";
        let tag = key.seal(258, b"associated", &mut buffer).expect("seals");
        assert_eq!((hex(&made), hex(&[&buffer[..], &tag].concat())), (commitment.to_string(), sealed.to_string()));
    }
}

const GOLDEN: [(Suite, &str, &str); 3] = [
    (
        Suite::Plain,
        "804f7ecfd6ac9de696a0c571aacb5df46b3bc0898c479bbf1938a663376d38c3",
        "6f6e6520736d616c6c206672616d6543e66ff3c4dd4d6f9006b3ba6c51f1ae",
    ),
    (
        Suite::Aes256Gcm,
        "d9eb105ae0b78c2aef7dbd3f375d06e7db3697a0f1bdefe2b8096d19f175745c",
        "cca2f5d82dabd96506b6f09371d008d715aad4953dba6da5595a04af096bce",
    ),
    (
        Suite::ChaCha20Poly1305,
        "fb544d765e4050a2e8fdf9ef39917b3b38a804b99a2319c23b0f397d039fd467",
        "769daabec2304ce0af421c58125e3ca3caec14186f1fb18634b84615c7c197",
    ),
];

#[test]
fn plain_leaves_the_bytes_and_ciphers_do_not() {
    for suite in Suite::ALL {
        let mut buffer = *b"sixteen bytes 16";
        key(suite).seal(0, b"", &mut buffer).expect("seals");
        assert_eq!(&buffer == b"sixteen bytes 16", suite == Suite::Plain);
    }
}

#[test]
fn counters_have_an_end() {
    for suite in Suite::ALL {
        let mut buffer = [1];
        assert!(key(suite).seal(MAX_COUNTER, b"", &mut buffer).is_ok());
        assert_eq!(key(suite).seal(MAX_COUNTER + 1, b"", &mut buffer), Err(ProcessError::Counter(MAX_COUNTER + 1)));
        assert_eq!(key(suite).open(MAX_COUNTER + 1, b"", &mut buffer, &[0; 16]), Err(ProcessError::Damaged));
    }
}

#[test]
fn every_input_of_derive_changes_the_commitment() {
    let role = RoleKey::from_bytes(rising(0));
    let commitment =
        |suite, role: &RoleKey, context: &[u8], salt: &[u8; 32]| ObjectKey::derive(suite, role, context, salt).1;
    let base = commitment(Suite::Aes256Gcm, &role, b"context", &rising(32));
    for other in [
        commitment(Suite::Plain, &role, b"context", &rising(32)),
        commitment(Suite::Aes256Gcm, &RoleKey::from_bytes(rising(1)), b"context", &rising(32)),
        commitment(Suite::Aes256Gcm, &role, b"contexT", &rising(32)),
        commitment(Suite::Aes256Gcm, &role, b"context", &rising(33)),
    ] {
        assert!(!commitment_matches(&base, &other));
    }
    assert!(commitment_matches(&base, &commitment(Suite::Aes256Gcm, &role, b"context", &rising(32))));
}

#[test]
fn suites_have_numbers() {
    assert_eq!(Suite::ALL.map(Suite::number), [0, 1, 2]);
    assert_eq!(Suite::ALL.map(|suite| Suite::from_number(suite.number())), Suite::ALL.map(Some));
    assert_eq!(Suite::from_number(3), None);
}

fn suite() -> impl Strategy<Value = Suite> {
    prop_oneof![Just(Suite::Plain), Just(Suite::Aes256Gcm), Just(Suite::ChaCha20Poly1305)]
}

fn flip(bytes: &mut [u8], bit: usize) {
    bytes[bit / 8] ^= 1 << (bit % 8);
}

#[test]
fn any_flipped_bit_is_found_and_nothing_is_let_out() {
    for suite in Suite::ALL {
        let key = key(suite);
        let (plain, associated) = (*b"a frame of data", *b"where it is");
        let mut sealed = plain;
        let tag = key.seal(7, &associated, &mut sealed).expect("seals");
        let refused = |associated: &[u8], mut sealed: [u8; 15], tag: [u8; 16]| {
            assert_eq!(key.open(7, associated, &mut sealed, &tag), Err(ProcessError::Damaged));
            assert_eq!(sealed, [0; 15]);
        };
        for bit in 0..15 * 8 {
            let mut bad = sealed;
            flip(&mut bad, bit);
            refused(&associated, bad, tag);
        }
        for bit in 0..16 * 8 {
            let mut bad = tag;
            flip(&mut bad, bit);
            refused(&associated, sealed, bad);
        }
        for bit in 0..11 * 8 {
            let mut bad = associated;
            flip(&mut bad, bit);
            refused(&bad, sealed, tag);
        }
        assert_eq!(key.open(7, &associated, &mut sealed, &tag), Ok(()));
        assert_eq!(sealed, plain);
    }
}

proptest! {
    #[test]
    fn what_is_sealed_opens_and_only_there(
        suite in suite(),
        counter in 0..MAX_COUNTER,
        associated in proptest::collection::vec(any::<u8>(), 0..80),
        plain in proptest::collection::vec(any::<u8>(), 0..2000),
    ) {
        let key = key(suite);
        let mut sealed = plain.clone();
        let tag = key.seal(counter, &associated, &mut sealed).expect("seals");
        let mut elsewhere = sealed.clone();
        prop_assert_eq!(key.open(counter + 1, &associated, &mut elsewhere, &tag), Err(ProcessError::Damaged));
        if let Some((_, mut shorter)) = sealed.split_last().map(|(last, rest)| (last, rest.to_vec())) {
            prop_assert_eq!(key.open(counter, &associated, &mut shorter, &tag), Err(ProcessError::Damaged));
        }
        // Bytes moved between the associated data and the message are not the same message.
        if let Some((first, rest)) = sealed.split_first() {
            let moved = [&associated[..], &[*first]].concat();
            prop_assert_eq!(key.open(counter, &moved, &mut rest.to_vec(), &tag), Err(ProcessError::Damaged));
        }
        prop_assert_eq!(key.open(counter, &associated, &mut sealed, &tag), Ok(()));
        prop_assert_eq!(sealed, plain);
    }
}
