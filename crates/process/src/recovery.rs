//! Recovery codes: 160 random bits that people write down and type in again.
//!
//! Eight groups of five characters of Crockford's base32 (no I, L, O, U), joined by hyphens. A group carries four
//! characters, 20 bits of the code most significant first, and a check character of its own, so a mistyped group is
//! named before the slow password hashing starts. With `a` the element 2 of GF(32) modulo x^5 + x^2 + 1, characters
//! `c1..c4` and the group's number `g` from 0: `check = a*c1 + a^2*c2 + a^3*c3 + a^4*c4 + g`, addition being exclusive or.
//! Every wrong character and every swap of two characters within a group is found, and so are groups out of order.

use zeroize::Zeroizing;

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const GROUPS: usize = 8;
const GROUP_LEN: usize = 5;
const CODE_LEN_BYTES: usize = 20;

/// Why a recovery code cannot be right. Groups are counted from 1, as people do.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RecoveryError {
    /// Too few or too many characters, hyphens and spaces not counted.
    #[error("the recovery code has {found} characters instead of {}", GROUPS * GROUP_LEN)]
    Length {
        /// How many there are.
        found: usize,
    },
    /// A group with too few or too many characters.
    #[error("group {group} of the recovery code does not have {GROUP_LEN} characters")]
    GroupLength {
        /// Which one, from 1.
        group: usize,
    },
    /// A character that no code has.
    #[error("group {group} of the recovery code has a character that does not belong there")]
    Character {
        /// Which one, from 1.
        group: usize,
    },
    /// A group whose check character does not match: mistyped, or out of order.
    #[error("group {group} of the recovery code is mistyped")]
    Group {
        /// Which one, from 1.
        group: usize,
    },
}

/// The written form of a recovery code.
pub struct RecoveryCode;

impl RecoveryCode {
    /// Length of the code itself.
    pub const LEN_BYTES: usize = CODE_LEN_BYTES;

    /// The written form.
    pub fn encode(code: &[u8; 20]) -> String {
        let mut text = String::with_capacity(GROUPS * (GROUP_LEN + 1));
        for group in 0..GROUPS {
            if group > 0 {
                text.push('-');
            }
            let values: [u8; 4] = std::array::from_fn(|index| five_bits(code, group * 4 + index));
            for value in values.into_iter().chain([check(group, values)]) {
                text.push(char::from(ALPHABET[usize::from(value)]));
            }
        }
        text
    }

    /// The code behind a written form. Case, spaces and hyphens do not matter; O is read as 0, I and L as 1.
    pub fn parse(text: &str) -> Result<Zeroizing<[u8; 20]>, RecoveryError> {
        let characters = Zeroizing::new(text.chars().filter(|c| !is_separator(*c)).collect::<Vec<char>>());
        if characters.len() != GROUPS * GROUP_LEN {
            return Err(length_error(text, characters.len()));
        }
        let mut code = Zeroizing::new([0u8; CODE_LEN_BYTES]);
        for (group, written) in characters.as_chunks::<GROUP_LEN>().0.iter().enumerate() {
            let mut values = [0u8; GROUP_LEN];
            for (value, character) in values.iter_mut().zip(written) {
                *value = value_of(*character).ok_or(RecoveryError::Character { group: group + 1 })?;
            }
            let [a, b, c, d, given] = values;
            if check(group, [a, b, c, d]) != given {
                return Err(RecoveryError::Group { group: group + 1 });
            }
            for (index, value) in [a, b, c, d].into_iter().enumerate() {
                put_five_bits(&mut code, group * 4 + index, value);
            }
        }
        Ok(code)
    }
}

fn is_separator(character: char) -> bool {
    character.is_whitespace() || matches!(character, '-' | '\u{2010}'..='\u{2015}')
}

fn length_error(text: &str, found: usize) -> RecoveryError {
    let groups: Vec<usize> = text.split(is_separator).map(|g| g.chars().count()).filter(|len| *len > 0).collect();
    match groups.iter().position(|len| *len != GROUP_LEN) {
        Some(index) if groups.len() == GROUPS => RecoveryError::GroupLength { group: index + 1 },
        _ => RecoveryError::Length { found },
    }
}

fn value_of(character: char) -> Option<u8> {
    let upper = match character.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    ALPHABET.iter().position(|&c| char::from(c) == upper).and_then(|index| u8::try_from(index).ok())
}

fn check(group: usize, values: [u8; 4]) -> u8 {
    // Horner's rule for a*c1 + a^2*c2 + a^3*c3 + a^4*c4.
    let sum = values.into_iter().rev().fold(0, |sum, value| times_a(sum ^ value));
    sum ^ (group as u8)
}

