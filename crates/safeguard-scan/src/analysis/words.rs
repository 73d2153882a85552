//! The words of names, and what a name says that its value is.

/// The words of a name as they are written: `userPassword`, `USER_PASSWORD` and `user-password` are two each. A number stays with the word
/// before it.
fn written(name: &str) -> impl Iterator<Item = &str> {
    let mut rest = name;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(|char: char| !char.is_alphanumeric());
        let mut chars = rest.chars().peekable();
        let mut before = chars.next()?;
        let mut end = before.len_utf8();
        while let Some(char) = chars.next() {
            let begins = char.is_uppercase()
                && (before.is_lowercase()
                    || before.is_ascii_digit()
                    || before.is_uppercase() && chars.peek().is_some_and(|after| after.is_lowercase()));
            if begins || !char.is_alphanumeric() {
                break;
            }
            end += char.len_utf8();
            before = char;
        }
        let (word, after) = rest.split_at(end);
        rest = after;
        Some(word)
    })
}

/// The words of a name, in small letters: `userPassword` is `user` and `password`.
pub fn words(name: &str) -> Vec<String> {
    written(name).map(str::to_lowercase).collect()
}

/// Whether one of the words of a name is in a list of words in small letters. Most names are asked about several times, and none is copied.
pub fn has_word(name: &str, list: &[&str]) -> bool {
    written(name).any(|word| {
        if word.is_ascii() {
            list.iter().any(|other| word.eq_ignore_ascii_case(other))
        } else {
            list.contains(&word.to_lowercase().as_str())
        }
    })
}

fn bare(word: &str) -> &str {
    word.trim_end_matches(|char: char| char.is_ascii_digit())
}

const PASSWORD: &[&str] = &["password", "passwd", "pwd", "passphrase", "passcode", "passwort"];

/// Words that make another thing of what they follow or precede: `password_hash`, `token_url`, `min_password_length`.
const ABOUT: &[&str] = &[
    "hash",
    "hashed",
    "hashes",
    "hasher",
    "hashing",
    "digest",
    "digested",
    "encrypted",
    "crypted",
    "ciphertext",
    "sealed",
    "field",
    "fields",
    "id",
    "ids",
    "url",
    "uri",
    "endpoint",
    "path",
    "file",
    "filename",
    "policy",
    "length",
    "len",
    "size",
    "min",
    "max",
    "count",
    "error",
    "errors",
    "err",
    "form",
    "input",
    "label",
    "placeholder",
    "type",
    "kind",
    "name",
    "names",
    "header",
    "prefix",
    "suffix",
    "regex",
    "pattern",
    "validator",
    "validators",
    "strength",
    "reset",
    "expiry",
    "expires",
    "expired",
    "expire",
    "expiration",
    "exp",
    "ttl",
    "age",
    "lifetime",
    "seconds",
    "minutes",
    "time",
    "timeout",
    "at",
    "change",
    "changed",
    "required",
    "is",
    "has",
    "need",
    "needs",
    "no",
    "show",
    "hide",
    "visible",
    "enabled",
    "disabled",
    "valid",
    "invalid",
    "ok",
    "match",
    "matches",
    "env",
    "var",
    "param",
    "message",
    "msg",
    "text",
    "title",
    "hint",
    "help",
    "index",
    "version",
    "scheme",
    "method",
    "backend",
    "context",
    "manager",
    "service",
    "helper",
    "history",
    "attempts",
    "try",
    "retry",
    "tries",
    "issuer",
    "audience",
    "provider",
    "store",
    "storage",
    "ref",
    "arn",
    "flow",
    "bucket",
    "column",
    "alg",
    "algorithm",
    "algorithms",
    "rounds",
    "salt",
    "template",
    "email",
    "page",
    "view",
    "route",
    "callback",
    "class",
    "cls",
    "func",
    "fn",
    "generator",
    "status",
    "state",
    "action",
    "event",
    "schema",
    "model",
    "format",
    "encoding",
    "separator",
    "sep",
    "delimiter",
    "cost",
    "usage",
    "budget",
    "limit",
    "limits",
    "bytes",
    "position",
    "pos",
    "start",
    "end",
    "config",
    "options",
    "settings",
    "opts",
    "uid",
];

/// Whether a value of this name is a password that somebody types, as it is.
pub fn is_password(name: &str) -> bool {
    let words = words(name);
    let is = |word: &String| PASSWORD.contains(&bare(word)) || word.ends_with("password") && word.len() > 8;
    words.iter().any(is)
        && !words.iter().any(|word| {
            ABOUT.contains(&word.as_str()) && !matches!(word.as_str(), "text" | "input" | "bytes")
        })
}

/// Whether a value of this name is the confirmation of another one, an old or a new one.
pub fn is_second_password(name: &str) -> bool {
    let words = words(name);
    let other = |word: &String| {
        matches!(
            word.as_str(),
            "confirm"
                | "confirmation"
                | "confirmed"
                | "repeat"
                | "repeated"
                | "again"
                | "retype"
                | "retyped"
                | "verify"
                | "new"
                | "old"
                | "current"
                | "previous"
                | "second"
                | "check"
                | "expected"
        ) || word.ends_with('2')
            || word.ends_with('1')
    };
    words.iter().any(other)
}

