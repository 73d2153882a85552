//! YAML and what it is read as.

use insta::assert_snapshot;

use super::{parse, parse_pattern};

fn outline(text: &str) -> String {
    parse(text).map_or_else(|error| error.to_string(), |tree| tree.outline())
}

#[test]
fn values() {
    assert_snapshot!(outline("a: 1\nb: [x, 'y', true, ~]\nc: &base\n  d: !Ref Z\ne: *base\n---\n- k: v\n"), @r#"
    Module
      Object
        Pair
          Key: Str "a"
          Value: Num "1"
        Pair
          Key: Str "b"
          Value: List
            Str "x"
            Str "y"
            Bool "true"
            Null "~"
        Pair
          Key: Str "c"
          Value: Object "base"
            Pair
              Key: Str "d"
              Value: Other
                Str "Z"
        Pair
          Key: Str "e"
          Value: Name "base"
      List
        Object
          Pair
            Key: Str "k"
            Value: Str "v"
    "#);
}

#[test]
fn scripts_of_workflows() {
    assert_snapshot!(outline("on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: |\n          echo \"${{ github.event.issue.title }}\"\n          rm -rf x\n      - shell: pwsh\n        run: Get-Item x | % { $_ }\n"), @r#"
    Module
      Object
        Pair
          Key: Str "on"
          Value: Str "push"
        Pair
          Key: Str "jobs"
          Value: Object
            Pair
              Key: Str "a"
              Value: Object
                Pair
                  Key: Str "runs-on"
                  Value: Str "ubuntu-latest"
                Pair
                  Key: Str "steps"
                  Value: List
                    Object
                      Pair
                        Key: Str "run"
                        Value: Str "echo \"${{ github.event.issue.title }}\"\nrm -rf x\n"
                        Body: Block
                          ExprStmt
                            Value: Call
                              Callee: Str "echo"
                              Arg: Name "${{ github.event.issue.title }}"
                          ExprStmt
                            Value: Call
                              Callee: Str "rm"
                              Arg: Str "-rf"
                              Arg: Str "x"
                    Object
                      Pair
                        Key: Str "shell"
                        Value: Str "pwsh"
                      Pair
                        Key: Str "run"
                        Value: Str "Get-Item x | % { $_ }"
    "#);
}

#[test]
fn scripts_of_jobs_and_containers() {
    assert_snapshot!(outline("test:\n  stage: test\n  script:\n    - make test\n    - >-\n      docker run\n      x\n"), @r#"
    Module
      Object
        Pair
          Key: Str "test"
          Value: Object
            Pair
              Key: Str "stage"
              Value: Str "test"
            Pair
              Key: Str "script"
              Value: List
                Str "make test"
                Str "docker run x"
              Body: Block
                ExprStmt
                  Value: Call
                    Callee: Str "make"
                    Arg: Str "test"
                ExprStmt
                  Value: Call
                    Callee: Str "docker"
                    Arg: Str "run"
                    Arg: Str "x"
    "#);
    assert_snapshot!(outline("apiVersion: v1\nkind: Pod\nspec:\n  containers:\n    - name: a\n      command: [\"/bin/sh\", \"-c\"]\n      args: [\"rm -rf /data/*\"]\n"), @r#"
    Module
      Object
        Pair
          Key: Str "apiVersion"
          Value: Str "v1"
        Pair
          Key: Str "kind"
          Value: Str "Pod"
        Pair
          Key: Str "spec"
          Value: Object
            Pair
              Key: Str "containers"
              Value: List
                Object
                  Pair
                    Key: Str "name"
                    Value: Str "a"
                  Pair
                    Key: Str "command"
                    Value: List
                      Str "/bin/sh"
                      Str "-c"
                  Pair
                    Key: Str "args"
                    Value: List
                      Str "rm -rf /data/*"
                    Body: Block
                      ExprStmt
                        Value: Call
                          Callee: Str "rm"
                          Arg: Str "-rf"
                          Arg: Str "/data/*"
    "#);
}

#[test]
fn patterns() {
    let pattern = |text: &str| {
        parse_pattern(text).map_or_else(|error| error.to_string(), |pattern| pattern.tree.outline())
    };
    assert_snapshot!(pattern("spec:\n  ...\n  hostNetwork: true\n  containers:\n    - ...\n    - name: $N\n      image: \"...\"\n"), @r#"
    Module
      Object
        Pair
          Key: Str "spec"
          Value: Object
            Ellipsis ""
              Key: Ellipsis ""
              Value: Ellipsis ""
            Pair
              Key: Str "hostNetwork"
              Value: Bool "true"
            Pair
              Key: Str "containers"
              Value: List
                Ellipsis ""
                Object
                  Pair
                    Key: Str "name"
                    Value: Metavariable "N"
                  Pair
                    Key: Str "image"
                    Value: Str "..."
    "#);
}

#[test]
fn what_is_broken_is_said() {
    assert_snapshot!(outline("a: [1, 2\nb: 3\n"), @r"
    line 2: illegal placement of ':' indicator
    ");
    assert_snapshot!(outline("jobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: if true; then\n"), @r#"
    Module
      Object
        Pair
          Key: Str "jobs"
          Value: Object
            Pair
              Key: Str "a"
              Value: Object
                Pair
                  Key: Str "runs-on"
                  Value: Str "ubuntu-latest"
                Pair
                  Key: Str "steps"
                  Value: List
                    Object
                      Pair
                        Key: Str "run"
                        Value: Str "if true; then"
                        Body: Block
    "#);
}

#[test]
fn what_is_nested_too_deep_is_refused_soon() {
    for text in [
        "[".repeat(5_000),
        "- ".repeat(5_000),
        format!("a: {}", "{b: ".repeat(3_000)),
    ] {
        assert!(parse(&text).is_err());
    }
}

#[test]
fn places_of_scripts_are_those_of_the_file() {
    let text = "jobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: >-\n          echo ä\n          \"$B\"\n      - run: \"c \\\"d\\\" e\"\n";
    let tree = parse(text).expect("a workflow");
    let at = |name: &str| {
        let named = tree.all().filter(|id| tree.name(*id) == name);
        named.map(|id| tree.source(id)).last().expect("a node").to_owned()
    };
    assert_eq!(
        (at("echo"), at("B"), at("e")),
        ("echo".to_owned(), "$B".to_owned(), "e".to_owned())
    );
}