/// Multiplication by the element 2 in GF(32) modulo x^5 + x^2 + 1.
fn times_a(value: u8) -> u8 {
    let doubled = value << 1;
    if doubled & 0x20 == 0 { doubled } else { doubled ^ 0x25 }
}

/// The bits `5 * index ..` of the code, the most significant bit of its first byte being bit 0.
fn five_bits(code: &[u8; 20], index: usize) -> u8 {
    (0..5).fold(0, |value, bit| {
        let at = index * 5 + bit;
        value << 1 | (code[at / 8] >> (7 - at % 8)) & 1
    })
}

fn put_five_bits(code: &mut [u8; 20], index: usize, value: u8) {
    for bit in 0..5 {
        let at = index * 5 + bit;
        code[at / 8] |= ((value >> (4 - bit)) & 1) << (7 - at % 8);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<[u8; 20], RecoveryError> {
        RecoveryCode::parse(text).map(|code| *code)
    }

    /// A written code must be readable for ever.
    #[test]
    fn golden_code() {
        let code: [u8; 20] = std::array::from_fn(|index| (index * 13) as u8);
        assert_eq!(RecoveryCode::encode(&code), GOLDEN);
        assert_eq!(RecoveryCode::encode(&[0; 20]), "00000-00001-00002-00003-00004-00005-00006-00007");
    }

    const GOLDEN: &str = "006H8-M9SMW-85751-PT3N2-GA7SR-SADPT-RF8DE-VTQQ8";

    #[test]
    fn hands_and_eyes_are_forgiven() {
        let written = "00000-00001-00002-00003-00004-00005-00006-00007";
        for text in [
            written.replace('-', ""),
            written.replace('-', " \n"),
            written.replace('0', "O").replace('1', "l"),
            written.replace('0', "o").replace('1', "I"),
            format!("  {written} "),
            written.replace('-', "\u{2013}"),
        ] {
            assert_eq!(parse(&text), Ok([0; 20]), "{text}");
        }
    }

    #[test]
    fn the_wrong_group_is_named() {
        let group = |text: &str| parse(text).expect_err("wrong");
        assert_eq!(group("00000-00001-00002-000U3-00004-00005-00006-00007"), RecoveryError::Character { group: 4 });
        assert_eq!(group("00000-00001-00002-00003-00004-00005-00006-00008"), RecoveryError::Group { group: 8 });
        assert_eq!(group("00001-00000-00002-00003-00004-00005-00006-00007"), RecoveryError::Group { group: 1 });
        assert_eq!(group("00000-0001-00002-00003-00004-00005-00006-00007"), RecoveryError::GroupLength { group: 2 });
        assert_eq!(group("00000-00001-00002-00003-00004-00005-00006"), RecoveryError::Length { found: 35 });
        assert_eq!(group(""), RecoveryError::Length { found: 0 });
        assert_eq!(
            group("00000-00001-00002-00003-00004-00005-00006-0000\u{e9}"),
            RecoveryError::Character { group: 8 }
        );
    }

    proptest! {
        #[test]
        fn codes_round_trip(code in any::<[u8; 20]>()) {
            let text = RecoveryCode::encode(&code);
            prop_assert_eq!(text.len(), 47);
            prop_assert_eq!(parse(&text), Ok(code));
            prop_assert_eq!(parse(&text.to_lowercase().replace('-', " ")), Ok(code));
        }

        #[test]
        fn any_wrong_character_is_found(code in any::<[u8; 20]>(), at in 0usize..47, wrong in 0usize..32) {
            let mut text = RecoveryCode::encode(&code).into_bytes();
            prop_assume!(text[at] != b'-' && text[at] != ALPHABET[wrong]);
            text[at] = ALPHABET[wrong];
            let text = String::from_utf8(text).expect("ascii");
            prop_assert_eq!(parse(&text), Err(RecoveryError::Group { group: at / 6 + 1 }));
        }

        #[test]
        fn any_swap_within_a_group_is_found(code in any::<[u8; 20]>(), group in 0usize..8, a in 0usize..5, b in 0usize..5) {
            let mut text = RecoveryCode::encode(&code).into_bytes();
            prop_assume!(text[group * 6 + a] != text[group * 6 + b]);
            text.swap(group * 6 + a, group * 6 + b);
            let text = String::from_utf8(text).expect("ascii");
            prop_assert_eq!(parse(&text), Err(RecoveryError::Group { group: group + 1 }));
        }

        #[test]
        fn rubbish_never_panics(text in ".{0,60}") {
            let _ = parse(&text);
        }
    }
}
