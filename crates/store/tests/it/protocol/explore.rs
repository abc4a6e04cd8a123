//! Breadth-first search through all states; the first violation found is a shortest one.

use super::codec::{Packed, pack, unpack};
use super::invariants::{self, Violation};
use super::scope::Model;
use super::state::State;
use super::step;
use super::words;

/// States, each once, in the order in which they were found, and where each came from.
struct Seen {
    states: Vec<Packed>,
    parents: Vec<u32>,
    /// Open addressing: the number of a state plus one, or 0.
    slots: Vec<u32>,
}

impl Seen {
    fn new() -> Self {
        Self { states: Vec::new(), parents: Vec::new(), slots: vec![0; 1 << 16] }
    }

    /// Adds a state unless it is there.
    fn insert(&mut self, packed: Packed, parent: u32) -> bool {
        if (self.states.len() + 1) * 3 > self.slots.len() * 2 {
            self.grow();
        }
        let mask = self.slots.len() - 1;
        let mut slot = hash(&packed) as usize & mask;
        while self.slots[slot] != 0 {
            if self.states[self.slots[slot] as usize - 1] == packed {
                return false;
            }
            slot = (slot + 1) & mask;
        }
        self.states.push(packed);
        self.parents.push(parent);
        self.slots[slot] = self.states.len() as u32;
        true
    }

    fn grow(&mut self) {
        let mask = self.slots.len() * 2 - 1;
        let mut slots = vec![0; mask + 1];
        for (number, packed) in self.states.iter().enumerate() {
            let mut slot = hash(packed) as usize & mask;
            while slots[slot] != 0 {
                slot = (slot + 1) & mask;
            }
            slots[slot] = number as u32 + 1;
        }
        self.slots = slots;
    }
}

/// Multiply and fold, word by word (after the author of wyhash).
fn hash(packed: &Packed) -> u64 {
    packed.iter().fold(0x9e37_79b9_7f4a_7c15, |hash, word| {
        let product = u128::from(hash ^ word).wrapping_mul(0xa076_1d64_78bd_642f_e703_7ed1_a0b4_28db);
        (product >> 64) as u64 ^ product as u64
    })
}

/// What an exploration found.
pub struct Outcome {
    pub states: usize,
    /// Steps of the longest shortest way.
    pub depth: usize,
    /// States in which every actor is at rest.
    pub at_rest: usize,
    pub counterexample: Option<Counterexample>,
}

/// How something goes wrong.
pub struct Counterexample {
    pub violation: Violation,
    pub trace: Vec<String>,
}

/// Explores everything, or until the first violation.
pub fn explore(model: &Model) -> Outcome {
    let first = State::first(model);
    let mut seen = Seen::new();
    seen.insert(pack(&first), 0);
    let mut outcome = Outcome { states: 1, depth: 0, at_rest: 0, counterexample: None };
    let (mut number, mut level_end) = (0, 1);
    let mut steps = Vec::new();
    while number < seen.states.len() {
        if number == level_end {
            level_end = seen.states.len();
            outcome.depth += 1;
        }
        let state = unpack(&seen.states[number], &first);
        outcome.at_rest += usize::from(state.quiescent());
        if let Some(violation) = invariants::check(model, &state) {
            let trace = trace(model, &seen, number);
            outcome.counterexample = Some(Counterexample { violation, trace });
            break;
        }
        step::all(model, &state, &mut steps);
        for step in &steps {
            debug_assert!(number > 10_000 || unpack(&pack(&step.next), &first) == step.next, "packing loses something");
            seen.insert(key(model, &step.next), number as u32);
        }
        number += 1;
    }
    outcome.states = seen.states.len();
    outcome
}

/// One name for states that differ only in which of two equal collectors is which.
fn key(model: &Model, state: &State) -> Packed {
    if model.scope.collectors == 2 { pack(&step::canonical(state)) } else { pack(state) }
}

/// The steps that led to a state, found again by walking from the beginning.
fn trace(model: &Model, seen: &Seen, last: usize) -> Vec<String> {
    let mut way = vec![last];
    let mut number = last;
    while number != 0 {
        number = seen.parents[number] as usize;
        way.push(number);
    }
    let mut state = State::first(model);
    let mut lines = Vec::new();
    let mut steps = Vec::new();
    for number in way.into_iter().rev().skip(1) {
        step::all(model, &state, &mut steps);
        let Some(step) = steps.iter().find(|step| key(model, &step.next) == seen.states[number]) else { break };
        lines.push(words::line(model, &state, step));
        state = step.next;
    }
    lines
}
