//! Rules in Semgrep's YAML for settings of infrastructure.

use safeguard_scan::language::Language;
use safeguard_scan::project::Project;
use safeguard_scan::scan::{self, Rules};

/// The lines that a rule finds something in.
fn lines(language: Language, rule: &str, text: &str) -> Vec<usize> {
    let rules = safeguard_scan::rule::load(rule).expect("a rule");
    let rules = Rules::of(rules);
    let source = scan::read("case", language, text).expect("a file");
    let scanned = scan::scan(&rules, &source, &Project::default());
    scanned
        .findings
        .iter()
        .map(|finding| finding.place.line)
        .collect()
}

#[test]
fn blocks_of_hcl_are_found_by_their_labels_and_attributes() {
    let rule = r#"
rules:
  - id: public-bucket
    languages: [terraform]
    severity: ERROR
    message: "`$NAME` is public"
    patterns:
      - pattern-inside: |
          resource "aws_s3_bucket" $NAME {
            ...
          }
      - pattern: acl = "public-read"
"#;
    let text = r#"
resource "aws_s3_bucket" "a" {
  bucket = "a"
  acl    = "public-read"
}
resource "aws_s3_bucket" "b" {
  acl = "private"
}
resource "aws_s3_object" "c" {
  acl = "public-read"
}
"#;
    assert_eq!(lines(Language::Hcl, rule, text), [4]);
}

#[test]
fn lists_and_metavariables_of_hcl() {
    let rule = r#"
rules:
  - id: open
    languages: [hcl]
    severity: ERROR
    message: "$X"
    patterns:
      - pattern: |
          resource "aws_security_group_rule" $NAME {
            ...
            cidr_blocks = [..., "0.0.0.0/0", ...]
            ...
          }
"#;
    let text = r#"
resource "aws_security_group_rule" "a" {
  type        = "ingress"
  cidr_blocks = ["10.0.0.0/8", "0.0.0.0/0"]
}
resource "aws_security_group_rule" "b" {
  cidr_blocks = ["10.0.0.0/8"]
}
"#;
    assert_eq!(lines(Language::Hcl, rule, text), [2]);
}

#[test]
fn entries_of_yaml_are_found_within_others() {
    let rule = r#"
rules:
  - id: host-network
    languages: [yaml]
    severity: ERROR
    message: "$NAME"
    patterns:
      - pattern-inside: |
          spec:
            ...
            containers:
              ...
            ...
      - pattern: |
          hostNetwork: true
  - id: latest
    languages: [yaml]
    severity: ERROR
    message: "$IMAGE"
    patterns:
      - pattern: |
          image: $IMAGE
      - metavariable-regex:
          metavariable: $IMAGE
          regex: .*:latest
"#;
    let text = r#"
spec:
  hostNetwork: true
  containers:
    - name: a
      image: acme/a:latest
    - name: b
      image: acme/b:1.0
other:
  hostNetwork: true
"#;
    assert_eq!(lines(Language::Yaml, rule, text), [3, 6]);
}

#[test]
fn items_of_lists_in_yaml() {
    let rule = r#"
rules:
  - id: all
    languages: [yaml]
    severity: ERROR
    message: all
    pattern: |
      add: [..., "ALL", ...]
"#;
    let text = "a:\n  add: [NET_RAW, ALL]\nb:\n  add:\n    - CHOWN\n";
    assert_eq!(lines(Language::Yaml, rule, text), [2]);
}

#[test]
fn languages_without_patterns_are_refused_by_name() {
    let rule = "rules:\n  - {id: a, languages: [generic], severity: ERROR, message: a, pattern: rm -rf $X}\n";
    let error = safeguard_scan::rule::load(rule)
        .expect_err("it is not supported")
        .to_string();
    assert!(error.contains("`generic`"), "{error}");
}
