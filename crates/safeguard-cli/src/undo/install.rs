//! The SQL of `safeguard undo install`.

use clap::Args;

use crate::db::literal;

const SCRIPT: &str = include_str!("install.sql");
/// What has a name of its own in the schema: the tables, with their partitions, then their indexes and owned sequences.
pub const OBJECTS: &str = include_str!("objects.sql");
pub const DEPENDENTS: &str = include_str!("dependents.sql");

#[derive(Debug, Args)]
pub struct InstallArgs {
    #[command(flatten)]
    pub database: super::Place,
    /// Run it there rather than print it
    #[arg(long)]
    pub apply: bool,
    /// How many images of rows one record holds at most, two for each row that is updated; more is refused as it is done
    #[arg(long, value_name = "ROWS", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub rows_max: u64,
    /// How many bytes of rows one record holds at most
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 30, value_parser = clap::value_parser!(u64).range(1..=1 << 40))]
    pub bytes_max: u64,
    /// A role that may drop tables into the trash without owning them: that of a proxy, for what is approved there. May be
    /// given again; holds from then on
    #[arg(long = "dropper", value_name = "ROLE")]
    pub droppers: Vec<String>,
}

/// One transaction, which may be run again.
pub fn script(rows_max: u64, bytes_max: u64, droppers: &[String]) -> String {
    let droppers = droppers.iter().map(|role| {
        // A role that does not exist is an error here, and not a right that nobody has.
        format!(
            "INSERT INTO safeguard_undo.dropper SELECT pg_get_userbyid(quote_ident({})::regrole) ON CONFLICT DO NOTHING;\n",
            literal(role)
        )
    });
    SCRIPT
        .replace("@OBJECTS@", OBJECTS)
        .replace("@DEPENDENTS@", DEPENDENTS)
        .replace("@DROPPERS@", &droppers.collect::<String>())
        .replace("@ROWS_MAX@", &rows_max.to_string())
        .replace("@BYTES_MAX@", &bytes_max.to_string())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_limits_are_in_the_script() {
        let script = super::script(7, 11, &["o'hara".to_owned()]);
        assert!(script.contains("VALUES (7, 11)"));
        assert!(script.contains("quote_ident('o''hara')::regrole"));
        assert!(!script.contains('@'));
    }
}
