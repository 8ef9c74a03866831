//! Of what there is only so much for all, how much each may hold.

use alloc::{collections::BTreeMap, collections::BTreeSet};

use foldhash::quality::FixedState;
use hashbrown::{HashMap, hash_map::Entry};

use super::{Principal, principal::Whose};

/// For each principal, what it holds, and how many times.
#[derive(Debug)]
pub(super) struct Shares<T> {
    max_per_user: usize,
    max_per_address: usize,
    held: HashMap<Principal, BTreeMap<T, u32>, FixedState>,
}

impl<T: Ord + Clone> Shares<T> {
    pub(super) fn new(max_per_user: usize, max_per_address: usize, hasher: FixedState) -> Self {
        Self { max_per_user, max_per_address, held: HashMap::with_hasher(hasher) }
    }

    /// Whether nobody of these would hold too much: otherwise who, and how much they may.
    pub(super) fn check<'a>(
        &self,
        principals: &[Principal],
        asked: impl Iterator<Item = &'a T>,
    ) -> Result<(), (Whose, usize)>
    where
        T: 'a,
    {
        let asked: BTreeSet<_> = asked.collect();
        if asked.is_empty() {
            return Ok(());
        }
        for principal in principals {
            let max = match principal.whose() {
                Whose::User => self.max_per_user,
                Whose::Address => self.max_per_address,
            };
            let held = self.held.get(principal);
            let is_new = |it: &&&T| held.is_none_or(|held| !held.contains_key(**it));
            let new = asked.iter().filter(is_new).count();
            if new > 0 && held.map_or(0, BTreeMap::len) + new > max {
                return Err((principal.whose(), max));
            }
        }
        Ok(())
    }

    pub(super) fn take<'a>(
        &mut self,
        principals: &[Principal],
        asked: impl Iterator<Item = &'a T> + Clone,
    ) where
        T: 'a,
    {
        for principal in principals {
            for it in asked.clone() {
                let held = self.held.entry(principal.clone()).or_default();
                *held.entry(it.clone()).or_insert(0) += 1;
            }
        }
    }

    pub(super) fn give_back<'a>(
        &mut self,
        principals: &[Principal],
        asked: impl Iterator<Item = &'a T> + Clone,
    ) where
        T: 'a,
    {
        for principal in principals {
            for it in asked.clone() {
                let Entry::Occupied(mut held) = self.held.entry(principal.clone()) else { break };
                if let Some(times) = held.get_mut().get_mut(it) {
                    *times -= 1;
                    if *times == 0 {
                        held.get_mut().remove(it);
                    }
                }
                if held.get().is_empty() {
                    held.remove();
                }
            }
        }
    }
}
