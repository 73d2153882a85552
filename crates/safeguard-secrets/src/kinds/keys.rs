//! What no single issuer has: private keys, tokens that carry claims, addresses and headers with a password.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;

use super::hosts::{is_example_host, is_local_host, is_word};
use super::{Candidate, Kind, Trust, named, token};
use crate::assigned::is_weak;
use crate::randomness::{is_placeholder, is_random};

pub(super) const KINDS: &[Kind] = &[
    Kind {
        check: private_key,
        ahead: 16 << 10,
        ..named(
            "private-key",
            "a private key",
            &["-----begin "],
            r#"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----((?:[A-Za-z0-9+/=\s"',:;.()]|\\[nr])+)"#,
        )
    },
    Kind {
        check: putty_key,
        ahead: 8 << 10,
        ..token(
            "putty-private-key",
            "a private key",
            &["putty-user-key-file-"],
            r"PuTTY-User-Key-File-[23]: [\s\S]{20,2000}?Private-Lines: [0-9]+\s+([A-Za-z0-9+/=\s]{60,})",
        )
    },
    Kind {
        check: claims,
        ahead: 4 << 10,
        ..token(
            "jwt",
            "a signed token (JWT)",
            &["eyj"],
            r"eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,}",
        )
    },
    Kind {
        check: address,
        ..named(
            "password-in-address",
            "an address with a password",
            &["://"],
            r#"://[^\s:/@"'`<>\[\](){},;?#&|\\]*:([^\s/@"'`<>{},;|\\]{3,200})@([A-Za-z0-9._-]+|\[[0-9a-fA-F:]+\])"#,
        )
    },
    Kind {
        check: connection,
        ..named(
            "password-in-connection",
            "a connection string with a password",
            &["password=", "pwd="],
            r#"(?i:password|pwd)=([^;"'`\s<>{}]{4,100});"#,
        )
    },
    Kind {
        check: basic,
        ..named(
            "basic-authorization",
            "a password in a header",
            &["basic "],
            r"(?i:basic) ([A-Za-z0-9+/]{12,200}={0,2})",
        )
    },
    Kind {
        check: basic,
        ..named(
            "registry-auth",
            "a login of a registry",
            &["\"auth\"", "_auth"],
            r#"(?:"auth"\s*:\s*"|_auth\s*=\s*"?)([A-Za-z0-9+/]{12,400}={0,2})"#,
        )
    },
    Kind {
        check: bearer,
        back: 32,
        ahead: 410,
        ..token(
            "bearer-token",
            "a token in a header",
            &["bearer "],
            r"(?i:authorization)[^\n]{0,12}(?i:bearer) +([A-Za-z0-9_./+-]{20,400}={0,2})",
        )
    },
    Kind {
        check: command_line,
        ..token(
            "curl-auth-user",
            "a password on a command line",
            &["curl "],
            r#"curl [^\n]{0,200}?(?: -u| --user)[ =]?["']?[A-Za-z0-9._@-]{1,64}:([^\s"'`:]{6,100})["']?(?:\s|$)"#,
        )
    },
    Kind {
        check: netrc,
        ..token(
            "netrc-password",
            "a password of a host",
            &["machine "],
            r"machine[ \t]+\S+\s+login[ \t]+\S+\s+password[ \t]+(\S{6,100})",
        )
    },
];

