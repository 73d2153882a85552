//! Failed logins: guessing a password becomes slower with each guess, and nobody else is locked out by it.
//!
//! Whoever failed at a login waits before the next attempt at it from the same address. The answer to a failure is held back
//! by what failed from the address, and at the login, before. A right password from another address waits for neither.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use safeguard_api::Span;

const DELAY_FIRST: Duration = Duration::from_millis(100);
const DELAY_LONGEST: Duration = Duration::from_secs(5);
/// After so long without another failure, those before are forgotten.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(600);
/// With more than this, the older half is forgotten.
const KEPT_MAX: usize = 10_000;
/// Attempts from an address, at once, at logins that have not passed from there, and answers to failures that are held back.
const UNDER_WAY_MAX: u32 = 16;
/// While there are too many, it is looked again so often.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Of an address, a login, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Of {
    Pair(IpAddr, u64),
    Address(IpAddr),
    Login(u64),
}

#[derive(Debug, Clone, Copy, Default)]
struct Account {
    failed: u32,
    /// Since the beginning of time.
    last: Duration,
    under_way: u32,
    /// A login has passed.
    passed: bool,
}

/// An attempt that has its place.
#[derive(Debug, PartialEq, Eq)]
struct Begun {
    /// How long to wait first.
    wait: Duration,
    /// Whether it has a place among those of its address.
    is_counted: bool,
}

impl Account {
    fn delay(&self) -> Duration {
        match self.failed.checked_sub(1) {
            None => Duration::ZERO,
            Some(doublings) => DELAY_FIRST
                .saturating_mul(1 << doublings.min(16))
                .min(DELAY_LONGEST),
        }
    }
}

/// What is known, with the clock handed in.
#[derive(Debug, Default)]
struct Accounts(HashMap<Of, Account>);

impl Accounts {
    fn of(&mut self, of: Of, now: Duration) -> &mut Account {
        if self.0.len() >= KEPT_MAX && !self.0.contains_key(&of) {
            self.make_room();
        }
        let account = self.0.entry(of).or_default();
        if now.saturating_sub(account.last) > FORGOTTEN_AFTER {
            account.failed = 0;
        }
        account
    }

    fn make_room(&mut self) {
        let mut lasts: Vec<Duration> = self.0.values().map(|account| account.last).collect();
        let middle = lasts.len() / 2;
        let (_, median, _) = lasts.select_nth_unstable(middle);
        let median = *median;
        self.0
            .retain(|_, account| account.under_way > 0 || account.last > median);
    }

    /// Takes a place among the attempts, if there is one.
    fn begin(&mut self, address: IpAddr, login: u64, now: Duration) -> Option<Begun> {
        let under_way = self.of(Of::Address(address), now).under_way;
        let pair = self.of(Of::Pair(address, login), now);
        let is_counted = !pair.passed;
        let at_once = if pair.failed == 0 { u32::MAX } else { 1 };
        if pair.under_way >= at_once || (is_counted && under_way >= UNDER_WAY_MAX) {
            return None;
        }
        pair.under_way += 1;
        pair.last = now.max(pair.last);
        let wait = pair.delay();
        if is_counted {
            self.of(Of::Address(address), now).under_way += 1;
        }
        Some(Begun { wait, is_counted })
    }

    /// Counts a failure; returns how long its answer is held back.
    fn fail(&mut self, address: IpAddr, login: u64, is_counted: bool, now: Duration) -> Duration {
        let mut longest = Duration::ZERO;
        for of in [Of::Pair(address, login), Of::Address(address), Of::Login(login)] {
            let account = self.of(of, now);
            account.failed = account.failed.saturating_add(1);
            account.last = now;
            longest = longest.max(account.delay());
        }
        if !is_counted {
            self.of(Of::Address(address), now).under_way += 1;
        }
        longest
    }

