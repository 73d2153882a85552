//! A streaming quantile over a sliding window: sixteen buckets to each doubling, in a ring of slots.

/// Slots of the ring; the window is as long as all of them.
pub const SLOTS: usize = 6;

/// The buckets lie along the bits of an `f32`: its exponent and the first four bits of its fraction.
const SHIFT: u32 = 23 - 4;
/// 2⁻⁷, about 0.008.
const FIRST: u32 = 0x3C00_0000 >> SHIFT;
const BUCKETS: usize = 32 * 16;

#[derive(Debug, Clone)]
pub struct WindowQuantile {
    slots: Vec<[u32; BUCKETS]>,
    current: usize,
}

impl Default for WindowQuantile {
    fn default() -> Self {
        WindowQuantile {
            slots: vec![[0; BUCKETS]; SLOTS],
            current: 0,
        }
    }
}

impl WindowQuantile {
    /// Counts a value; what is no number or below zero is left out.
    pub fn record(&mut self, value: f32) {
        if value >= 0.0 {
            let count = &mut self.slots[self.current][bucket(value.abs())];
            *count = count.saturating_add(1);
        }
    }

    /// Begins the next slot and forgets the oldest.
    pub fn advance(&mut self) {
        self.current = (self.current + 1) % SLOTS;
        self.slots[self.current] = [0; BUCKETS];
    }

    /// Returns the quantile `q` over all slots as the upper edge of its bucket (at most 6.25 % too high); none below
    /// `least` values.
    #[must_use]
    pub fn quantile(&self, q: f64, least: u64) -> Option<f32> {
        let of = |index: usize| self.slots.iter().map(|slot| u64::from(slot[index])).sum::<u64>();
        let total: u64 = (0..BUCKETS).map(of).sum();
        if total < least.max(1) {
            return None;
        }
        let wanted = (q.clamp(0.0, 1.0) * total as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        let index = (0..BUCKETS).find(|index| {
            seen += of(*index);
            seen >= wanted
        })?;
        Some(upper_edge(index))
    }
}

fn bucket(value: f32) -> usize {
    let index = (value.to_bits() >> SHIFT).saturating_sub(FIRST) as usize;
    index.min(BUCKETS - 1)
}

fn upper_edge(index: usize) -> f32 {
    f32::from_bits((FIRST + index as u32 + 1) << SHIFT)
}
