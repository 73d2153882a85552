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
    /// The sum over all slots.
    sums: Vec<u64>,
    total: u64,
    current: usize,
}

impl Default for WindowQuantile {
    fn default() -> Self {
        WindowQuantile {
            slots: vec![[0; BUCKETS]; SLOTS],
            sums: vec![0; BUCKETS],
            total: 0,
            current: 0,
        }
    }
}

impl WindowQuantile {
    /// Counts a value; what is no number or below zero is left out.
    pub fn record(&mut self, value: f32) {
        if value >= 0.0 {
            let bucket = bucket(value.abs());
            let count = &mut self.slots[self.current][bucket];
            if let Some(more) = count.checked_add(1) {
                *count = more;
                self.sums[bucket] += 1;
                self.total += 1;
            }
        }
    }

    /// Begins the next slot and forgets the oldest.
    pub fn advance(&mut self) {
        self.current = (self.current + 1) % SLOTS;
        for (sum, count) in self.sums.iter_mut().zip(&mut self.slots[self.current]) {
            *sum -= u64::from(*count);
            self.total -= u64::from(*count);
            *count = 0;
        }
    }

    /// Returns the quantile `q` over all slots as the upper edge of its bucket (at most 6.25 % too high); none below
    /// `least` values.
    #[must_use]
    pub fn quantile(&self, q: f64, least: u64) -> Option<f32> {
        if self.total < least.max(1) {
            return None;
        }
        let wanted = (q.clamp(0.0, 1.0) * self.total as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        let index = self.sums.iter().position(|sum| {
            seen += sum;
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