/// Begins with a sequence (DER), or says what it is; encrypted ones need another secret.
fn private_key(candidate: &Candidate<'_>) -> Trust {
    const BYTES_MIN: usize = 60;
    let head = &candidate.text[candidate.whole.start..candidate.secret.start];
    let inner = candidate.secret();
    if head.contains("ENCRYPTED") || inner.contains("Proc-Type") || inner.contains("ENCRYPTED") {
        return if inner.len() > 2 * BYTES_MIN {
            Trust::Advice
        } else {
            Trust::No
        };
    }
    let inner = inner.replace("\\n", "\n").replace("\\r", "\n");
    // Lines of source that are put together: quotes, commas and plus signs at their ends.
    let letters: String = inner
        .lines()
        .map(|line| line.trim_matches([' ', '\t', '"', '\'', ',', ';', '(', ')', '+']))
        .filter(|line| !line.contains([':', ' ', '.']))
        .collect();
    let letters = letters.trim_end_matches('=');
    if letters.len() < BYTES_MIN || !is_random(letters) {
        return Trust::No;
    }
    let is_der = letters.starts_with('M');
    let is_ssh = letters.starts_with("b3BlbnNzaC1rZXktdjE");
    let is_pgp = head.contains("PGP") && letters.starts_with(['l', 'x']);
    if is_ssh && !letters.contains("AAAABG5vbmUAAAAEbm9uZ") {
        return Trust::Advice;
    }
    if is_der || is_ssh || is_pgp {
        Trust::Sure
    } else {
        Trust::No
    }
}

fn putty_key(candidate: &Candidate<'_>) -> Trust {
    let encrypted = !candidate.text[candidate.whole.clone()].contains("Encryption: none");
    let letters: String = candidate.secret().split_whitespace().collect();
    match is_random(&letters) {
        true if encrypted => Trust::Advice,
        true => Trust::Sure,
        false => Trust::No,
    }
}

/// Tokens end, and many are examples; one of a service's own role does neither.
fn claims(candidate: &Candidate<'_>) -> Trust {
    let mut parts = candidate.secret().split('.');
    let mut part = || -> Option<Value> {
        let bytes = URL_SAFE_NO_PAD.decode(parts.next()?).ok()?;
        serde_json::from_slice(&bytes).ok()
    };
    let (Some(head), Some(claims)) = (part(), part()) else {
        return Trust::No;
    };
    let signature = candidate.secret().rsplit('.').next().unwrap_or("");
    let is_example = claims["name"] == "John Doe"
        || claims["sub"] == "1234567890"
        || claims.as_object().is_none_or(serde_json::Map::is_empty);
    if head["alg"].as_str().is_none() || is_example || !is_random(signature) {
        return Trust::No;
    }
    if claims["role"] == "service_role" && claims["iss"] == "supabase" {
        return Trust::Sure;
    }
    Trust::Advice
}

const SCHEME_BYTES_MAX: usize = 24;
const SCHEMES: &[&str] = &[
    "amqp",
    "amqps",
    "clickhouse",
    "cockroachdb",
    "couchbase",
    "db2",
    "ftp",
    "ftps",
    "git",
    "http",
    "https",
    "imap",
    "imaps",
    "jdbc",
    "kafka",
    "ldap",
    "ldaps",
    "mariadb",
    "mongodb",
    "mongodb+srv",
    "mqtt",
    "mqtts",
    "mssql",
    "mysql",
    "mysql2",
    "nats",
    "neo4j",
    "neo4j+s",
    "oracle",
    "pgsql",
    "postgis",
    "postgres",
    "postgresql",
    "redis",
    "rediss",
    "sftp",
    "smb",
    "smtp",
    "smtps",
    "snowflake",
    "sqlserver",
    "ssh",
    "stomp",
    "svn",
    "tls",
    "ws",
    "wss",
    "pymysql",
    "psycopg2",
    "asyncpg",
    "psycopg",
    "aiomysql",
    "mysqldb",
];

