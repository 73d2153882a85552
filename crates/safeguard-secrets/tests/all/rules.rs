//! Rules of others, in the format of gitleaks.

use safeguard_secrets::Rules;
use safeguard_secrets::gitleaks::Config;

use crate::cases::place;

fn found(config: &str, path: &str, text: &str) -> Vec<String> {
    let config = Config::read(config).unwrap_or_else(|error| panic!("{error}"));
    let rules = Rules::new(config).unwrap();
    let secrets = rules.find(text, place(path)).0;
    secrets
        .iter()
        .map(|secret| format!("{}:{}", secret.kind, &text[secret.span.clone()]))
        .collect()
}

const ACME: &str = r#"
title = "acme"
[[rules]]
id = "acme-key"
description = "a key of Acme"
regex = '''\bacme_([a-z0-9]{8})\b'''
keywords = ["ACME_"]
"#;

#[test]
fn a_rule_finds_what_its_expression_fits() {
    assert_eq!(found(ACME, "a.txt", "key: acme_1x2y3z4w."), ["acme-key:1x2y3z4w"]);
    assert_eq!(found(ACME, "a.txt", "key: acme_1x2y3z4wq"), [""; 0]);
}

#[test]
fn groups_entropy_and_paths_narrow_it() {
    let config = |more: &str| format!("{ACME}{more}");
    assert_eq!(
        found(
            &config("secretGroup = 1\nentropy = 2.5"),
            "a.txt",
            "acme_1x2y3z4w acme_aaaaaaaa"
        ),
        ["acme-key:1x2y3z4w"]
    );
    assert_eq!(
        found(&config("path = '''\\.ini$'''"), "a.txt", "acme_1x2y3z4w"),
        [""; 0]
    );
    assert_eq!(
        found(&config("path = '''\\.ini$'''"), "a.ini", "acme_1x2y3z4w"),
        ["acme-key:1x2y3z4w"]
    );
}

#[test]
fn a_rule_for_a_path_alone_finds_the_file() {
    let config = "[[rules]]\nid = \"keystore\"\npath = '''\\.jks$'''";
    assert_eq!(found(config, "a.jks", "x"), ["keystore:"]);
    assert_eq!(found(config, "a.txt", "x"), [""; 0]);
}

#[test]
fn allowlists_let_pass() {
    let text = "let k = acme_1x2y3z4w // known";
    for (allowlist, passes) in [
        ("regexes = ['''^1x''']", true),
        ("regexes = ['''known''']", false),
        ("regexTarget = \"line\"\nregexes = ['''known''']", true),
        ("regexTarget = \"match\"\nregexes = ['''acme_1''']", true),
        ("stopwords = [\"Y3\"]", true),
        ("paths = ['''^src/''']", true),
        ("paths = ['''^lib/''']", false),
        (
            "condition = \"AND\"\npaths = ['''^src/''']\nstopwords = [\"nothing\"]",
            false,
        ),
        (
            "condition = \"AND\"\npaths = ['''^src/''']\nstopwords = [\"1x2\"]",
            true,
        ),
        ("commits = [\"0123456789abcdef0123456789abcdef01234567\"]", false),
    ] {
        for form in [
            "[rules.allowlist]",
            "[[rules.allowlists]]",
            "[allowlist]",
            "[[allowlists]]",
        ] {
            let config = format!("{ACME}{form}\n{allowlist}\n");
            assert_eq!(
                found(&config, "src/a.txt", text).is_empty(),
                passes,
                "{form} {allowlist}"
            );
        }
    }
    let other = format!("{ACME}[[allowlists]]\ntargetRules = [\"other\"]\nstopwords = [\"1x\"]\n");
    assert_eq!(found(&other, "src/a.txt", text).len(), 1);
}

#[test]
fn kinds_of_this_program_are_switched_off_and_narrowed_by_name() {
    let text = "url = postgres://shop:Zk8tQ2mWv9@db1.shop-prod.net/shop";
    assert_eq!(found("", "a.ini", text).len(), 1);
    assert_eq!(
        found(
            "[extend]\nuseDefault = true\ndisabledRules = [\"password-in-address\"]",
            "a.ini",
            text
        ),
        [""; 0]
    );
    let narrowed = "[extend]\nuseDefault = true\n[[rules]]\nid = \"password-in-address\"\n[[rules.allowlists]]\npaths = ['''a\\.ini''']";
    assert_eq!(found(narrowed, "a.ini", text), [""; 0]);
    assert_eq!(found(narrowed, "b.ini", text).len(), 1);
}

#[test]
fn a_file_stands_over_the_one_that_it_extends() {
    let base = Config::read(&ACME.replace("{8}", "{4}")).unwrap();
    let own = Config::read(&format!(
        "[extend]\npath = \"base.toml\"\n{}",
        ACME.replace("title = \"acme\"", "")
    ))
    .unwrap();
    assert_eq!(own.extends.as_deref(), Some("base.toml"));
    let rules = Rules::new(own.over(base)).unwrap();
    assert_eq!(rules.find("acme_1x2y acme_1x2y3z4w", place("a.txt")).0.len(), 1);
}

#[test]
fn what_is_not_supported_is_refused_by_its_name() {
    for (config, reason) in [
        (
            "[[rules]]\nid = \"a\"\nregex = '''x'''\n[[rules.required]]\nid = \"b\"",
            "required",
        ),
        (
            "[[rules]]\nid = \"a\"\nregex = '''x'''\nskipReport = true",
            "skipReport",
        ),
        ("[[rules]]\nid = \"a\"\nregex = '''(?=x)'''", "look-around"),
        (
            "[[rules]]\nid = \"a\"\nregex = '''x'''\nsecretGroup = 2",
            "secretGroup",
        ),
        ("[[rules]]\nid = \"a\"", "needs `regex` or `path`"),
        ("[extend]\nurl = \"https://acme.io\"", "url"),
        ("[allowlist]\ndescription = \"nothing\"", "has neither"),
        (
            "[allowlist]\nregexTarget = \"file\"\nregexes = ['''x''']",
            "`file`",
        ),
        ("[allowlist]\ncondition = \"XOR\"\nregexes = ['''x''']", "`XOR`"),
        ("[[rules]]\nregex = '''x'''", "id"),
        ("rules = 1", "line 1"),
    ] {
        let error = Config::read(config).unwrap_err().to_string();
        assert!(error.contains(reason), "{config}: {error}");
    }
}