    fn pass(&mut self, address: IpAddr, login: u64, now: Duration) {
        let pair = self.of(Of::Pair(address, login), now);
        pair.failed = 0;
        pair.passed = true;
        pair.last = now;
    }

    fn end(&mut self, of: Of) {
        if let Some(account) = self.0.get_mut(&of) {
            account.under_way = account.under_way.saturating_sub(1);
        }
    }
}

/// The failed logins of a proxy.
pub struct Guesses {
    begun: Instant,
    // Logins are told apart by it: their names are as long as strangers like.
    names: RandomState,
    // Guards that what begins is counted before the next is let in.
    accounts: Mutex<Accounts>,
}

impl Default for Guesses {
    fn default() -> Self {
        Guesses {
            begun: Instant::now(),
            names: RandomState::new(),
            accounts: Mutex::default(),
        }
    }
}

/// An attempt at a login, which takes its place until it is dropped.
pub struct Attempt {
    guesses: Arc<Guesses>,
    address: IpAddr,
    login: u64,
    is_counted: bool,
    /// Of what a login may take, each wait has a part.
    longest: Duration,
}

impl Guesses {
    /// Waits for a place and for what failed before; none when there is no place within an eighth of what a login may take.
    pub async fn begin(self: &Arc<Self>, address: IpAddr, login: &str, longest: Span) -> Option<Attempt> {
        let longest = Duration::from(longest);
        let (address, login) = (network(address), self.names.hash_one(login));
        let until = tokio::time::Instant::now() + longest / 8;
        let begun = loop {
            match self.with(|accounts, now| accounts.begin(address, login, now)) {
                Some(begun) => break begun,
                None if tokio::time::Instant::now() >= until => return None,
                None => tokio::time::sleep(LOOK_EVERY).await,
            }
        };
        let attempt = Attempt {
            guesses: Arc::clone(self),
            address,
            login,
            is_counted: begun.is_counted,
            longest,
        };
        tokio::time::sleep(begun.wait.min(longest / 2)).await;
        Some(attempt)
    }

    fn with<T>(&self, work: impl FnOnce(&mut Accounts, Duration) -> T) -> T {
        let now = self.begun.elapsed();
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        work(&mut accounts, now)
    }
}

impl Attempt {
    pub fn passed(self) {
        self.guesses
            .with(|accounts, now| accounts.pass(self.address, self.login, now));
    }

    /// Counts a failure, and returns when it may be told. The place is kept until then, also when the client leaves.
    pub async fn failed(mut self) {
        let (address, login, is_counted) = (self.address, self.login, self.is_counted);
        let held = self
            .guesses
            .with(|accounts, now| accounts.fail(address, login, is_counted, now));
        self.is_counted = true;
        tokio::time::sleep(held.min(self.longest / 4)).await;
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.guesses.with(|accounts, _| {
            accounts.end(Of::Pair(self.address, self.login));
            if self.is_counted {
                accounts.end(Of::Address(self.address));
            }
        });
    }
}

