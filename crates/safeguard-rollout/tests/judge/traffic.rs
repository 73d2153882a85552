//! Users, sessions and requests for simulations. Event-driven: bad events all happen, good requests only where they
//! make a difference (each of the canary's, and on stable enough to keep a session within the window).

use safeguard_rollout::judge::{Judge, Outcome, OutcomeKind, Side};

pub const SLOT_MS: u64 = 10_000;

/// splitmix64: small, seeded, and good enough to simulate with.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        x ^ (x >> 31)
    }
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
    pub fn below(&mut self, limit: usize) -> usize {
        (self.unit() * limit as f64) as usize
    }
    pub fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }
    /// At least 1, with the given mean.
    pub fn geometric(&mut self, mean: f64) -> u64 {
        if mean <= 1.0 {
            1
        } else {
            1 + (self.exponential(1.0) / -(1.0 - 1.0 / mean).ln()) as u64
        }
    }
    pub fn poisson(&mut self, mean: f64) -> usize {
        if mean > 60.0 {
            let normal =
                (-2.0 * (1.0 - self.unit()).ln()).sqrt() * (std::f64::consts::TAU * self.unit()).cos();
            return (mean + mean.sqrt() * normal).round().max(0.0) as usize;
        }
        let (mut count, mut product) = (0, self.unit());
        let limit = (-mean).exp();
        while product > limit {
            count += 1;
            product *= self.unit();
        }
        count
    }
}

#[derive(Clone, Copy)]
pub struct Session {
    pub id: u64,
    /// Below the canary's weight means: on the canary.
    pub place: f64,
    pub ends_ms: u64,
    pub touched_slot: u64,
}

impl Session {
    pub fn side(&self, weight: f64) -> Side {
        if self.place < weight {
            Side::Canary
        } else {
            Side::Stable
        }
    }
}

/// Sessions that come and go; in the mean `size` at a time, each `life_ms` long.
pub struct Users {
    pub sessions: Vec<Session>,
    size: f64,
    life_ms: f64,
}

impl Users {
    pub fn new(random: &mut Random, size: f64, life_ms: f64) -> Users {
        let mut users = Users {
            sessions: Vec::new(),
            size,
            life_ms,
        };
        for _ in 0..size as usize {
            users.arrive(random, 0);
        }
        users
    }

    /// Lets sessions end and begin over the length of `step_ms`.
    pub fn pass(&mut self, random: &mut Random, now_ms: u64, step_ms: u64) {
        self.sessions.retain(|session| now_ms < session.ends_ms);
        for _ in 0..random.poisson(self.size * step_ms as f64 / self.life_ms) {
            self.arrive(random, now_ms);
        }
        if self.sessions.is_empty() {
            self.arrive(random, now_ms);
        }
    }

    fn arrive(&mut self, random: &mut Random, now_ms: u64) {
        let life = random.exponential(self.life_ms) as u64 + 1;
        let (id, place) = (random.next(), random.unit());
        self.sessions.push(Session {
            id,
            place,
            ends_ms: now_ms + life,
            touched_slot: u64::MAX,
        });
    }
}

pub fn good(arm: Side, session: u64, headers_ms: f32) -> Outcome {
    Outcome {
        arm,
        session,
        status: OutcomeKind::Answered {
            status: 200,
            truncated: false,
        },
        headers_ms,
        fingerprint: 0,
        excluded: false,
    }
}

pub fn status(arm: Side, session: u64, status: u16) -> Outcome {
    let fingerprint = u64::from(status);
    Outcome {
        status: OutcomeKind::Answered {
            status,
            truncated: false,
        },
        fingerprint,
        ..good(arm, session, 5.0)
    }
}

/// Stable sessions in turn, often enough that none drops out of the window.
pub fn touch_stable(
    judge: &mut Judge,
    users: &mut Users,
    weight: f64,
    now_ms: u64,
    headers_ms: impl Fn() -> f32,
) {
    let slot = now_ms / SLOT_MS;
    for session in &mut users.sessions {
        let due = session.touched_slot == u64::MAX || slot >= session.touched_slot + 5;
        if due && session.side(weight) == Side::Stable {
            session.touched_slot = slot;
            judge.observe(now_ms, &good(Side::Stable, session.id, headers_ms()));
        }
    }
}
