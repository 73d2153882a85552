//! What the hot path knows of a route: an immutable view, swapped whole when a table is applied.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use safeguard_api::id::Name;
use safeguard_api::stage::{Environment, Percent};
use safeguard_rollout::judge::Side;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::arm::Arm;
use crate::choose::{TOKEN_SECONDS, TokenKey, TokenScope, cookie, hash, is_among};
use crate::clock;
use crate::h2_behind::Http2Limits;
use crate::rate::Rates;
use crate::tripwire::Tripwire;
use crate::wire::Kind;
use crate::wire::request::RequestHead;

/// One listener's route; the view is none as long as no table has named it.
#[derive(Debug)]
pub struct Slot {
    pub service: Name,
    pub environment: Environment,
    pub view: ArcSwapOption<View>,
    /// Requests that found nowhere to go.
    pub unrouted: AtomicU64,
    pub rates: Rates,
    /// Failures of the candidate are answered by stable where that can do no harm.
    pub shield: bool,
    /// The share of stable's safe requests that the candidate gets copies of.
    pub mirror: Percent,
    /// Present where the service's instances speak HTTP/2.
    pub http2: Option<Http2Limits>,
    /// Requests that could have been copied.
    pub mirror_turns: AtomicU64,
    /// Requests that were refused because their client made too many.
    pub rate_limited: AtomicU64,
}

#[derive(Debug)]
pub struct View {
    pub user_cookie: Option<String>,
    pub user_header: Option<String>,
    pub token_cookie: String,
    pub stable: Option<Arc<Arm>>,
    pub candidate: Option<CandidateView>,
    pub testers: Vec<String>,
}

#[derive(Debug)]
pub struct CandidateView {
    pub arm: Arc<Arm>,
    pub weight: Percent,
    pub epoch: u32,
    pub salt: u64,
    pub judged: bool,
    pub tripwire: Arc<Tripwire>,
}

/// Where a request goes and what is to be noted of it.
pub struct Choice {
    pub arm: Arc<Arm>,
    pub side: Side,
    /// Serves if the candidate can not be reached.
    pub fallback: Option<Arc<Arm>>,
    /// Serves also if the candidate fails a request that may be sent twice.
    pub shield: bool,
    /// Gets a copy, if it is this request's turn.
    pub mirror: Option<Arc<Arm>>,
    /// The user, for the judge.
    pub session: u64,
    /// The method and the path without its numbers, for the judge.
    pub fingerprint: u64,
    /// Present when this request is evidence.
    pub tripwire: Option<Arc<Tripwire>>,
    /// Whole `Set-Cookie` lines.
    pub cookie_lines: Vec<u8>,
}

/// The cookie that knows a user who has no key of the service's own.
const UID_COOKIE: &str = "sg_uid";
const UID_BYTES: usize = 16;
const UID_SECONDS: u32 = 365 * 24 * 3600;

impl CandidateView {
    /// The table's weight, or 0 when the router took it down itself.
    pub fn weight_in_force(&self) -> Percent {
        if self.tripwire.is_closed() {
            Percent::ZERO
        } else {
            self.weight
        }
    }
}

impl Slot {
    /// Tells all users of long-lived connections to leave.
    pub fn evacuate(&self) {
        let view = self.view.load();
        let Some(view) = view.as_ref() else { return };
        let candidate = view.candidate.as_ref().map(|candidate| &candidate.arm);
        view.stable
            .iter()
            .chain(candidate)
            .for_each(|arm| arm.presence.evacuate());
    }

    /// Whether new requests still go to the arm.
    pub fn is_serving(&self, arm: &Arm) -> bool {
        let view = self.view.load();
        let Some(view) = view.as_ref() else { return false };
        let stable = view
            .stable
            .as_ref()
            .is_some_and(|stable| stable.release == arm.release);
        let candidate = view.candidate.as_ref().is_some_and(|candidate| {
            candidate.arm.release == arm.release && candidate.weight_in_force() > Percent::ZERO
        });
        stable || candidate
    }

    /// Counts the request against its client's limits; when it made too many, says how long it shall wait.
    pub fn admit(&self, head: &RequestHead, bytes: &[u8], client: IpAddr) -> Result<(), Duration> {
        let view = self.rates.want_user().then(|| self.view.load());
        let user = view
            .as_ref()
            .and_then(|view| view.as_ref())
            .and_then(|view| view.user(head, bytes));
        self.rates.take(client, user).inspect_err(|_| {
            self.rate_limited.fetch_add(1, Relaxed);
        })
    }

