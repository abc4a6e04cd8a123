//! Every decoder of the product against inputs that were harmed on purpose.
//!
//! A crate whose decoders are private builds [`Target`]s in its unit tests and gives them to [`check`], which first
//! replays all committed inputs (`corpus/`) and then tries harmed ones for a while. It demands of each input: no panic;
//! no more memory than a stated multiple of its length; an answer soon; what is taken is what the encoder writes; and
//! nothing is taken that has a byte too many. What [`TABLE`] lists and what crates try is held together by tests.

mod heap;
mod mutate;
mod table;

pub use heap::{CountedHeap, peak_of};
pub use table::{Row, TABLE};

use crate::xorshift::XorShift;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What a decoder made of an input.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It is refused.
    Refused,
    /// It is taken, and nothing encodes it.
    Taken,
    /// It is taken, and encodes to this, which must be the input.
    Same(Vec<u8>),
    /// It is taken, and encodes to this, which must decode to what encodes to the same again.
    Like(Vec<u8>),
}

/// A decoder to be tried.
pub struct Target {
    name: &'static str,
    seeds: Vec<Vec<u8>>,
    run: fn(&[u8]) -> Verdict,
    mend: fn(&mut [u8]),
    per_byte: usize,
    base_len_bytes: usize,
    is_closed: bool,
}

/// Memory that any decoder may take: so much for each byte of input, and so much besides.
const USUAL_PER_BYTE: usize = 64;
const USUAL_BASE_LEN_BYTES: usize = 1 << 20;
/// An answer that takes longer three times running is a fault. Generous: machines are shared.
const SLOW: Duration = Duration::from_secs(1);
/// Harmed inputs for each target when nobody asks for more, and the time after which no more are begun.
const USUAL_TRIES: u64 = 100_000;
const USUAL_TIME: Duration = Duration::from_millis(500);

impl Target {
    /// A decoder of bytes that refuses a byte too many. The seeds are valid inputs.
    pub fn bytes(name: &'static str, seeds: Vec<Vec<u8>>, run: fn(&[u8]) -> Verdict) -> Self {
        let (per_byte, base_len_bytes) = (USUAL_PER_BYTE, USUAL_BASE_LEN_BYTES);
        Self { name, seeds, run, mend: |_| {}, per_byte, base_len_bytes, is_closed: true }
    }

    /// A parser of what people write: a longer text may be a text as well.
    pub fn text(name: &'static str, seeds: &[&str], run: fn(&[u8]) -> Verdict) -> Self {
        let seeds = seeds.iter().map(|seed| seed.as_bytes().to_vec()).collect();
        Self::bytes(name, seeds, run).open()
    }

    /// Of which a longer input may be valid as well.
    #[must_use]
    pub fn open(self) -> Self {
        Self { is_closed: false, ..self }
    }

    /// Repairs what harm always breaks, such as a checksum, so that the harm behind it is met.
    #[must_use]
    pub fn mended(self, mend: fn(&mut [u8])) -> Self {
        Self { mend, ..self }
    }

    /// With another limit of memory than the usual one.
    #[must_use]
    pub fn with_memory(self, per_byte: usize, base_len_bytes: usize) -> Self {
        Self { per_byte, base_len_bytes, ..self }
    }
}

/// What was done with one target.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Inputs tried.
    pub tries: u64,
    /// Of them, taken.
    pub taken: u64,
    /// The most memory taken for one byte of input, among inputs of 256 bytes and more.
    pub per_byte: usize,
}

/// An input that a decoder must not answer as it did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// What was wrong with the answer.
    pub why: String,
    /// The input.
    pub input: Vec<u8>,
    /// The seed that makes it; none for seeds and committed inputs.
    pub seed: Option<u64>,
}

/// Tries all targets of a crate: committed inputs, then harmed ones. Panics at the first fault, with the input and the
/// one command that repeats it.
pub fn check(package: &str, targets: &[Target]) {
    assert!(heap::is_counted(), "this binary does not count its heap: add #[global_allocator]");
    let expected: Vec<&str> = TABLE.iter().filter(|row| row.package == package).map(|row| row.target).collect();
    let found: Vec<&str> = targets.iter().map(|target| target.name).collect();
    assert_eq!(found, expected, "the targets of {package} and the rows of testkit::fuzz::TABLE are not the same");
    let first = number("DATAKEEP_SEED").unwrap_or(1);
    let time = number("DATAKEEP_FUZZ_SECONDS").map(Duration::from_secs);
    for target in targets {
        let corpus = corpus(&corpus_folder().join(package).join(target.name));
        let begun = Instant::now();
        match try_target(target, &corpus, first, time) {
            Ok(tally) => println!("{package}/{}: {tally:?} in {:.1?}", target.name, begun.elapsed()),
            Err(fault) => panic!("{}", words(package, target.name, &fault)),
        }
    }
}

