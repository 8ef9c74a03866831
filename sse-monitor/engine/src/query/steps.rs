//! Whether numbers count one by one.

use super::report::Numbering;

/// Before so many steps nothing is said.
const FEWEST: u64 = 8;

/// Steps between numbers that came, each to the next higher one: what they tell whether a number that did not
/// come is an event that is missing.
///
/// Numbers that count one by one leave few out. Others, such as times, multiples, or those of some topics of
/// many, leave out more than come, or about as many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Steps {
    of_one: u64,
    beyond: u64,
}

impl Steps {
    /// From one number to the next higher, over so many between them.
    pub const fn step(&mut self, over: u64) {
        if over == 0 {
            self.of_one += 1;
        } else {
            self.beyond += 1;
        }
    }

    /// A number came that was stepped over. `beside` counts those next to it that had come before, up to two.
    pub(super) const fn fill(&mut self, beside: u64) {
        self.of_one += beside;
        // A step becomes two, of which so many are of one.
        self.beyond = (self.beyond + 1).saturating_sub(beside);
    }

    /// What they tell where `within` are those among them that lie within one connection: what is lost between two
    /// says nothing of how a server counts.
    pub fn numbering_with(self, within: Self) -> Numbering {
        let told = within.numbering();
        if told == Numbering::OneByOne { told } else { self.numbering() }
    }

    /// What they tell. Never [`Numbering::Anew`], nor [`Numbering::NoIds`].
    pub const fn numbering(self) -> Numbering {
        let Self { of_one, beyond } = self;
        let steps = of_one + beyond;
        if of_one < beyond {
            Numbering::NotOneByOne
        } else if steps < FEWEST {
            Numbering::TooFew
        } else if of_one < steps - steps / 10 {
            Numbering::MostlyOneByOne
        } else {
            Numbering::OneByOne
        }
    }
}

impl core::ops::AddAssign for Steps {
    fn add_assign(&mut self, other: Self) {
        self.of_one += other.of_one;
        self.beyond += other.beyond;
    }
}
