//! Counting lines that came out as the real tool prints them. `cargo xtask parity` makes a table of what is reported.

/// Lines of a corpus.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// Compared with the tool's listing.
    pub tried: usize,
    /// Equal, byte for byte.
    pub equal: usize,
    /// Different as `docs/parity-differences.md` says.
    pub known: usize,
    /// Not installed: the tool, or the kernel here, refuses them.
    pub refused: usize,
}

impl Tally {
    /// Adds another count.
    pub fn add(&mut self, other: Self) {
        self.tried += other.tried;
        self.equal += other.equal;
        self.known += other.known;
        self.refused += other.refused;
    }

    /// Says what came out of comparing with this tool, over this part of the corpus.
    pub fn report(self, tool: &str, part: &str) {
        let Self { tried, equal, known, refused } = self;
        println!("parity: {tool}: {part}: {tried} tried, {equal} equal, {known} known differences, {refused} refused");
    }
}
