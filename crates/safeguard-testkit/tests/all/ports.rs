//! Ports for what the tests start.

use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener};
use std::sync::Mutex;

/// A free port of the loopback. None is given twice: the kernel may give what one test has just let go to the next, before a
/// program listens on it.
pub fn free_address() -> SocketAddr {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    loop {
        let address = TcpListener::bind("127.0.0.1:0")
            .and_then(|free| free.local_addr())
            .expect("a free port");
        if GIVEN
            .lock()
            .expect("no test panics with it")
            .insert(address.port())
        {
            return address;
        }
    }
}
