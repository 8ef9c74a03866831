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

    /// Whether nobody of these would ever be let hold as much as this: otherwise who, and how much
    /// they may.
    pub(super) fn can_ever_hold(
        &self,
        principals: &[Principal],
        count: usize,
    ) -> Result<(), (Whose, usize)> {
        let limits = principals.iter().map(|principal| (principal.whose(), self.max(principal)));
        limits.min_by_key(|&(_, max)| max).filter(|&(_, max)| count > max).map_or(Ok(()), Err)
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
        for principal in principals {
            let held = self.held.get(principal);
            let is_new = |it: &&&T| held.is_none_or(|held| !held.contains_key(**it));
            let new = asked.iter().filter(is_new).count();
            let max = self.max(principal);
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
        self.change(principals, asked, |times| times + 1);
    }

    pub(super) fn give_back<'a>(
        &mut self,
        principals: &[Principal],
        asked: impl Iterator<Item = &'a T> + Clone,
    ) where
        T: 'a,
    {
        self.change(principals, asked, |times| times.saturating_sub(1));
    }

    /// Changes how many times each of these holds each of those. What is held no more is forgotten.
    fn change<'a>(
        &mut self,
        principals: &[Principal],
        asked: impl Iterator<Item = &'a T> + Clone,
        change: impl Fn(u32) -> u32,
    ) where
        T: 'a,
    {
        for principal in principals {
            let mut held = match self.held.entry(principal.clone()) {
                Entry::Occupied(held) => held,
                Entry::Vacant(nothing) => nothing.insert_entry(BTreeMap::new()),
            };
            for it in asked.clone() {
                let times = change(held.get().get(it).copied().unwrap_or(0));
                if times == 0 {
                    held.get_mut().remove(it);
                } else {
                    held.get_mut().insert(it.clone(), times);
                }
            }
            if held.get().is_empty() {
                held.remove();
            }
        }
    }

    const fn max(&self, principal: &Principal) -> usize {
        match principal.whose() {
            Whose::User => self.max_per_user,
            Whose::Address => self.max_per_address,
        }
    }
}
