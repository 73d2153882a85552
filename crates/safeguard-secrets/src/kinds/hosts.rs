//! Passwords that are words, and hosts that are examples or within reach of few.

/// What everybody writes where a password would stand.
pub(crate) fn is_word(password: &str) -> bool {
    const WORDS: &[&str] = &[
        "password",
        "passwd",
        "pass",
        "passw0rd",
        "password1",
        "password123",
        "secret",
        "token",
        "test",
        "testing",
        "test123",
        "user",
        "username",
        "guest",
        "pwd",
        "admin",
        "admin123",
        "root",
        "postgres",
        "mysql",
        "redis",
        "mongo",
        "rabbitmq",
        "foo",
        "bar",
        "baz",
        "abc",
        "abc123",
        "string",
        "key",
        "mypassword",
        "mypass",
        "my_password",
        "my-password",
        "userpass",
        "hunter2",
        "letmein",
        "dbpass",
        "dbpassword",
        "db_password",
        "p4ssw0rd",
        "pw",
        "x-oauth-basic",
        "oauth2",
        "none",
        "null",
        "empty",
        "hidden",
        "port",
        "host",
        "pa55",
        "p@ssw0rd",
        "p@ss",
        "s3cr3t",
        "qwerty",
        "apikey",
        "api_key",
        "minio123",
        "minioadmin",
        "elastic",
        "changethis",
        "default",
        "demo",
        "docker",
        "travis",
        "sa",
        "pass123",
        "pass1",
        "password2",
        "secretpassword",
        "supersecret",
        "topsecret",
        "credentials",
        "auth_token",
        "access_token",
        "some-password",
        "somepassword",
        "mysecretpassword",
        "mysecret",
        "passphrase",
        "pswd",
        "psw",
        "prisma",
        "nobody",
        "anonymous",
        "app",
        "dev",
    ];
    WORDS.contains(&password.to_ascii_lowercase().trim_matches(['_', '-', '*']))
}

pub(super) fn is_example_host(host: &str) -> bool {
    const ENDS: &[&str] = &[
        ".example",
        ".test",
        ".invalid",
        "example.com",
        "example.org",
        "example.net",
        "domain.com",
        "domain.tld",
        "host.com",
        "server.com",
        "site.com",
        "foo.com",
        "bar.com",
        "myhost.com",
        "company.com",
        "somewhere.com",
        "hostname.com",
    ];
    ENDS.iter().any(|end| host.ends_with(end))
        || matches!(
            host,
            "host" | "hostname" | "server" | "domain" | "ip" | "address" | "example" | "..." | "url"
        )
}

/// A host that only those can reach who are there already.
pub(super) fn is_local_host(host: &str) -> bool {
    let private = host.starts_with("127.")
        || host.starts_with("10.")
        || host.starts_with("192.168.")
        || host.starts_with("172.1")
        || host.starts_with("0.")
        || host.starts_with('[');
    private
        || !host.contains('.')
        || host.ends_with(".local")
        || host.ends_with(".internal")
        || host.ends_with(".localhost")
        || host.ends_with(".docker")
}
