//! Personal texts: the log has only a commitment to each, HMAC-SHA256 under a salt of its own.

use hmac::{Hmac, KeyInit, Mac};
use rusqlite::params;
use safeguard_api::audit::Commitment;
use sha2::Sha256;

use crate::error::StoreError;
use crate::tx::Tx;

const SALT_BYTES: usize = 32;

impl Tx<'_> {
    /// Keeps a text apart from the log and returns what the log may say of it.
    ///
    /// # Errors
    /// When it is not kept.
    pub fn salt_and_commit(&mut self, name: &str, bytes: &[u8]) -> Result<Commitment, StoreError> {
        let mut salt = [0; SALT_BYTES];
        getrandom::fill(&mut salt).map_err(|_| StoreError::Chance)?;
        let hmac = hex(&commitment(&salt, bytes));
        self.change(
            "INSERT INTO personal (hmac, salt, bytes) VALUES (?1, ?2, ?3)",
            params![hmac, salt.as_slice(), bytes],
        )?;
        Ok(Commitment {
            name: name.to_owned(),
            hmac,
            size: bytes.len() as u64,
        })
    }

    /// Returns a text by its commitment, if it was not erased.
    ///
    /// # Errors
    /// When the database cannot be read, or the text is not the one committed to.
    pub fn personal(&self, hmac: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let row: Option<(Vec<u8>, Vec<u8>)> = self.one(
            "SELECT salt, bytes FROM personal WHERE hmac = ?1",
            params![hmac],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        match row {
            Some((salt, bytes)) if hex(&commitment(&salt, &bytes)) == hmac => Ok(Some(bytes)),
            Some(_) => Err(StoreError::Damaged {
                what: format!("the text of commitment {hmac} was changed"),
            }),
            None => Ok(None),
        }
    }

    /// Erases a text and its salt; the entry that commits to it stays as it is. Returns whether there was one.
    ///
    /// # Errors
    /// When it is not erased.
    pub fn erase(&mut self, hmac: &str) -> Result<bool, StoreError> {
        Ok(self.change("DELETE FROM personal WHERE hmac = ?1", params![hmac])? > 0)
    }
}

fn commitment(salt: &[u8], bytes: &[u8]) -> [u8; 32] {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(salt).expect("a key of any length");
    mac.update(bytes);
    mac.finalize().into_bytes().into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
