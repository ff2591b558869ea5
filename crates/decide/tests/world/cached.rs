//! An object as the API server has it, and as a cache has it that lags.

/// An object, and the version of it that a pass sees. A cache never goes back to an earlier version.
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

    /// The next `passes` see what the last one has seen.
    pub fn lag(&mut self, passes: u32) {
        self.late = passes;
    }

    /// Another process lists, and sees what there is.
    pub fn relist(&mut self) {
        self.late = 0;
        self.seen.clone_from(&self.live);
    }

    /// What a pass sees.
    pub fn observe(&mut self) -> T {
        match self.late.checked_sub(1) {
            Some(left) => self.late = left,
            None => self.seen.clone_from(&self.live),
        }
        self.seen.clone()
    }

    /// What the last pass has seen.
    pub fn seen(&self) -> &T {
        &self.seen
    }
}