/// Whoever has one address of IPv6 has all of its network.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::net::Ipv4Addr;

    use super::*;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
    const THERE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn wait(accounts: &mut Accounts, address: IpAddr, login: u64, now: Duration) -> Option<Duration> {
        let begun = accounts.begin(address, login, now)?;
        end(accounts, address, login, begun.is_counted);
        Some(begun.wait)
    }

    fn end(accounts: &mut Accounts, address: IpAddr, login: u64, is_counted: bool) {
        accounts.end(Of::Pair(address, login));
        if is_counted {
            accounts.end(Of::Address(address));
        }
    }

    /// One wrong password, whose answer is not waited for by anybody else: how long it waits before, and after.
    fn guess(accounts: &mut Accounts, address: IpAddr, login: u64, now: Duration) -> (Duration, Duration) {
        let begun = accounts.begin(address, login, now).unwrap();
        let held = accounts.fail(address, login, begun.is_counted, now);
        end(accounts, address, login, true);
        (begun.wait, held)
    }

    #[test]
    fn each_guess_waits_twice_as_long_up_to_a_limit_and_other_addresses_do_not() {
        let mut accounts = Accounts::default();
        let waits: Vec<u128> = (0..8)
            .map(|_| guess(&mut accounts, HERE, 1, at(1)).0.as_millis())
            .collect();
        assert_eq!(waits, [0, 100, 200, 400, 800, 1_600, 3_200, 5_000]);
        assert_eq!(wait(&mut accounts, THERE, 1, at(1)), Some(Duration::ZERO));
        // Whoever tries one password at many logins waits as well, for the answer.
        assert_eq!(
            guess(&mut accounts, HERE, 2, at(1)),
            (Duration::ZERO, DELAY_LONGEST)
        );
        // So does whoever tries one login from many addresses.
        assert_eq!(guess(&mut accounts, THERE, 1, at(1)).1, DELAY_LONGEST);
    }

    #[test]
    fn the_right_password_and_time_make_good_for_what_failed() {
        let mut accounts = Accounts::default();
        guess(&mut accounts, HERE, 1, at(1));
        guess(&mut accounts, HERE, 2, at(1));
        assert_eq!(wait(&mut accounts, HERE, 1, at(1)), Some(DELAY_FIRST));
        accounts.pass(HERE, 1, at(1));
        assert_eq!(wait(&mut accounts, HERE, 1, at(1)), Some(Duration::ZERO));
        let later = at(2) + FORGOTTEN_AFTER;
        assert_eq!(wait(&mut accounts, HERE, 2, later), Some(Duration::ZERO));
    }

    #[test]
    fn few_guesses_are_under_way_at_once_and_what_has_passed_is_not_held_up() {
        let mut accounts = Accounts::default();
        accounts.pass(HERE, 1, at(1));
        let begun = (10..50).filter(|login| accounts.begin(HERE, *login, at(1)).is_some());
        assert_eq!(begun.count(), 16);
        assert_eq!(accounts.begin(HERE, 99, at(2)), None);
        assert!((0..100).all(|_| accounts.begin(HERE, 1, at(2)).is_some()));
        assert!(accounts.begin(THERE, 99, at(2)).is_some());
        // An answer that is held back keeps its place, and where something failed there is one attempt at a time.
        accounts.fail(HERE, 10, true, at(2));
        assert_eq!(accounts.begin(HERE, 99, at(2)), None);
        end(&mut accounts, HERE, 10, true);
        assert!(accounts.begin(HERE, 10, at(2)).is_some());
        end(&mut accounts, HERE, 11, true);
        assert_eq!(accounts.begin(HERE, 10, at(2)), None);
        assert!(accounts.begin(HERE, 99, at(2)).is_some());
    }

    #[test]
    fn what_is_kept_has_a_limit_and_the_newest_stays() {
        let mut accounts = Accounts::default();
        for login in 0..3 * KEPT_MAX as u64 {
            guess(&mut accounts, HERE, login, Duration::from_millis(login));
            assert!(accounts.0.len() <= KEPT_MAX + 2, "{}", accounts.0.len());
        }
        let newest = 3 * KEPT_MAX as u64 - 1;
        assert_eq!(accounts.0[&Of::Pair(HERE, newest)].failed, 1);
        assert!(accounts.0[&Of::Address(HERE)].failed > 20_000);
    }

    #[test]
    fn addresses_of_one_network_are_one() {
        let one: IpAddr = "2001:db8::1".parse().unwrap();
        let other: IpAddr = "2001:db8::ffff:2".parse().unwrap();
        let far: IpAddr = "2001:db8:0:1::1".parse().unwrap();
        assert_eq!(network(one), network(other));
        assert_ne!(network(one), network(far));
        assert_eq!(network("::ffff:10.0.0.1".parse().unwrap()), HERE);
    }
}