    /// Chooses the arm; none when there is none to go to.
    pub fn choose(&self, head: &RequestHead, bytes: &[u8], client: IpAddr, key: &TokenKey) -> Option<Choice> {
        let view = self.view.load();
        let choice = view
            .as_ref()
            .and_then(|view| self.choose_in(view, head, bytes, client, key));
        if choice.is_none() {
            self.unrouted.fetch_add(1, Relaxed);
        }
        choice
    }

    fn choose_in(
        &self,
        view: &View,
        head: &RequestHead,
        bytes: &[u8],
        client: IpAddr,
        key: &TokenKey,
    ) -> Option<Choice> {
        let (stable, candidate) = match (&view.stable, &view.candidate) {
            (Some(stable), None) => return Some(unjudged(stable)),
            (None, None) => return None,
            // Nothing to fall back on and nothing to compare with: everybody, as long as the planner wants anybody.
            (None, Some(candidate)) => {
                let serves = candidate.weight > Percent::ZERO;
                return serves.then(|| Choice {
                    side: Side::Canary,
                    ..unjudged(&candidate.arm)
                });
            }
            (Some(stable), Some(candidate)) => (stable, candidate),
        };
        if let Some(side) = view.testers_choice(head, bytes) {
            return Some(match side {
                Side::Stable => unjudged(stable),
                Side::Canary => Choice {
                    side,
                    fallback: Some(Arc::clone(stable)),
                    ..unjudged(&candidate.arm)
                },
            });
        }
        let weight = candidate.weight_in_force();
        if weight == Percent::ZERO {
            // While the candidate warms up, stable shows which answers are slow and which errors are known.
            let learns = !candidate.tripwire.is_closed();
            let user = view.user(head, bytes);
            return Some(Choice {
                session: user.map_or_else(
                    || key.session(client.to_string().as_bytes()),
                    |user| key.session(user),
                ),
                fingerprint: if learns { fingerprint(head, bytes) } else { 0 },
                tripwire: learns.then(|| Arc::clone(&candidate.tripwire)),
                mirror: self.mirror_to(candidate),
                ..unjudged(stable)
            });
        }
        let mut cookie_lines = Vec::new();
        let user = view.user(head, bytes);
        let (side, session) = if weight == Percent::ALL {
            let session = user.map_or_else(
                || key.session(client.to_string().as_bytes()),
                |user| key.session(user),
            );
            (Side::Canary, session)
        } else {
            let token = cookie_of(head, bytes, &view.token_cookie);
            self.assign(candidate, user, &view.token_cookie, token, key, &mut cookie_lines)
        };
        // Of a candidate that is not judged yet nothing counts, and stable shows what is usual beside it.
        let watches = candidate.judged || (side == Side::Stable && !candidate.tripwire.is_closed());
        let (arm, fallback) = match side {
            Side::Stable => (stable, None),
            Side::Canary => (&candidate.arm, Some(Arc::clone(stable))),
        };
        Some(Choice {
            arm: Arc::clone(arm),
            side,
            shield: self.shield && fallback.is_some(),
            mirror: (side == Side::Stable)
                .then(|| self.mirror_to(candidate))
                .flatten(),
            fallback,
            session,
            fingerprint: if watches { fingerprint(head, bytes) } else { 0 },
            tripwire: watches.then(|| Arc::clone(&candidate.tripwire)),
            cookie_lines,
        })
    }

    /// The candidate, if requests are copied to it; never after the router took it down.
    fn mirror_to(&self, candidate: &CandidateView) -> Option<Arc<Arm>> {
        let wanted = self.mirror > Percent::ZERO && !candidate.tripwire.is_closed();
        wanted.then(|| Arc::clone(&candidate.arm))
    }

    /// Whether the next request that could be copied is. The share is exact over every hundred.
    pub fn mirror_turn(&self) -> bool {
        let turn = self.mirror_turns.fetch_add(1, Relaxed);
        let share = u64::from(self.mirror.get());
        (turn + 1) * share / 100 > turn * share / 100
    }

