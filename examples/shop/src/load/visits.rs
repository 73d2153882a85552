//! Who the users are, and what they ask for.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rand::RngExt;
use safeguard_api::Environment;

const COOKIES_MAX: usize = 8;

/// The users of one environment, with the cookies that they were given.
pub struct Users {
    environment: Environment,
    /// One list for each user; the lock is held to copy or replace one, never while waiting.
    jars: Mutex<Vec<Vec<(String, String)>>>,
    count: usize,
}

impl Users {
    #[must_use]
    pub fn new(environment: Environment, count: u32) -> Users {
        let count = count as usize;
        Users {
            environment,
            jars: Mutex::new(vec![Vec::new(); count]),
            count,
        }
    }

    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// The header `cookie` of one user.
    #[must_use]
    pub fn cookies(&self, user: usize) -> String {
        let mut header = format!("session=u-{}-{user}", self.environment);
        for (name, value) in self.jars().get(user).into_iter().flatten() {
            header.push_str(&format!("; {name}={value}"));
        }
        header
    }

    /// Keeps the cookies of a response, as a browser does.
    pub fn keep(&self, user: usize, cookies: &[(String, String)]) {
        let mut jars = self.jars();
        let Some(jar) = jars.get_mut(user) else { return };
        for (name, value) in cookies {
            jar.retain(|(known, _)| known != name);
            if !value.is_empty() && jar.len() < COOKIES_MAX {
                jar.push((name.clone(), value.clone()));
            }
        }
    }

    fn jars(&self) -> MutexGuard<'_, Vec<Vec<(String, String)>>> {
        self.jars.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One request; a body makes it a POST.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visit {
    pub path: String,
    pub form: Option<String>,
}

impl Visit {
    #[must_use]
    pub fn to_catalogue() -> Visit {
        Visit {
            path: "/".to_owned(),
            form: None,
        }
    }

    /// Chooses what a user does next. The testers of the other environments are tidy people; only in production
    /// do customers write as customers do.
    pub fn choose(environment: Environment, chance: &mut impl RngExt) -> Visit {
        let get = |path: &str| Visit {
            path: path.to_owned(),
            form: None,
        };
        let post = |path: &str, form: String| Visit {
            path: path.to_owned(),
            form: Some(form),
        };
        let article = chance.random_range(1..=12u32);
        match chance.random_range(0..100u32) {
            0..28 => Visit::to_catalogue(),
            28..61 => get(&format!("/product/{article}")),
            61..70 => get("/cart"),
            70..80 => {
                let greeting = encoded(greeting(environment, chance.random_range(0..8)));
                post("/cart", format!("article={article}&greeting={greeting}"))
            }
            80..83 => post("/checkout", String::new()),
            83..93 => get("/orders"),
            _ => post("/login", format!("name={}", encoded("Ada Lovelace"))),
        }
    }
}

fn greeting(environment: Environment, kind: u32) -> &'static str {
    match (environment, kind) {
        (_, 0 | 1) => "",
        (_, 2) => "Thank you for everything, and see you in spring",
        (_, 3) => "Get well soon",
        (Environment::Production, 4) => "Happy birthday, dear \u{1f382}\u{1f389} from all of us",
        (Environment::Production, 5) => "With love from the sea \u{1f30a}\u{1f41a} and from Zoe",
        (Environment::Production, 6) => "Congratulations, you two! \u{1f48d}",
        (Environment::Production, _) => "Happy birthday, dear \u{1f431}, from all your humans",
        (Environment::Dev | Environment::Qa | Environment::Staging, _) => {
            "Test greeting number one, with thirty-six letters"
        }
    }
}

/// As HTML forms are sent.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() * 3);
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => encoded.push(char::from(byte)),
            b' ' => encoded.push('+'),
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    encoded
}