/// Whether a value of this name opens something to whoever knows it: passwords, keys, tokens.
pub fn is_secret(name: &str) -> bool {
    if is_password(name) {
        return true;
    }
    let words = words(name);
    if words.iter().any(|word| ABOUT.contains(&word.as_str())) {
        return false;
    }
    let joined = words.join("");
    const WHOLE: &[&str] = &[
        "apikey",
        "secretkey",
        "accesskey",
        "privatekey",
        "signingkey",
        "encryptionkey",
        "masterkey",
        "authkey",
        "authtoken",
        "accesstoken",
        "refreshtoken",
        "bearertoken",
        "apitoken",
        "jwtsecret",
        "clientsecret",
        "appsecret",
        "sessionsecret",
        "cookiesecret",
        "webhooksecret",
        "sharedsecret",
        "secretaccesskey",
        "accountkey",
        "connectionstring",
        "jwtkey",
        "hmackey",
        "sessionkey",
        "servicetoken",
        "admintoken",
        "bottoken",
        "secrettoken",
        "deploytoken",
        "adminkey",
        "servicekey",
    ];
    words
        .last()
        .is_some_and(|last| matches!(bare(last), "secret" | "secrets"))
        || WHOLE.iter().any(|whole| joined.ends_with(whole))
}

/// Whether a function of this name decides who somebody is, or what they may do.
pub fn is_about_access(name: &str) -> bool {
    let words = words(name);
    let joined = words.join("");
    let one = |word: &String| {
        matches!(
            word.as_str(),
            "auth"
                | "authn"
                | "authz"
                | "authenticate"
                | "authenticated"
                | "authentication"
                | "authorize"
                | "authorise"
                | "authorized"
                | "authorised"
                | "authorization"
                | "authorisation"
                | "authenticator"
                | "authorizer"
                | "permission"
                | "permissions"
                | "permitted"
                | "jwt"
                | "login"
                | "signin"
                | "guard"
                | "protect"
                | "protected"
                | "credentials"
                | "rbac"
                | "acl"
                | "allowed"
                | "privilege"
                | "privileged"
                | "oauth"
                | "sso"
                | "middleware"
        )
    };
    let checks = words.first().is_some_and(|first| {
        matches!(
            first.as_str(),
            "is" | "has"
                | "can"
                | "check"
                | "verify"
                | "validate"
                | "require"
                | "requires"
                | "ensure"
                | "assert"
                | "get"
                | "current"
                | "valid"
                | "enforce"
                | "resolve"
                | "load"
        )
    });
    let who = |word: &String| {
        matches!(
            word.as_str(),
            "admin"
                | "user"
                | "role"
                | "roles"
                | "token"
                | "session"
                | "access"
                | "owner"
                | "signature"
                | "identity"
                | "superuser"
                | "staff"
                | "principal"
                | "apikey"
                | "claims"
                | "scope"
                | "scopes"
        )
    };
    words.iter().any(one) || checks && (words.iter().any(who) || joined.ends_with("apikey"))
}

/// Whether a name says that what it holds or does is unsafe, only for development, or a choice of whoever runs the program.
pub fn is_switch(name: &str) -> bool {
    has_word(
        name,
        &[
            "insecure",
            "unsafe",
            "verify",
            "unverified",
            "skip",
            "ssl",
            "tls",
            "certificate",
            "cert",
            "certs",
            "validate",
            "check",
            "trust",
            "strict",
            "dev",
            "develop",
            "development",
            "local",
            "localhost",
            "debug",
            "test",
            "testing",
            "ci",
            "selfsigned",
            "self",
            "signed",
            "no",
            "disable",
            "ignore",
            "noverify",
            "env",
            "environment",
            "production",
            "prod",
            "staging",
            "mock",
            "emulator",
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::{has_word, is_about_access, is_password, is_secret, words};

    #[test]
    fn names_are_split() {
        assert_eq!(words("userPassword"), ["user", "password"]);
        assert_eq!(words("JWT_SECRET"), ["jwt", "secret"]);
        assert_eq!(words("APIKeyID"), ["api", "key", "id"]);
        assert_eq!(words("x-user-id"), ["x", "user", "id"]);
        assert_eq!(words("sha256Sum"), ["sha256", "sum"]);
    }

    #[test]
    fn a_word_is_found_whatever_its_letters() {
        for name in ["userPassword", "USER_PASSWORD", "x-password", "ÄnderungsPassword"] {
            assert!(has_word(name, &["password"]), "{name}");
        }
        assert!(has_word("ÜBERWEISUNG_id", &["überweisung"]));
        for name in ["", "_", "passwordless", "pass_word", "compassword"] {
            assert!(!has_word(name, &["password"]), "{name}");
        }
        assert_eq!(words("__ÄrgerÖlSUV2go"), ["ärger", "öl", "suv2go"]);
    }

    #[test]
    fn names_say_what_they_hold() {
        for name in ["password", "userPassword", "db_pwd", "plain_password"] {
            assert!(is_password(name), "{name}");
        }
        for name in [
            "password_hash",
            "passwordField",
            "min_password_length",
            "passport",
            "compass",
        ] {
            assert!(!is_password(name), "{name}");
        }
        for name in [
            "API_KEY",
            "jwtSecret",
            "STRIPE_API_KEY",
            "client_secret",
            "accessToken",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in ["token_url", "secret_name", "key", "apiKeyHeader", "tokenizer"] {
            assert!(!is_secret(name), "{name}");
        }
        for name in [
            "get_current_user",
            "requireAuth",
            "isAdmin",
            "verify_token",
            "AuthMiddleware",
        ] {
            assert!(is_about_access(name), "{name}");
        }
        for name in ["author", "list_users", "get_item", "canonical"] {
            assert!(!is_about_access(name), "{name}");
        }
    }
}
