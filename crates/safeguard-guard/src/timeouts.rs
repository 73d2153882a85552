//! Timeouts of a session: those that bound how long it holds up others, and to how much a text sets them.

use std::borrow::Cow;

use safeguard_api::guard::StatementClass as Class;

use crate::facts::{Facts, Run};

/// The settings that end what waits or runs for too long, sorted. Any role may set them, to nothing as well.
pub const TIMEOUTS: [&str; 4] = [
    "idle_in_transaction_session_timeout",
    "lock_timeout",
    "statement_timeout",
    "transaction_timeout",
];

/// Milliseconds in the order of [`TIMEOUTS`]; zero where there is no limit, or none is set.
pub type Timeouts = [u64; TIMEOUTS.len()];

/// A figure as PostgreSQL reads and shows it, `1500`, `5s` or `2 min`, in milliseconds; none where it is not understood. What
/// PostgreSQL rounds to nothing is zero, and switches a timeout off.
#[must_use]
pub fn milliseconds(text: &str) -> Option<u64> {
    let text = text.trim();
    let unit = text.find(|char: char| !char.is_ascii_digit() && char != '.');
    let (number, unit) = text.split_at(unit.unwrap_or(text.len()));
    let per_unit = match unit.trim_start() {
        "us" => 0.001,
        "" | "ms" => 1.0,
        "s" => 1_000.0,
        "min" => 60_000.0,
        "h" => 3_600_000.0,
        "d" => 86_400_000.0,
        _ => return None,
    };
    let number: f64 = number.parse().ok()?;
    let ms = number * per_unit;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it has no sign, and more than a u64 holds becomes the most that one holds"
    )]
    let whole = ms.ceil() as u64;
    Some(if ms < 1.0 { 0 } else { whole })
}

impl Facts {
    /// Notes to what a timeout is set, a figure, or what is not in sight or not understood; and says what that is.
    pub(crate) fn sets_timeout(&mut self, at: usize, figure: Option<u64>) -> (Class, Cow<'static, str>) {
        let name = TIMEOUTS.get(at).copied().unwrap_or_default();
        match figure {
            None => (
                Class::Timeout,
                format!("sets `{name}` to what is not in sight").into(),
            ),
            Some(0) => (Class::Timeout, format!("switches `{name}` off").into()),
            Some(ms) => {
                if let Some(longest) = self.timeouts.get_mut(at) {
                    *longest = ms.max(*longest);
                }
                (Class::Session, "sets a setting of the session".into())
            }
        }
    }

    /// The facts of the same text in a session that began with these timeouts; none where it sets none of them to more.
    #[must_use]
    pub fn lifting(&self, at_login: &Timeouts) -> Option<Facts> {
        if self.timeouts == Timeouts::default() {
            return None;
        }
        let figures = TIMEOUTS.iter().zip(self.timeouts).zip(at_login);
        let mut lifting: Option<Facts> = None;
        for ((name, ms), &most) in figures.filter(|((_, ms), most)| **most > 0 && *ms > **most) {
            let does = format!("sets `{name}` to {ms} ms, where the session began with {most} ms");
            let facts = lifting.get_or_insert_with(|| self.clone());
            facts.add(Class::Timeout, does, Run::Now);
        }
        lifting
    }
}

#[cfg(test)]
mod tests {
    use super::milliseconds;
    use crate::read;

    #[test]
    fn figures_are_read_as_postgresql_reads_them() {
        let read = [
            "1500", "5s", " 2 min ", "1.5s", "1h", "1d", "0", "0.4", "900us", "0.7ms",
        ];
        assert_eq!(
            read.map(|text| milliseconds(text).unwrap_or(u64::MAX)),
            [1_500, 5_000, 120_000, 1_500, 3_600_000, 86_400_000, 0, 0, 0, 0]
        );
        let not_understood = [
            "", "0x10", "1e3", "-1", "+5", "5 S", "5 sec", "s", "1.2.3", "5s 1ms",
        ];
        for text in not_understood {
            assert_eq!(milliseconds(text), None, "{text}");
        }
    }

    #[test]
    fn what_sets_more_than_the_session_began_with_lifts_it() {
        let at_login = [60_000, 5_000, 30_000, 0];
        let of = |sql: &str| {
            let facts = read(sql).lifting(&at_login)?;
            facts.acts.last().map(|act| act.does.clone().into_owned())
        };
        for free in [
            "SET statement_timeout = '30s'",
            "SET LOCAL lock_timeout = 1; SET transaction_timeout = '7d'",
            "RESET ALL; RESET statement_timeout; SET lock_timeout TO DEFAULT",
        ] {
            assert_eq!(of(free), None, "{free}");
        }
        assert_eq!(
            of("SET statement_timeout = '1s'; SELECT set_config('Statement_Timeout', '31s', true)")
                .as_deref(),
            Some("sets `statement_timeout` to 31000 ms, where the session began with 30000 ms")
        );
        assert!(of("PREPARE s AS SELECT set_config('lock_timeout', '1h', false)").is_some());
    }
}
