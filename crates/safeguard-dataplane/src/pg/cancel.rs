//! Keys by which a client cancels what its session runs: the proxy's own, each standing for one of the server's.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use subtle::ConstantTimeEq as _;

use super::frame;
use super::startup::PROTOCOL_3_2;

/// As long as a key of protocol 3.0 is.
const KEY_BYTES: usize = 4;
/// Later protocols allow for keys that nobody guesses.
const LONG_KEY_BYTES: usize = 32;
const TRIES: usize = 16;

/// The server's number and key of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerKey {
    pub number: u32,
    pub key: Vec<u8>,
}

#[derive(Default)]
pub struct Cancels {
    // Guards that a number stands for one session.
    known: Mutex<HashMap<u32, (Vec<u8>, ServerKey)>>,
}

/// A session's key, which stands as long as this is kept.
pub struct Key {
    /// What it stands for.
    pub server: ServerKey,
    cancels: Arc<Cancels>,
    number: u32,
    key: Vec<u8>,
}

impl Cancels {
    /// Makes a key that stands for the server's; none when every number that was tried is taken.
    pub fn issue(self: &Arc<Self>, server: ServerKey, version: u32) -> Result<Option<Key>, getrandom::Error> {
        let length = if version >= PROTOCOL_3_2 {
            LONG_KEY_BYTES
        } else {
            KEY_BYTES
        };
        let mut key = vec![0; length];
        getrandom::fill(&mut key)?;
        for _ in 0..TRIES {
            let number = getrandom::u32()? & 0x7fff_ffff;
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if let Entry::Vacant(free) = known.entry(number) {
                free.insert((key.clone(), server.clone()));
                let cancels = Arc::clone(self);
                return Ok(Some(Key {
                    server,
                    cancels,
                    number,
                    key,
                }));
            }
        }
        Ok(None)
    }

    /// Finds what a client may cancel.
    pub fn find(&self, number: u32, key: &[u8]) -> Option<ServerKey> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (right, server) = known.get(&number)?;
        bool::from(right.as_slice().ct_eq(key)).then(|| server.clone())
    }
}

impl Key {
    /// Writes it as the server tells a client its key.
    pub fn write(&self, out: &mut Vec<u8>) {
        frame::message(out, b'K', |out| {
            out.extend_from_slice(&self.number.to_be_bytes());
            out.extend_from_slice(&self.key);
        });
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        let mut known = self.cancels.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::startup::PROTOCOL_3_0;
    use super::*;

    #[test]
    fn only_the_whole_key_cancels_and_only_while_the_session_lives() {
        let cancels = Arc::new(Cancels::default());
        let server = ServerKey {
            number: 7,
            key: vec![1, 2, 3, 4],
        };
        let key = cancels.issue(server.clone(), PROTOCOL_3_2).unwrap().unwrap();
        assert_eq!(key.key.len(), LONG_KEY_BYTES);
        assert_eq!(cancels.find(key.number, &key.key), Some(server.clone()));
        assert_eq!(cancels.find(key.number, &key.key[..4]), None);
        let (number, words) = (key.number, key.key.clone());
        drop(key);
        assert_eq!(cancels.find(number, &words), None);
        let short = cancels.issue(server, PROTOCOL_3_0).unwrap().unwrap();
        assert_eq!(short.key.len(), KEY_BYTES);
    }
}
