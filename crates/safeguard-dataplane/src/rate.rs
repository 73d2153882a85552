//! How many requests a client may make: a token bucket for each, in a table that never grows.

use std::hash::{BuildHasher as _, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use safeguard_api::config::{Rate, RateLimits};
use tokio::time::Instant;

/// The buckets of one listener.
#[derive(Debug)]
pub struct Rates {
    per_address: Option<Buckets>,
    per_user: Option<Buckets>,
    // Keyed with the process's own secret: nobody can choose addresses that share a bucket.
    hasher: RandomState,
    began: Instant,
}

/// Token buckets for one kind of key. Each key has its place among the few cells of one set; when all are taken, the
/// client that lacks the least gives way, since forgetting it gives the least away.
#[derive(Debug)]
struct Buckets {
    sets: Box<[Mutex<[Cell; CELLS]>]>,
    /// The time for which one request fills a bucket.
    interval_ns: u64,
    /// How far ahead of time a bucket may be and still take a request.
    tolerance_ns: u64,
}

/// A bucket, written as the time at which it is full of tokens again.
#[derive(Debug, Clone, Copy, Default)]
struct Cell {
    key: u64,
    full_at_ns: u64,
}

const CELLS: usize = 4;
/// Whoever has one IPv6 address has the whole subnet.
const SUBNET_MASK: u128 = u128::MAX << 64;

impl Rates {
    pub fn new(limits: &RateLimits) -> Rates {
        let buckets = |rate: &Option<Rate>| rate.as_ref().map(|rate| Buckets::new(rate, limits.clients_max));
        Rates {
            per_address: buckets(&limits.per_address),
            per_user: buckets(&limits.per_user),
            hasher: RandomState::new(),
            began: Instant::now(),
        }
    }

    /// Whether requests are counted by user, so that it is worth looking for the user.
    pub fn want_user(&self) -> bool {
        self.per_user.is_some()
    }

    /// Takes a token for one request; when there is none, says how long to wait for it.
    pub fn take(&self, client: IpAddr, user: Option<&[u8]>) -> Result<(), Duration> {
        if self.per_address.is_none() && self.per_user.is_none() {
            return Ok(());
        }
        let now_ns = u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let by_address = self.per_address.as_ref();
        let by_user = self.per_user.as_ref().zip(user);
        by_address.map_or(Ok(()), |buckets| {
            buckets.take(self.hasher.hash_one(subnet(client)), now_ns)
        })?;
        by_user.map_or(Ok(()), |(buckets, user)| {
            buckets.take(self.hasher.hash_one(user), now_ns)
        })
    }
}

impl Buckets {
    fn new(rate: &Rate, clients_max: usize) -> Buckets {
        let sets = clients_max.div_ceil(CELLS).max(1);
        let interval_ns = (1e9 / rate.requests_per_second).max(1.0) as u64;
        Buckets {
            sets: (0..sets).map(|_| Mutex::default()).collect(),
            interval_ns,
            tolerance_ns: interval_ns.saturating_mul(u64::from(rate.burst_requests.saturating_sub(1))),
        }
    }

    fn take(&self, key: u64, now_ns: u64) -> Result<(), Duration> {
        let at = key % self.sets.len() as u64;
        let Some(set) = usize::try_from(at).ok().and_then(|at| self.sets.get(at)) else {
            return Ok(());
        };
        // Guards four cells and is held for their reading alone.
        let mut set = set.lock().unwrap_or_else(PoisonError::into_inner);
        let known = set.iter_mut().position(|cell| cell.key == key);
        let place = known.or_else(|| (0..CELLS).min_by_key(|at| set[*at].full_at_ns));
        let Some(cell) = place.and_then(|place| set.get_mut(place)) else {
            return Ok(());
        };
        if cell.key != key {
            *cell = Cell { key, full_at_ns: 0 };
        }
        let ahead_ns = cell.full_at_ns.saturating_sub(now_ns);
        if ahead_ns > self.tolerance_ns {
            return Err(Duration::from_nanos(ahead_ns - self.tolerance_ns));
        }
        cell.full_at_ns = cell.full_at_ns.max(now_ns).saturating_add(self.interval_ns);
        Ok(())
    }
}

/// The client's network: an IPv4 address, or the first half of an IPv6 one.
fn subnet(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & SUBNET_MASK)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const SECOND_NS: u64 = 1_000_000_000;

    fn buckets(requests_per_second: f64, burst_requests: u32, clients_max: usize) -> Buckets {
        let rate = Rate {
            requests_per_second,
            burst_requests,
        };
        Buckets::new(&rate, clients_max)
    }

    /// How many of a thousand requests pass that come at this moment.
    fn passed(buckets: &Buckets, key: u64, now_ns: u64) -> usize {
        (0..1000).filter(|_| buckets.take(key, now_ns).is_ok()).count()
    }

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let buckets = buckets(10.0, 30, 64);
        assert_eq!(passed(&buckets, 7, 0), 30);
        assert_eq!(buckets.take(7, 0), Err(Duration::from_millis(100)));
        assert_eq!(passed(&buckets, 7, SECOND_NS / 10 - 1), 0);
        assert_eq!(passed(&buckets, 7, SECOND_NS / 10), 1);
        assert_eq!(passed(&buckets, 7, SECOND_NS), 9);
        // However long it waits, it gets no more than the burst.
        assert_eq!(passed(&buckets, 7, 3600 * SECOND_NS), 30);
        assert_eq!(passed(&buckets, 8, 3600 * SECOND_NS), 30, "another client");
    }

    #[test]
    fn less_than_one_a_second_is_possible() {
        let buckets = buckets(0.1, 1, 64);
        assert_eq!(passed(&buckets, 7, SECOND_NS), 1);
        assert_eq!(buckets.take(7, 2 * SECOND_NS), Err(Duration::from_secs(9)));
        assert_eq!(passed(&buckets, 7, 11 * SECOND_NS), 1);
    }

    #[test]
    fn the_table_does_not_grow_and_forgets_who_lacks_the_least() {
        let buckets = buckets(1.0, 10, CELLS);
        assert_eq!(buckets.sets.len(), 1);
        assert_eq!(passed(&buckets, 1, 0), 10);
        for key in 2..1000 {
            assert!(buckets.take(key, 0).is_ok());
        }
        assert_eq!(passed(&buckets, 1, 0), 0, "the worst of all is not forgotten");
    }

    #[test]
    fn an_ipv6_subnet_is_one_client() {
        let same = |a: &str, b: &str| subnet(a.parse().unwrap()) == subnet(b.parse().unwrap());
        assert!(same("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff"));
        assert!(!same("2001:db8:1:2::1", "2001:db8:1:3::1"));
        assert!(same("::ffff:192.0.2.1", "192.0.2.1"));
        assert!(!same("192.0.2.1", "192.0.2.2"));
        assert!(!same("::ffff:192.0.2.1", "::ffff:192.0.2.2"));
    }

    #[test]
    fn both_limits_must_be_kept() {
        let rate = |burst_requests| {
            Some(Rate {
                requests_per_second: 0.001,
                burst_requests,
            })
        };
        let rates = Rates::new(&RateLimits {
            per_address: rate(3),
            per_user: rate(2),
            clients_max: 64,
        });
        let (here, there) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        assert!(rates.take(here, Some(b"kim")).is_ok() && rates.take(there, Some(b"kim")).is_ok());
        assert!(rates.take(there, Some(b"kim")).is_err(), "the user");
        assert!(rates.take(there, None).is_ok());
        assert!(rates.take(there, None).is_err(), "the address");
        assert!(rates.take(here, Some(b"sam")).is_ok());
    }
}
