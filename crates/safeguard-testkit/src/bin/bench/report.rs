//! What a bench has found: rows with a goal and a peer, as a table for people and as JSON.

use serde::Serialize;

/// One figure. The median of its rounds, unless its name says another quantile.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    pub name: String,
    pub value: f64,
    pub unit: &'static str,
    pub goal: Option<String>,
    pub peer: Option<&'static str>,
    pub peer_value: Option<f64>,
    /// `value` over `peer_value`.
    pub ratio: Option<f64>,
    pub met: Option<bool>,
}

impl Row {
    pub fn new(name: impl Into<String>, value: f64, unit: &'static str) -> Row {
        Row {
            name: name.into(),
            value,
            unit,
            goal: None,
            peer: None,
            peer_value: None,
            ratio: None,
            met: None,
        }
    }

    pub fn at_most(mut self, limit: f64) -> Row {
        self.goal = Some(format!("≤ {}", figure(limit)));
        self.met = Some(self.value <= limit);
        self
    }

    pub fn at_least(mut self, limit: f64) -> Row {
        self.goal = Some(format!("≥ {}", figure(limit)));
        self.met = Some(self.value >= limit);
        self
    }

    pub fn beside(mut self, peer: &'static str, value: f64) -> Row {
        self.peer = Some(peer);
        self.peer_value = Some(value);
        self.ratio = Some(self.value / value);
        self
    }

    /// The goal is a multiple of the peer's figure.
    pub fn at_least_of_peer(mut self, times: f64) -> Row {
        self.goal = Some(format!("≥ {times:.1}× peer"));
        self.met = self.ratio.map(|ratio| ratio >= times);
        self
    }
}

const HEADINGS: [&str; 8] = [
    "name",
    "value",
    "unit",
    "goal",
    "met",
    "peer",
    "peer value",
    "ratio",
];
/// Columns that hold figures, to be aligned at their right.
const FIGURES: [bool; 8] = [false, true, false, true, false, false, true, true];

pub fn table(rows: &[Row]) -> String {
    let text = |value: Option<f64>| value.map(figure).unwrap_or_default();
    let mut cells = vec![HEADINGS.map(str::to_owned)];
    for row in rows {
        let met = match row.met {
            None => "",
            Some(true) => "yes",
            Some(false) => "NO",
        };
        cells.push([
            row.name.clone(),
            figure(row.value),
            row.unit.to_owned(),
            row.goal.clone().unwrap_or_default(),
            met.to_owned(),
            row.peer.unwrap_or_default().to_owned(),
            text(row.peer_value),
            row.ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default(),
        ]);
    }
    let widths: [usize; 8] = std::array::from_fn(|column| {
        cells
            .iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or(0)
    });
    let mut table = String::new();
    for row in &cells {
        for (column, cell) in row.iter().enumerate() {
            let width = widths[column];
            match FIGURES[column] {
                true => table.push_str(&format!("{cell:>width$}  ")),
                false => table.push_str(&format!("{cell:<width$}  ")),
            }
        }
        table.truncate(table.trim_end().len());
        table.push('\n');
    }
    table
}

/// Four digits that count, and a comma between thousands.
fn figure(value: f64) -> String {
    if value.abs() < 1000.0 {
        let digits = match value.abs() {
            small if small < 10.0 => 3,
            small if small < 100.0 => 2,
            _ => 1,
        };
        let text = format!("{value:.digits$}");
        let trimmed = text.trim_end_matches('0').trim_end_matches('.');
        return trimmed.to_owned();
    }
    let whole = format!("{value:.0}");
    let mut text = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The value that `share` of the sorted values do not exceed. There has to be one.
pub fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let rank = (values.len() as f64 * share).ceil() as usize;
    values[rank.clamp(1, values.len()) - 1]
}

pub fn median(values: &mut [f64]) -> f64 {
    quantile(values, 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_aligned() {
        let rows = [
            Row::new("router", 41_234.0, "requests/s")
                .beside("haproxy", 40_000.0)
                .at_least_of_peer(1.0),
            Row::new("flip", 6.25, "ms").at_most(5.0),
        ];
        insta::assert_snapshot!(table(&rows), @r"
        name     value  unit               goal  met  peer     peer value  ratio
        router  41,234  requests/s  ≥ 1.0× peer  yes  haproxy      40,000   1.03
        flip      6.25  ms                  ≤ 5  NO
        ");
    }

    #[test]
    fn quantiles_are_of_what_was_seen() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(quantile(&mut [1.0, 2.0, 3.0, 4.0], 0.95), 4.0);
        assert_eq!(quantile(&mut [7.0], 0.5), 7.0);
    }
}
