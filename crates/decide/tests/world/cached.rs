//! An object in the API server, and in a lagging cache.

/// An object, and the version of it that a pass observes. A cache never goes back to an earlier version.
#[derive(Clone, Debug, Default)]
pub struct Cached<T> {
    pub live: T,
    seen: T,
    late: u32,
}

impl<T: Clone> Cached<T> {
    pub fn new(live: T) -> Self {
        Self { seen: live.clone(), live, late: 0 }
    }

    /// The next `passes` observe the same as the last one.
    pub fn lag(&mut self, passes: u32) {
        self.late = passes;
    }

    /// The cache has the current object: another process lists, or the operator remembers what it has written.
    pub fn relist(&mut self) {
        self.late = 0;
        self.seen.clone_from(&self.live);
    }

    /// The object that a pass observes.
    pub fn observe(&mut self) -> T {
        match self.late.checked_sub(1) {
            Some(left) => self.late = left,
            None => self.seen.clone_from(&self.live),
        }
        self.seen.clone()
    }

    /// The object that the last pass observed.
    pub fn seen(&self) -> &T {
        &self.seen
    }
}