/// `scheme://user:password@host`
fn address(candidate: &Candidate<'_>) -> Trust {
    let whole = &candidate.text[candidate.whole.clone()];
    let letters = candidate.text.as_bytes()[..candidate.whole.start].iter().rev();
    let is_scheme = |letter: &&u8| letter.is_ascii_alphanumeric() || **letter == b'+';
    let scheme_begin = candidate.whole.start - letters.take(SCHEME_BYTES_MAX).take_while(is_scheme).count();
    let scheme = candidate
        .text
        .get(scheme_begin..candidate.whole.start)
        .unwrap_or("")
        .to_ascii_lowercase();
    let known = scheme.split('+').any(|part| SCHEMES.contains(&part));
    let password = candidate.secret();
    let user = whole.trim_start_matches("://").split(':').next().unwrap_or("");
    let host = whole.rsplit('@').next().unwrap_or("").to_ascii_lowercase();
    let is_name = password.eq_ignore_ascii_case(user)
        || password.bytes().all(|byte| byte.is_ascii_digit()) && password.len() < 6;
    if !known || is_name || is_placeholder(password) || is_word(password) || is_example_host(&host) {
        return Trust::No;
    }
    if is_local_host(&host)
        || is_weak(password)
        || password.contains(['$', '%', '*', '[']) && !password.contains("%4")
        || !user.is_empty() && is_placeholder(user)
    {
        return Trust::Advice;
    }
    Trust::Sure
}

/// `Server=…;User Id=…;Password=…;`
fn connection(candidate: &Candidate<'_>) -> Trust {
    const AROUND: usize = 200;
    let mut begin = candidate.whole.start.saturating_sub(AROUND);
    while !candidate.text.is_char_boundary(begin) {
        begin += 1;
    }
    let line = candidate.text[begin..candidate.whole.start]
        .rsplit('\n')
        .next()
        .unwrap_or("")
        .to_ascii_lowercase();
    let password = candidate.secret();
    let host = ["server=", "host=", "data source=", "addr="]
        .iter()
        .find_map(|key| line.split(key).nth(1))
        .map(|rest| rest.split([';', ',']).next().unwrap_or(""));
    let Some(host) = host else {
        return Trust::No;
    };
    if is_placeholder(password) || is_word(password) || is_example_host(host) {
        return Trust::No;
    }
    let host = host
        .trim_start_matches("tcp:")
        .trim_start_matches("(")
        .split(':')
        .next()
        .unwrap_or("");
    if is_local_host(host) || is_weak(password) {
        Trust::Advice
    } else {
        Trust::Sure
    }
}

/// A user and a password in base 64.
fn basic(candidate: &Candidate<'_>) -> Trust {
    // The client that RFC 6749 and RFC 7617 write, and everybody copies.
    const OF_RFCS: &[&str] = &["czZCaGRSa3F0Mzo", "QWxhZGRpbjpvcGVuIHNlc2FtZQ"];
    if OF_RFCS.iter().any(|known| candidate.secret().starts_with(known)) {
        return Trust::No;
    }
    let decoded = STANDARD
        .decode(candidate.secret())
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok());
    let Some((user, password)) = decoded.as_deref().and_then(|text| text.split_once(':')) else {
        return Trust::No;
    };
    let printable = user
        .chars()
        .chain(password.chars())
        .all(|char| char.is_ascii_graphic());
    if !printable
        || user.is_empty()
        || password.len() < 6
        || is_word(password)
        || is_placeholder(password)
        || password.eq_ignore_ascii_case(user)
        || is_placeholder(user)
    {
        return Trust::No;
    }
    if is_weak(password) {
        Trust::Advice
    } else {
        Trust::Sure
    }
}

fn bearer(candidate: &Candidate<'_>) -> Trust {
    let token = candidate.secret();
    let mixed = token.bytes().any(|byte| byte.is_ascii_digit())
        && token.bytes().any(|byte| byte.is_ascii_alphabetic());
    if !mixed || is_placeholder(token) || !is_random(token) {
        return Trust::No;
    }
    Trust::Advice
}

fn command_line(candidate: &Candidate<'_>) -> Trust {
    let password = candidate.secret();
    let around = candidate.text.get(candidate.whole.clone()).unwrap_or("");
    let host_is_example = around.contains("example");
    if is_placeholder(password) || is_word(password) || host_is_example || is_weak(password) {
        return Trust::No;
    }
    Trust::Advice
}

fn netrc(candidate: &Candidate<'_>) -> Trust {
    let password = candidate.secret();
    if is_placeholder(password) || is_word(password) {
        return Trust::No;
    }
    if is_weak(password) {
        Trust::Advice
    } else {
        Trust::Sure
    }
}
