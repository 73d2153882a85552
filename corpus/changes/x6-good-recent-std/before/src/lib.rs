/// A shift, in minutes after midnight.
#[derive(Clone, Debug, PartialEq)]
pub struct Shift {
    pub person: String,
    pub from: u16,
    pub to: u16,
}

pub fn minutes(shifts: &[Shift]) -> u32 {
    shifts.iter().map(|s| u32::from(s.to - s.from)).sum()
}
