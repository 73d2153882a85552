//! What the load asks for: the requests that the configuration names, made by users of their own.

use bytes::Bytes;
use hyper::Method;
use safeguard_api::config::{DrillVerify, DrillWrite, Service, UserKey, WRITE_KEY};

use super::exchange::Ask;

/// Where the service has no key of its users, the router knows them by this.
const ROUTERS_COOKIE: &str = "sg_uid";

/// A write, and how it is found again.
#[derive(Debug, Clone)]
struct Writing {
    write: DrillWrite,
    verify: DrillVerify,
}

/// The requests of one service.
#[derive(Debug, Clone)]
pub struct Asks {
    read: Vec<String>,
    writing: Option<Writing>,
    user_key: UserKey,
    /// Tells this drill's keys from those of every other.
    mark: String,
}

impl Asks {
    pub fn new(service: &Service, mark: String) -> Asks {
        let drill = &service.drill;
        let writing = drill.write.clone().zip(drill.verify.clone());
        Asks {
            read: drill.read.clone(),
            writing: writing.map(|(write, verify)| Writing { write, verify }),
            user_key: service.user_key.clone(),
            mark,
        }
    }

    pub fn writes(&self) -> bool {
        self.writing.is_some()
    }

    /// A key for the `number`th write: letters, digits and dashes, so that it is the same in a path, a form and JSON.
    pub fn write_key(&self, number: u64) -> String {
        format!("drill-{}-w{number}", self.mark)
    }

    /// The `turn`th read of a user.
    pub fn read(&self, user: usize, turn: usize) -> Ask {
        let path = self
            .read
            .get((user + turn) % self.read.len().max(1))
            .map_or("/", String::as_str);
        let key = format!("drill-{}-u{user}", self.mark);
        self.ask(Method::GET, path.to_owned(), Vec::new(), Bytes::new(), &key)
    }

    /// The write with this key; none where the service has no writes.
    pub fn write(&self, key: &str) -> Option<Ask> {
        let write = &self.writing.as_ref()?.write;
        let method = Method::from_bytes(write.method.as_str().as_bytes()).ok()?;
        let headers = write
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), filled(value, key)));
        let (path, body) = (filled(&write.path, key), filled(&write.body, key));
        Some(self.ask(method, path, headers.collect(), Bytes::from(body), key))
    }

    /// Looks for the write with this key; what the answer contains when it is there.
    pub fn verify(&self, key: &str) -> Option<(Ask, String)> {
        let verify = &self.writing.as_ref()?.verify;
        let headers = verify
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), filled(value, key)));
        let path = filled(&verify.path, key);
        let ask = self.ask(Method::GET, path, headers.collect(), Bytes::new(), key);
        Some((ask, filled(&verify.shows, key)))
    }

    fn ask(
        &self,
        method: Method,
        path: String,
        mut headers: Vec<(String, String)>,
        body: Bytes,
        user: &str,
    ) -> Ask {
        if let Some(name) = &self.user_key.header {
            headers.push((name.clone(), user.to_owned()));
        }
        let cookie = match (&self.user_key.cookie, &self.user_key.header) {
            (Some(name), _) => Some(name.as_str()),
            (None, None) => Some(ROUTERS_COOKIE),
            (None, Some(_)) => None,
        };
        if let Some(name) = cookie {
            let pair = format!("{name}={user}");
            let known = headers
                .iter_mut()
                .find(|(name, _)| name.eq_ignore_ascii_case("cookie"));
            match known {
                Some((_, cookies)) => cookies.push_str(&format!("; {pair}")),
                None => headers.push(("cookie".to_owned(), pair)),
            }
        }
        Ask {
            method,
            path,
            headers,
            body,
        }
    }
}

fn filled(text: &str, key: &str) -> String {
    text.replace(WRITE_KEY, key)
}