/// As [`check`], for one target and with the fault as a value.
pub fn try_target(target: &Target, corpus: &[Vec<u8>], first: u64, time: Option<Duration>) -> Result<Tally, Fault> {
    let mut tally = Tally::default();
    for seed in &target.seeds {
        if !judge(target, seed, &mut tally).map_err(|why| Fault { why, input: seed.clone(), seed: None })? {
            return Err(Fault { why: "a valid input is refused".into(), input: seed.clone(), seed: None });
        }
    }
    for input in corpus {
        judge(target, input, &mut tally).map_err(|why| Fault { why, input: input.clone(), seed: None })?;
    }
    let inputs = [&target.seeds, corpus].concat();
    let (begun, tries) = (Instant::now(), if time.is_some() { u64::MAX } else { USUAL_TRIES });
    for number in 0..tries {
        // At least one, so that a slow machine repeats what it is told to.
        if number > 0 && begun.elapsed() >= time.unwrap_or(USUAL_TIME) {
            break;
        }
        let seed = first.wrapping_add(number);
        let mut input = mutate::harmed(&mut XorShift::new(seed), &inputs);
        (target.mend)(&mut input);
        trace(&input);
        judge(target, &input, &mut tally).map_err(|why| Fault { why, input: input.clone(), seed: Some(seed) })?;
    }
    Ok(tally)
}

/// Gives one input to the decoder; true when it is taken.
fn judge(target: &Target, input: &[u8], tally: &mut Tally) -> Result<bool, String> {
    let verdict = measured(target, input, tally)?;
    match &verdict {
        Verdict::Refused => return Ok(false),
        Verdict::Taken => {}
        Verdict::Same(again) if again == input => {}
        Verdict::Same(again) => return Err(format!("it is taken, but its encoder writes {}", hex(again))),
        Verdict::Like(again) => {
            let twice = measured(target, again, tally)?;
            if twice != Verdict::Like(again.clone()) {
                return Err(format!("it encodes to {}, which decodes to something else", hex(again)));
            }
        }
    }
    tally.taken += 1;
    for more in [0, 1, 0xff].into_iter().filter(|_| target.is_closed) {
        if measured(target, &[input, &[more]].concat(), tally)? != Verdict::Refused {
            return Err(format!("a byte {more:#04x} too many is taken"));
        }
    }
    Ok(true)
}

fn measured(target: &Target, input: &[u8], tally: &mut Tally) -> Result<Verdict, String> {
    let mut fastest = Duration::MAX;
    for _ in 0..3 {
        let begun = Instant::now();
        let (outcome, peak) = peak_of(|| catch_unwind(AssertUnwindSafe(|| (target.run)(input))));
        fastest = fastest.min(begun.elapsed());
        tally.tries += 1;
        let verdict = outcome.map_err(|panic| format!("it panics: {}", message(&*panic)))?;
        let limit = target.per_byte * input.len() + target.base_len_bytes;
        if peak > limit {
            return Err(format!("{peak} bytes of memory for {} bytes of input; {limit} are allowed", input.len()));
        }
        if input.len() >= 256 {
            tally.per_byte = tally.per_byte.max(peak / input.len());
        }
        if fastest < SLOW {
            return Ok(verdict);
        }
    }
    Err(format!("it takes {fastest:.1?}"))
}

fn message(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no words")
}

/// Committed inputs of one target, in the order of their names.
fn corpus(folder: &Path) -> Vec<Vec<u8>> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path()).collect();
    paths.sort();
    paths.iter().filter_map(|path| std::fs::read(path).ok()).collect()
}

/// Where committed inputs are: a folder for each package, in it one for each target.
pub fn corpus_folder() -> PathBuf {
    let folder = crate::crates_folder().join("testkit/corpus");
    assert!(
        folder.is_dir(),
        "there are no committed inputs at {}: run tests in the folder of a package",
        folder.display()
    );
    folder
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// Keeps each input before it is tried, for faults that end the whole process.
fn trace(input: &[u8]) {
    if let Some(path) = std::env::var_os("DATAKEEP_FUZZ_TRACE") {
        let _ = std::fs::write(path, input);
    }
}

fn hex(bytes: &[u8]) -> String {
    const SHOWN: usize = 2048;
    let digits: String = bytes.iter().take(SHOWN).map(|byte| format!("{byte:02x}")).collect();
    if bytes.len() > SHOWN { format!("{digits}… ({} bytes)", bytes.len()) } else { digits }
}

/// A fault for people: what, the input, where it was put, and how to see it again.
fn words(package: &str, target: &str, fault: &Fault) -> String {
    let path = std::env::temp_dir().join(format!("datakeep-fuzz-{package}-{target}"));
    let kept = match std::fs::write(&path, &fault.input) {
        Ok(()) => format!("kept as {}; put it into testkit/corpus/{package}/{target}/", path.display()),
        Err(error) => format!("not kept: {error}"),
    };
    let seed = fault.seed.map_or(String::new(), |seed| format!("DATAKEEP_SEED={seed} "));
    let input = hex(&fault.input);
    format!("{target}: {}\ninput: {input}\n{kept}\nagain: {seed}cargo test -p datakeep-{package} fuzz", fault.why)
}

#[cfg(test)]
mod tests;