    /// Assigns a user of a route whose users are divided; only here are cookies set.
    fn assign(
        &self,
        candidate: &CandidateView,
        user: Option<&[u8]>,
        token_cookie: &str,
        token: Option<&[u8]>,
        key: &TokenKey,
        cookie_lines: &mut Vec<u8>,
    ) -> (Side, u64) {
        let now = clock::wall();
        let scope = TokenScope {
            service: &self.service,
            environment: self.environment,
            release: &candidate.arm.release,
            epoch: candidate.epoch,
        };
        let fresh;
        let user = match user {
            Some(user) => user,
            None => {
                fresh = new_uid();
                push_cookie(cookie_lines, UID_COOKIE, &fresh, UID_SECONDS);
                fresh.as_bytes()
            }
        };
        let session = key.session(user);
        if token.is_some_and(|token| key.is_valid(token, scope, now)) {
            return (Side::Canary, session);
        }
        if is_among(candidate.salt, user, candidate.weight) {
            push_cookie(cookie_lines, token_cookie, &key.token(scope, now), TOKEN_SECONDS);
            return (Side::Canary, session);
        }
        if token.is_some() {
            push_cookie(cookie_lines, token_cookie, "", 0);
        }
        (Side::Stable, session)
    }
}

impl View {
    fn user<'a>(&self, head: &RequestHead, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let by_header = self.user_header.as_ref().and_then(|name| {
            let field = head
                .fields
                .iter()
                .find(|field| field.name_in(bytes).eq_ignore_ascii_case(name.as_bytes()))?;
            Some(field.value_in(bytes)).filter(|value| !value.is_empty())
        });
        by_header
            .or_else(|| {
                self.user_cookie
                    .as_ref()
                    .and_then(|name| cookie_of(head, bytes, name))
            })
            .or_else(|| cookie_of(head, bytes, UID_COOKIE))
    }

    fn testers_choice(&self, head: &RequestHead, bytes: &[u8]) -> Option<Side> {
        if self.testers.is_empty() {
            return None;
        }
        let value = |kind| {
            head.fields
                .iter()
                .find(|field| field.kind == kind)
                .map(|field| field.value_in(bytes))
        };
        let side = match value(Kind::TesterArm)? {
            b"candidate" => Side::Canary,
            b"stable" => Side::Stable,
            _ => return None,
        };
        let digest = safeguard_api::Digest::from_bytes(Sha256::digest(value(Kind::TesterToken)?).into());
        let known = |tester: &String| bool::from(tester.as_bytes().ct_eq(digest.as_str().as_bytes()));
        self.testers.iter().any(known).then_some(side)
    }
}

fn unjudged(arm: &Arc<Arm>) -> Choice {
    Choice {
        arm: Arc::clone(arm),
        side: Side::Stable,
        fallback: None,
        shield: false,
        mirror: None,
        session: 0,
        fingerprint: 0,
        tripwire: None,
        cookie_lines: Vec::new(),
    }
}

fn cookie_of<'a>(head: &RequestHead, bytes: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let cookies = head.fields.iter().filter(|field| field.kind == Kind::Cookie);
    cookies
        .map(|field| field.value_in(bytes))
        .find_map(|value| cookie(value, name.as_bytes()))
}

/// Digits are left out, so `/orders/1` and `/orders/2` are one kind.
fn fingerprint(head: &RequestHead, bytes: &[u8]) -> u64 {
    let method = bytes.get(head.method_at.clone()).unwrap_or(&[]);
    let target = bytes.get(head.target.clone()).unwrap_or(&[]);
    let path = target.split(|byte| *byte == b'?').next().unwrap_or(&[]);
    let mut shape = [0; 128];
    let mut length = 0;
    for byte in path
        .iter()
        .filter(|byte| !byte.is_ascii_digit())
        .take(shape.len())
    {
        shape[length] = *byte;
        length += 1;
    }
    hash(hash(0, method), shape.get(..length).unwrap_or(&[]))
}

fn new_uid() -> String {
    let mut bytes = [0; UID_BYTES];
    // Without randomness users could not be told apart; such a machine can not run anything else either.
    #[expect(
        clippy::expect_used,
        reason = "getrandom fails only where the kernel has no randomness at all"
    )]
    getrandom::fill(&mut bytes).expect("the kernel gives random bytes");
    format!("{:032x}", u128::from_be_bytes(bytes))
}

fn push_cookie(lines: &mut Vec<u8>, name: &str, value: &str, seconds: u32) {
    let line = format!("set-cookie: {name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax\r\n");
    lines.extend_from_slice(line.as_bytes());
}
